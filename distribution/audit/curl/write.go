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

// redactedValue stands in a record where a secret was.
const redactedValue = "REDACTED"

// scriptWriter writes a script.
type scriptWriter struct {
	*Script
	body    *bufio.Writer
	names   variables
	hosts   []string // assignments
	inputs  []input
	helpers map[string]bool
	folders map[string]bool
}

// input is a variable that the record has no value for.
type input struct{ name, what string }

// Write writes the calls of an audit as a POSIX shell script of curl commands, one for
// each call that was sent, in the order of their starts, but for a blob or
// manifest that has to be fetched before it is sent. Run in an empty folder
// against registries that are as they were, it makes the same calls.
//
// Hosts are variables with their addresses as defaults, so that another can be
// called in their place. What was left out of the record, user names and
// passwords, tokens, cookies, signatures, is a variable too, named at the top;
// the script ends at once where one is not set. A token that the run got by a
// call is taken from that call's answer, and so is where a redirect leads and
// where an upload goes on. Blobs and manifests are files blobs/ALGORITHM/HEX,
// which must have their digests. Left out are uploads that got no answer, since
// nothing tells how much of them has arrived.
func Write(out io.Writer, s *Script) error {
	p := &scriptWriter{Script: s, helpers: map[string]bool{}, folders: map[string]bool{}}
	for _, c := range s.calls {
		if c.isURL && !c.held {
			p.want(p.opener(c))
			p.want(p.redirected(c))
		}
	}
	if err := p.commands(io.Discard); err != nil { // what stands at the top follows from them
		return err
	}
	if _, err := io.WriteString(out, p.head()); err != nil {
		return err
	}
	return p.commands(out)
}

// commands writes the commands.
func (p *scriptWriter) commands(out io.Writer) error {
	p.body = bufio.NewWriterSize(out, 64<<10) // keeps the first error
	for _, c := range p.calls {
		c.written = false
	}
	for _, c := range p.calls {
		p.write(c)
	}
	if p.helpers["location"] {
		p.body.WriteString("\nrm -f headers\n")
	}
	return p.body.Flush()
}

// want notes that a call's location is needed.
func (p *scriptWriter) want(c *scriptCall) {
	if c != nil {
		c.wanted = true
	}
}

// write writes a call, and before it those that it needs and that are not
// written yet.
func (p *scriptWriter) write(c *scriptCall) {
	if c == nil || c.written {
		return
	}
	c.written = true
	title := fmt.Sprintf("\n# %d: %s", c.sequence, audit.RowTitle(c.row))
	if strings.HasPrefix(c.row, "end-") {
		title += " (" + texts.Printable(c.row) + ")"
	}
	switch {
	case c.held:
		p.body.WriteString(title + " was refused by --" + texts.Printable(c.refused) + " and not sent\n")
		return
	case !c.isURL || !methodText.MatchString(c.method):
		p.body.WriteString(title + " is left out: its URL or method is none\n")
		return
	case c.lost():
		p.body.WriteString(title + " is left out: it got no answer, and nothing tells how much of it has arrived\n")
		return
	}
	p.write(p.redirected(c))
	p.write(p.opener(c))
	if strings.HasPrefix(c.header("Authorization"), "Bearer ") {
		p.write(p.tokenOf(c))
	}
	if c.bytes > 0 {
		for _, source := range p.sources(c.sent) {
			p.write(source)
		}
	}
	p.body.WriteString(title + ": " + c.outcome() + "\n")
	p.command(c)
}

// lost tells whether a call is an upload that got no answer. Made again it might
// get one, and the calls after it would go on from where nobody is.
func (c *scriptCall) lost() bool {
	return c.status == 0 && (c.row == "end-4b" || c.row == "end-5" || c.row == "end-6")
}

// outcome is how a call ended.
func (c *scriptCall) outcome() string {
	took := audit.Millis(c.took.Round(time.Microsecond)).String()
	switch {
	case c.status == 0:
		return "no answer in " + took
	case c.failed:
		return fmt.Sprintf("%d, broken off after %s", c.status, took)
	}
	return fmt.Sprintf("%d in %s", c.status, took)
}

// input returns the variable for something that the record does not have.
func (p *scriptWriter) input(what string, words ...string) string {
	name, isNew := p.names.of("input "+strings.Join(words, "\x00"), words...)
	if isNew {
		p.inputs = append(p.inputs, input{name, what})
	}
	return name
}

// host returns a call's scheme and host, as a part of a shell word. There is one
// variable for a host, with the scheme that it was called by in the end: one
// that is on loopback is tried by the other first.
func (p *scriptWriter) host(c *scriptCall) string {
	scheme := p.schemes[c.host]
	if scheme == "" {
		scheme = c.scheme
	}
	name, isNew := p.names.of("host "+c.host, "HOST", c.host)
	if isNew {
		p.hosts = append(p.hosts, fmt.Sprintf("%s=${%s:-%s}", name, name, quoted(scheme+"://"+c.host)))
	}
	if c.scheme != scheme {
		return `"` + c.scheme + "://${" + name + `#*://}"`
	}
	return variable(name)
}

// tokenName returns the variable that a token call fills.
func (p *scriptWriter) tokenName(t *scriptCall) string {
	host := t.host
	if asked := p.bySequence[t.tokenFor]; asked != nil && asked.isURL {
		host = asked.host
	}
	name, _ := p.names.of(fmt.Sprint("token ", t.sequence), "TOKEN", host, fmt.Sprint(t.sequence))
	return name
}

// locationName returns the variable for the location that a call gives out.
func (p *scriptWriter) locationName(c *scriptCall) string {
	name, _ := p.names.of(fmt.Sprint("location ", c.sequence), "LOCATION", fmt.Sprint(c.sequence))
	return name
}
