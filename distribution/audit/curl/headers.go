package curl

import "strings"

// headers are the options of a call's headers. What was left out of the record
// comes from variables.
func (p *scriptWriter) headers(c *scriptCall) []string {
	var out []string
	for _, h := range c.headers {
		out = append(out, p.header(c, h.name, h.value))
	}
	return out
}

func (p *scriptWriter) header(c *scriptCall, name, value string) string {
	host := c.host
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
	return p.input("a token for "+c.host, "TOKEN", c.host)
}
