package auth

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// maxDrain is how many bytes of a dropped response are read so that its
// connection can be used again.
const maxDrain = 64 << 10

// Transport is an http.RoundTripper that authenticates requests to container
// registries. It acts on a request only when its context names the request's
// host ([WithScope]) and it has no Authorization header yet; any other request
// passes through untouched. The package comment tells what it does and what it
// never does.
//
// A registry outside the local network cannot make it talk to a token server
// inside, nor one on HTTPS to a token server on plain HTTP: that is an *[Error].
// Local are addresses of loopback, private and link-local networks, localhost,
// and names without a dot; a registry that is itself local may name any token
// server. Names are not looked up for this.
//
// The zero value works: it asks for anonymous tokens. A Transport is safe for
// concurrent use and must not be copied once used; everything it learns stays
// in memory for as long as it lives.
type Transport struct {
	// Base sends the requests, token requests included. Nil means
	// http.DefaultTransport.
	Base http.RoundTripper

	// Credentials finds the accounts. Nil means anonymous. It is asked when a
	// registry demands authentication, not before, and again when it refuses
	// what it was given.
	Credentials Credentials

	mu         sync.Mutex
	registries map[string]*registry
	clock      func() time.Time // nil: time.Now
}

// RoundTrip implements http.RoundTripper. Its errors are those of Base, an
// *[Error], or a *[CredentialsError]. The response's Request is the one that Base
// says it has sent, without its Authorization header.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	p, ok := purposeOf(req.Context(), req.URL)
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
		began:     t.now(),
	}
	return x.run()
}

// CloseIdleConnections closes the idle connections of Base, for
// http.Client.CloseIdleConnections.
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

// replayable reports whether the request's body can be sent a second time.
func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// discard drops a response, reading what little is left of it.
func discard(resp *http.Response) {
	io.CopyN(io.Discard, resp.Body, maxDrain)
	resp.Body.Close()
}
