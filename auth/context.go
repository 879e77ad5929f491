package auth

import (
	"context"
	"net"
	"net/url"
	"strings"
)

type scopeKey struct{}

// requestScope is the value that WithScope sets.
type requestScope struct {
	host  string
	scope Scope
}

// WithScope returns a context for requests to the registry at host ("ghcr.io", "localhost:5000").
// Scope s is what the caller needs for all its requests. A [Transport] authenticates a request only
// if its URL's host is this host. WithScope adds to the scope if ctx already has one for the same
// host, and replaces one for another host.
func WithScope(ctx context.Context, host string, s Scope) context.Context {
	if p, ok := ctx.Value(scopeKey{}).(requestScope); ok && strings.EqualFold(p.host, host) {
		s = p.scope.Union(s)
	}
	return context.WithValue(ctx, scopeKey{}, requestScope{host: host, scope: s})
}

// requestScopeOf returns the context's value, or false if it is not for the host of u.
func requestScopeOf(ctx context.Context, u *url.URL) (requestScope, bool) {
	p, ok := ctx.Value(scopeKey{}).(requestScope)
	if !ok || u == nil || canonicalHost(u.Scheme, p.host) != canonicalHost(u.Scheme, u.Host) {
		return requestScope{}, false
	}
	return p, true
}

// canonicalHost returns host in lower case and without the scheme's default port.
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
