package audit

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// redactedValue stands in a record where a secret was.
const redactedValue = "REDACTED"

// scriptWriter writes a script.
type scriptWriter struct {
	*Script
	body    strings.Builder
	names   variables
	hosts   []string // assignments
	inputs  []input
	helpers map[string]bool
	folders map[string]bool
}

// input is a variable that the record has no value for.
type input struct{ name, what string }

// WriteTo writes the calls as a POSIX shell script of curl commands, one for
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
func (s *Script) WriteTo(out io.Writer) (int64, error) {
	p := &scriptWriter{Script: s, helpers: map[string]bool{}, folders: map[string]bool{}}
	for _, c := range s.calls {
		if c.url != nil && c.Refused == "" {
			p.want(p.opener(c))
			p.want(p.redirected(c))
		}
	}
	for _, c := range s.calls {
		p.write(c)
	}
	if p.helpers["location"] {
		p.body.WriteString("\nrm -f headers\n")
	}
	n, err := io.WriteString(out, p.head()+p.body.String())
	return int64(n), err
}

// want notes that a call's location is needed.
func (p *scriptWriter) want(c *scriptCall) {
	if c != nil {
		c.wanted = true
	}
}

// redirected returns the call that was redirected to this one.
func (s *Script) redirected(c *scriptCall) *scriptCall {
	if from := s.bySequence[c.Why.RedirectOf]; from != nil && from != c && from.location != nil {
		return from
	}
	return nil
}

// write writes a call, and before it those that it needs and that are not
// written yet.
func (p *scriptWriter) write(c *scriptCall) {
	if c == nil || c.written {
		return
	}
	c.written = true
	title := fmt.Sprintf("\n# %d: %s", c.Sequence, RowTitle(c.Row))
	if strings.HasPrefix(c.Row, "end-") {
		title += " (" + printable(c.Row) + ")"
	}
	switch {
	case c.Refused != "":
		p.body.WriteString(title + " was refused by --" + printable(c.Refused) + " and not sent\n")
		return
	case c.url == nil || !methodText.MatchString(c.Method):
		p.body.WriteString(title + " is left out: its URL or method is none\n")
		return
	case c.lost():
		p.body.WriteString(title + " is left out: it got no answer, and nothing tells how much of it has arrived\n")
		return
	}
	p.write(p.redirected(c))
	p.write(p.opener(c))
	if strings.HasPrefix(c.Request.Headers.Get("Authorization"), "Bearer ") {
		p.write(p.tokenOf(c))
	}
	if c.Request.Bytes > 0 {
		for _, source := range p.sources[c.sent()] {
			p.write(source)
		}
	}
	p.body.WriteString(title + ": " + c.outcome() + "\n")
	p.command(c)
}

// lost tells whether a call is an upload that got no answer. Made again it might
// get one, and the calls after it would go on from where nobody is.
func (c *scriptCall) lost() bool {
	return c.Status == 0 && (c.Row == "end-4b" || c.Row == "end-5" || c.Row == "end-6")
}

// outcome is how a call ended.
func (c *scriptCall) outcome() string {
	took := Millis(c.Duration().Round(time.Microsecond)).String()
	switch {
	case c.Status == 0:
		return "no answer in " + took
	case c.Error != "":
		return fmt.Sprintf("%d, broken off after %s", c.Status, took)
	}
	return fmt.Sprintf("%d in %s", c.Status, took)
}

// head is what stands before the commands.
func (p *scriptWriter) head() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	if len(p.Run.Command) > 0 {
		b.WriteString("# The calls of: " + printable(strings.Join(p.Run.Command, " ")) + "\n")
	}
	if !p.Run.Start.IsZero() {
		b.WriteString("# recorded " + p.Run.Start.UTC().Format("2006-01-02 15:04:05 MST") + "\n")
	}
	b.WriteString(`#
# Run this in an empty folder: blobs and manifests go to blobs/ALGORITHM/HEX, and come from there.
# To call other hosts, set the variables below: HOST_...=https://registry.example.com sh FILE
# CURL_CA_BUNDLE names a file with the certificates of CAs.
set -eu

`)
	for _, host := range p.hosts {
		b.WriteString(host + "\n")
	}
	p.writeInputs(&b)
	for _, h := range scriptHelpers() {
		if p.helpers[h.name] {
			b.WriteString("\n" + h.text)
		}
	}
	for _, algorithm := range []string{"sha256", "sha512"} {
		if p.folders[algorithm] {
			b.WriteString("\nmkdir -p blobs/" + algorithm + "\n")
		}
	}
	return b.String()
}

// writeInputs names the variables that have to be set, and has the script end
// where one is not.
func (p *scriptWriter) writeInputs(b *strings.Builder) {
	if len(p.inputs) == 0 {
		return
	}
	b.WriteString("\n# What the record does not have. Set these in the environment, or here:\n")
	for _, in := range p.inputs {
		fmt.Fprintf(b, "# %s=    %s\n", in.name, printable(in.what))
	}
	for _, in := range p.inputs {
		fmt.Fprintf(b, ": \"${%s:?has to be set, see the top of this script}\"\n", in.name)
	}
}

// input returns the variable for something that the record does not have.
func (p *scriptWriter) input(what string, words ...string) string {
	name, isNew := p.names.of("input "+strings.Join(words, "\x00"), words...)
	if isNew {
		p.inputs = append(p.inputs, input{name, what})
	}
	return name
}

// host returns the variable for a call's scheme and host.
func (p *scriptWriter) host(c *scriptCall) string {
	address := c.url.Scheme + "://" + c.url.Host
	name, isNew := p.names.of("host "+address, "HOST", c.url.Host)
	if isNew {
		p.hosts = append(p.hosts, fmt.Sprintf("%s=${%s:-%s}", name, name, quoted(address)))
	}
	return name
}

// tokenName returns the variable that a token call fills.
func (p *scriptWriter) tokenName(t *scriptCall) string {
	host := t.url.Host
	if asked := p.bySequence[t.Why.TokenFor]; asked != nil && asked.url != nil {
		host = asked.url.Host
	}
	name, _ := p.names.of(fmt.Sprint("token ", t.Sequence), "TOKEN", host, fmt.Sprint(t.Sequence))
	return name
}

// locationName returns the variable for the location that a call gives out.
func (p *scriptWriter) locationName(c *scriptCall) string {
	name, _ := p.names.of(fmt.Sprint("location ", c.Sequence), "LOCATION", fmt.Sprint(c.Sequence))
	return name
}

// helper is a function of a script.
type helper struct{ name, text string }

// scriptHelpers are the functions that commands may use.
func scriptHelpers() []helper {
	return []helper{
		{"location", `# location URL: the Location in the headers of the last answer, which came from that URL's host.
location() {
	to=$(tr -d '\r' <headers | sed -n 's/^[Ll]ocation:[[:space:]]*//p' | tail -n 1)
	root=$(printf '%s\n' "$1" | sed 's,^\([a-z]*://[^/?#]*\).*,\1,')
	case $to in
	http://* | https://*) printf '%s\n' "$to" ;;
	//*) printf '%s\n' "${root%%//*}$to" ;;
	/*) printf '%s\n' "$root$to" ;;
	*)
		echo "there is no Location in the answer from $root" >&2
		return 1
		;;
	esac
}
`},
		{"with", `# with URL QUERY: the URL with more in its query.
with() {
	case $1 in
	*\?*) printf '%s&%s\n' "$1" "$2" ;;
	*) printf '%s?%s\n' "$1" "$2" ;;
	esac
}
`},
		{"whole", `# whole ALGORITHM HEX: fails unless the file has that digest.
whole() {
	echo "$2  blobs/$1/$2" | "$1sum" -c - >/dev/null && return
	echo "blobs/$1/$2 is not what was recorded" >&2
	return 1
}
`},
		{"token", `# token: the token in the answer of a token server.
token() {
	token=$(tr ',{}' '\n\n\n' | sed -n 's/^[[:space:]]*"\(access_\)\{0,1\}token"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\2/p' | head -n 1)
	test -n "$token" || { echo "there is no token in the answer" >&2; return 1; }
	printf '%s\n' "$token" | sed 's,\\/,/,g'
}
`},
	}
}
