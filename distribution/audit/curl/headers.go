package curl

import "strings"

// headers returns the options for a call's headers. Redacted values come from variables.
func (w *writer) headers(c *call) []string {
	var out []string
	for _, h := range c.headers {
		out = append(out, w.header(c, h.name, h.value))
	}
	return out
}

func (w *writer) header(c *call, name, value string) string {
	host := c.host
	scheme, rest, _ := strings.Cut(value, " ")
	switch {
	case !strings.HasSuffix(value, redacted):
		return "-H " + quote(name+": "+value)
	case name == "Authorization" && rest == redacted && strings.EqualFold(scheme, "Basic"):
		return "-u " + expand(w.required("user:password for "+host, "USERPASS", host))
	case name == "Authorization" && rest == redacted && strings.EqualFold(scheme, "Bearer"):
		return "-H " + `"Authorization: Bearer $` + w.token(c) + `"`
	}
	text := strings.TrimSuffix(value, redacted)
	return "-H " + quote(name+": "+text) + expand(w.required("the value of "+name+" for "+host, "HEADER", name, host))
}

// token returns the variable with the token of a call.
func (w *writer) token(c *call) string {
	if t := w.tokenCallOf(c); t != nil {
		return w.tokenVariable(t)
	}
	return w.required("a token for "+c.host, "TOKEN", c.host)
}
