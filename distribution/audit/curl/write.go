package curl

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// redacted is what package wire writes in place of a secret.
const redacted = "REDACTED"

// writer writes a script.
type writer struct {
	*Script
	body         *bufio.Writer
	names        variables
	hosts        []string         // assignments of their variables
	requirements []requirement    // in the order of their first use
	unfetched    map[string]*call // by file, the first call that sends it; none fetches it
	helpers      map[string]bool  // the shell functions in use, by name
	folders      map[string]bool  // the folders in use below blobs
}

// requirement is a variable that the user must set, because the audit does not have its value.
type requirement struct{ variable, what string }

// Write writes a POSIX shell script with a curl command for each call that was sent. Run in an
// empty folder, against registries in the state that they had, it makes the same calls. They are in
// the order of their starts, except that a blob or manifest is fetched before it is sent.
//
// The addresses of hosts are variables, so that the script can call other hosts. User names,
// passwords, tokens, cookies and signatures are not in an audit; they are variables too, listed at
// the top, and the script ends at once if one is not set. The script takes a token that the run got
// from a call, the target of a redirect, and the location of an upload from the responses. Blobs
// and manifests are files blobs/ALGORITHM/HEX, whose digests it checks. Those that no call fetches,
// such as an index that was cut down to some platforms, must be there before: the top lists them, and
// the script ends at once if one is missing. It leaves out uploads that got no answer, because the
// audit does not say how much of them arrived.
func Write(out io.Writer, s *Script) error {
	w := &writer{Script: s, unfetched: map[string]*call{}, helpers: map[string]bool{}, folders: map[string]bool{}}
	for _, c := range s.calls {
		if c.isURL && !c.notSent {
			needLocation(w.uploadOpener(c))
			needLocation(w.redirectedFrom(c))
		}
	}
	if err := w.writeCommands(io.Discard); err != nil { // the head depends on them
		return err
	}
	if _, err := io.WriteString(out, w.head()); err != nil {
		return err
	}
	return w.writeCommands(out)
}

func needLocation(c *call) {
	if c != nil {
		c.needsLocation = true
	}
}

func (w *writer) writeCommands(out io.Writer) error {
	w.body = bufio.NewWriterSize(out, 64<<10) // keeps the first error
	for _, c := range w.calls {
		c.written = false
	}
	for _, c := range w.calls {
		w.write(c)
	}
	if w.helpers["location"] {
		w.body.WriteString("\nrm -f headers\n")
	}
	return w.body.Flush()
}

// write writes a call, after those that it needs and that are not written yet.
func (w *writer) write(c *call) {
	if c == nil || c.written {
		return
	}
	c.written = true
	title := fmt.Sprintf("\n# %d: %s", c.sequence, audit.RowTitle(c.row))
	if strings.HasPrefix(c.row, "end-") {
		title += " (" + texts.Printable(c.row) + ")"
	}
	switch {
	case c.notSent:
		w.body.WriteString(title + " was refused by --" + texts.Printable(c.refused) + " and not sent\n")
		return
	case !c.isURL || !method.MatchString(c.method):
		w.body.WriteString(title + " is left out: its URL or method is invalid\n")
		return
	case c.isLostUpload():
		w.body.WriteString(title + " is left out: it got no answer, and the record does not say how much of it arrived\n")
		return
	}
	w.write(w.redirectedFrom(c))
	w.write(w.uploadOpener(c))
	if strings.HasPrefix(c.header("Authorization"), "Bearer ") {
		w.write(w.tokenCallOf(c))
	}
	if c.bytes > 0 {
		for _, source := range w.sources(c.sent) {
			w.write(source)
		}
	}
	w.body.WriteString(title + ": " + c.outcome() + "\n")
	w.command(c)
}

// isLostUpload reports whether a call is an upload without an answer. Repeated, it might get one,
// and the calls after it would continue from the wrong offset.
func (c *call) isLostUpload() bool {
	return c.status == 0 && (c.row == "end-4b" || c.row == "end-5" || c.row == "end-6")
}

// outcome says how a call ended.
func (c *call) outcome() string {
	took := audit.Millis(c.duration.Round(time.Microsecond)).String()
	switch {
	case c.status == 0:
		return "no answer in " + took
	case c.failed:
		return fmt.Sprintf("%d, broken off after %s", c.status, took)
	}
	return fmt.Sprintf("%d in %s", c.status, took)
}

// required returns the variable for something that the audit does not have.
func (w *writer) required(what string, words ...string) string {
	name, isNew := w.names.name("input "+strings.Join(words, "\x00"), words...)
	if isNew {
		w.requirements = append(w.requirements, requirement{name, what})
	}
	return name
}

// host returns the scheme and host of a call, as a part of a shell word. A host has one variable,
// with the scheme of the last call that it answered: a loopback host is tried with the other one
// first.
func (w *writer) host(c *call) string {
	scheme := w.schemes[c.host]
	if scheme == "" {
		scheme = c.scheme
	}
	name, isNew := w.names.name("host "+c.host, "HOST", c.host)
	if isNew {
		w.hosts = append(w.hosts, fmt.Sprintf("%s=${%s:-%s}", name, name, quote(scheme+"://"+c.host)))
	}
	if c.scheme != scheme {
		return `"` + c.scheme + "://${" + name + `#*://}"`
	}
	return expand(name)
}

// tokenVariable returns the variable for the token that a call gets.
func (w *writer) tokenVariable(t *call) string {
	host := t.host
	if needs := w.bySequence[t.tokenFor]; needs != nil && needs.isURL {
		host = needs.host
	}
	name, _ := w.names.name(fmt.Sprint("token ", t.sequence), "TOKEN", host, fmt.Sprint(t.sequence))
	return name
}

// locationVariable returns the variable for the Location that a call gets.
func (w *writer) locationVariable(c *call) string {
	name, _ := w.names.name(fmt.Sprint("location ", c.sequence), "LOCATION", fmt.Sprint(c.sequence))
	return name
}
