package auth

import (
	"net/http"
	"sync"
	"time"
)

// Transport is an http.RoundTripper that authenticates requests to container registries. It changes
// a request only if its context is for the request's host ([WithScope]) and it has no Authorization
// header yet. All other requests pass through unchanged. The package comment says what a Transport
// does and what it never does.
//
// A registry on HTTPS cannot name a token server on plain HTTP, unless both are on loopback, and a
// registry outside the local network cannot name a token server inside it: both are an *[Error].
// Local are the addresses of loopback, private and link-local networks, localhost, and names
// without a dot. Names are not looked up.
//
// The zero value works and requests anonymous tokens. A Transport is safe for concurrent use and
// must not be copied after the first use. It keeps challenges, tokens and credentials in memory.
type Transport struct {
	// Base sends all requests, token requests included. The default is http.DefaultTransport.
	Base http.RoundTripper

	// Credentials finds the credentials. The default is anonymous. It is called when a registry
	// asks for authentication, and again when a credential was refused.
	Credentials Credentials

	// OnTokenServer, if not nil, is called before credentials are sent for the first time to a token
	// server on another host than the registry's. It may be called concurrently.
	OnTokenServer func(registry, tokenServer string)

	mu         sync.Mutex
	registries map[string]*registry
	clock      func() time.Time // nil: time.Now
}

// RoundTrip implements http.RoundTripper. Its errors are those of Base, an *[Error], or a
// *[CredentialsError]. The response's Request is the one that Base returned as sent, without its
// Authorization header.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	p, ok := requestScopeOf(req.Context(), req.URL)
	if !ok || req.Header.Get("Authorization") != "" {
		return t.base().RoundTrip(req)
	}
	reg := t.registry(canonicalHost(req.URL.Scheme, req.URL.Host))
	if reg.downgraded(req.URL) {
		return t.base().RoundTrip(req)
	}
	x := &exchange{
		transport: t,
		registry:  reg,
		request:   req,
		host:      p.host,
		need:      need{p.scope, p.scope.repository(req.URL.Path)},
		started:   t.now(),
	}
	return x.run()
}

// CloseIdleConnections closes the idle connections of Base. http.Client.CloseIdleConnections calls
// it.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

func (t *Transport) now() time.Time {
	if t.clock == nil {
		return time.Now()
	}
	return t.clock()
}

func (t *Transport) registry(host string) *registry {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.registries == nil {
		t.registries = make(map[string]*registry)
	}
	if t.registries[host] == nil {
		t.registries[host] = &registry{}
	}
	return t.registries[host]
}

// replayable reports whether the request's body can be sent again.
func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}
