package audit

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// headerName matches the name of a header (RFC 9110, section 5.6.2).
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// repeatable returns the headers of a request that a command has to give: those
// that curl does not set itself, and that can be written on its line.
func repeatable(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length", "Connection", "Transfer-Encoding", "User-Agent", "Te", "Trailer", "Upgrade", "Expect":
			continue
		}
		for _, value := range values {
			if headerName.MatchString(name) && printable(value) == value {
				out.Add(name, value)
			}
		}
	}
	return out
}

// headers are the options of a call's headers. What was left out of the record
// comes from variables.
func (p *scriptWriter) headers(c *scriptCall) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(c.Request.Headers)) {
		for _, value := range c.Request.Headers[name] {
			out = append(out, p.header(c, name, value))
		}
	}
	return out
}

func (p *scriptWriter) header(c *scriptCall, name, value string) string {
	host := c.url.Host
	scheme, rest, _ := strings.Cut(value, " ")
	switch {
	case !strings.HasSuffix(value, redactedValue):
		return "-H " + quoted(name+": "+value)
	case name == "Authorization" && rest == redactedValue && strings.EqualFold(scheme, "Basic"):
		return "-u " + variable(p.input("user:password for "+host, "USERPASS", host))
	case name == "Authorization" && rest == redactedValue && strings.EqualFold(scheme, "Bearer"):
		return "-H " + `"Authorization: Bearer $` + p.token(c) + `"`
	}
	text := strings.TrimSuffix(value, redactedValue)
	return "-H " + quoted(name+": "+text) + variable(p.input("what "+host+" wants in "+name, "HEADER", name, host))
}

// token is the variable of the token that a call uses.
func (p *scriptWriter) token(c *scriptCall) string {
	if t := p.tokenOf(c); t != nil {
		return p.tokenName(t)
	}
	return p.input("a token for "+c.url.Host, "TOKEN", c.url.Host)
}
