package plan

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// Expect prints the calls as the list that --expect reads ([wire.ParseExpectation]): all in one
// level, as a run with more than one job makes them in another order. The one tag of an image that
// is put last has a level of its own.
func (r *Report) Expect(out io.Writer) error {
	if len(r.Calls) == 0 {
		return &cli.UsageError{Message: "the run makes no call, so there is none to expect", Advice: "leave out --plan=expect"}
	}
	var b bytes.Buffer
	b.WriteString("# Made by --plan=expect. transship help expect explains the lines.\n")
	for _, a := range r.Assumed {
		fmt.Fprintf(&b, "# assumed: %s\n", a.Text)
	}
	calls, last := r.Calls, []call(nil)
	if n := len(calls) - 1; n > 0 && putsTag(calls[n]) && !slices.ContainsFunc(calls[:n], putsTag) {
		calls, last = calls[:n], calls[n:]
	}
	r.writeLevel(&b, calls)
	r.writeLevel(&b, last)
	_, err := out.Write(b.Bytes())
	return err
}

// writeLevel prints calls, equal ones as one line, after an empty line.
func (r *Report) writeLevel(b *bytes.Buffer, calls []call) {
	var lines []string
	times := map[string]int{}
	for _, c := range calls {
		line := c.expected(r.sharesBlobs())
		if times[line]++; times[line] == 1 {
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		b.WriteByte('\n')
	}
	for _, line := range lines {
		if n := times[line]; n > 1 {
			line += fmt.Sprintf(" x%d", n)
		}
		fmt.Fprintln(b, line)
	}
}

// sharesBlobs reports whether several images get a blob that one of them brings, which may be
// another one in the run.
func (r *Report) sharesBlobs() bool {
	return slices.ContainsFunc(r.Assumed, func(a assumption) bool { return a.About == "order" || a.About == "targets" })
}

// putsTag reports whether a call puts a manifest under a tag.
func putsTag(c call) bool {
	u, err := url.Parse(c.URL)
	if err != nil || c.Method != http.MethodPut {
		return false
	}
	at := endpoint.Parse(u.Path)
	return at.Kind == endpoint.KindManifest && blob.Digest(at.Reference).Validate() != nil
}

// anyCall is a path that every call matches.
const anyCall = "/*"

// expected returns a call as a line without a count. anyRepository leaves open which repository a
// blob is read or mounted from.
func (c call) expected(anyRepository bool) string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return c.Method + " " + anyCall
	}
	at := endpoint.Parse(u.Path)
	target := expectedHost(u.Host) + literal(u.Path)
	switch {
	case endpoint.ParseEnd(u.Path).Kind == endpoint.KindSession:
		target = anyCall // the registry chooses the host and path of an upload
	case anyRepository && at.Kind == endpoint.KindBlob:
		target = expectedHost(u.Host) + endpoint.Blob("{name}", literal(at.Reference)).String()
	}
	return c.Method + " " + target + expectedQuery(u, anyRepository)
}

// expectedHost returns a host as a pattern, "" for any if it cannot be one.
func expectedHost(host string) string {
	if _, err := wire.ParseHostPattern(host); err != nil {
		return ""
	}
	return host
}

// expectedQuery returns the parameters of a query that are shown and have the same value in each
// run. Of several of one name it has the first, which is the one that is compared.
func expectedQuery(u *url.URL, anyRepository bool) string {
	var parts []string
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		value := u.Query().Get(name)
		if name == "" || seen[name] || literal(name) != name || value == "REDACTED" {
			continue
		}
		seen[name] = true
		value = literal(value)
		if name == "from" && anyRepository {
			value = "{name}"
		}
		parts = append(parts, name+"="+value)
	}
	if len(parts) == 0 {
		return ""
	}
	return "?" + strings.Join(parts, "&")
}

// literal returns a text as a pattern that matches it: characters that mean something in a line
// become *.
func literal(text string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || strings.ContainsRune("*{}?#&%", r) || r == 0x7f || r > 0x7f {
			return '*'
		}
		return r
	}, text)
}
