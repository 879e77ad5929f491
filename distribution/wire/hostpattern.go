package wire

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// HostPattern is a host that may be called, or many: "registry.example.com",
// "*.example.com" for every name below that one, each with any port, or with
// one as in "localhost:5000". ParseHostPattern makes them.
type HostPattern struct {
	name  string // in lower case, of an IPv6 address without brackets
	port  string // empty for any
	below bool   // names below it, not itself
}

// ParseHostPattern reads a pattern.
func ParseHostPattern(text string) (HostPattern, error) {
	wrong := func(why string) (HostPattern, error) {
		return HostPattern{}, fmt.Errorf("%q is no host such as registry.example.com, *.example.com or localhost:5000: %s", text, why)
	}
	if strings.ContainsAny(text, "/@?# \t") {
		return wrong("leave out what is not its name and port")
	}
	var p HostPattern
	p.name, p.port = splitHost(text)
	p.name, p.below = strings.CutPrefix(p.name, "*.")
	switch {
	case p.name == "":
		return wrong("it has no name")
	case strings.Contains(p.name, "*"):
		return wrong("a * stands for the first names only, as in *.example.com")
	case p.port != "" && !isDigits(p.port), strings.HasSuffix(text, ":"):
		return wrong("its port is no number")
	}
	return p, nil
}

// splitHost takes a host and its port apart; there need not be one.
func splitHost(host string) (name, port string) {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	return strings.TrimSuffix(strings.ToLower(name), "."), port
}

// Matches tells whether the host of u is one of the pattern's.
func (p HostPattern) Matches(u *url.URL) bool {
	name, port := splitHost(u.Host)
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if p.port != "" && p.port != port {
		return false
	}
	if p.below {
		return strings.HasSuffix(name, "."+p.name)
	}
	return name == p.name
}
