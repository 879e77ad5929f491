package auth

import (
	"context"
	"net"
	"net/url"
	"strings"
)

type scopeKey struct{}

// purpose is what WithScope records.
type purpose struct {
	host  string
	scope Scope
}

// WithScope marks the requests made with the context as meant for the registry
// at host ("ghcr.io", "localhost:5000"), where the caller will need scope s for
// its whole job. A [Transport] authenticates a request only when its URL's host
// is this host. Marking a context again for the same host adds to the scope;
// for another host it replaces both.
func WithScope(ctx context.Context, host string, s Scope) context.Context {
	if p, ok := ctx.Value(scopeKey{}).(purpose); ok && strings.EqualFold(p.host, host) {
		s = p.scope.Union(s)
	}
	return context.WithValue(ctx, scopeKey{}, purpose{host: host, scope: s})
}

// purposeOf returns the purpose of a request to u, or false when the request is
// not meant for the host of u.
func purposeOf(ctx context.Context, u *url.URL) (purpose, bool) {
	p, ok := ctx.Value(scopeKey{}).(purpose)
	if !ok || u == nil || canonicalHost(u.Scheme, p.host) != canonicalHost(u.Scheme, u.Host) {
		return purpose{}, false
	}
	return p, true
}

// canonicalHost is host in lower case and without the scheme's default port.
func canonicalHost(scheme, host string) string {
	host = strings.ToLower(host)
	name, port, err := net.SplitHostPort(host)
	if err != nil || (scheme+port != "https443" && scheme+port != "http80") {
		return host
	}
	if strings.Contains(name, ":") {
		return "[" + name + "]"
	}
	return name
}
