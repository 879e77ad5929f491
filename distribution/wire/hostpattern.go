package wire

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// HostPattern matches one host or many: "registry.example.com", or "*.example.com" for every name
// below that one. A pattern with a port, such as "localhost:5000", matches only that port; one
// without matches any. ParseHostPattern makes them.
type HostPattern struct {
	name       string // in lower case, without the brackets of an IPv6 address
	port       string // empty for any
	subdomains bool   // only names below it match
}

// ParseHostPattern reads a pattern. The error says what is wrong with text.
func ParseHostPattern(text string) (HostPattern, error) {
	wrong := func(why string) (HostPattern, error) {
		return HostPattern{}, fmt.Errorf(
			"%q is no host such as registry.example.com, *.example.com or localhost:5000: %s", text, why)
	}
	if strings.ContainsAny(text, "/@?# \t") {
		return wrong("give only its name and port")
	}
	var p HostPattern
	p.name, p.port = splitHost(text)
	p.name, p.subdomains = strings.CutPrefix(p.name, "*.")
	switch {
	case p.name == "":
		return wrong("it has no name")
	case strings.Contains(p.name, "*"):
		return wrong("a * is allowed only at the start, as in *.example.com")
	case p.port != "" && !isDigits(p.port), strings.HasSuffix(text, ":"):
		return wrong("its port is not a number")
	}
	return p, nil
}

// splitHost splits a host from its port, which may be missing.
func splitHost(host string) (name, port string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	return strings.TrimSuffix(strings.ToLower(name), "."), port
}

// Matches reports whether the pattern matches the host of u.
func (p HostPattern) Matches(u *url.URL) bool {
	name, port := splitHost(u.Host)
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if p.port != "" && p.port != port {
		return false
	}
	if p.subdomains {
		return strings.HasSuffix(name, "."+p.name)
	}
	return name == p.name
}
