package wire

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Loopback finds out whether a registry on the own machine speaks plain HTTP
// or TLS, as docker does for what it calls insecure registries: a host that
// is localhost, in 127.0.0.0/8 or ::1 is first tried as http although the URL
// says https. Other hosts but Insecure, and URLs that say http, pass unchanged.
//
// A request that carries neither a body nor credentials is its own try; when
// the server turns out to speak TLS it is sent once more as https. Any other
// request waits for a bare GET /v2/ in its place, so that neither its body
// nor its credentials go to the wrong scheme. The outcome is kept for each
// host and port, requests that come meanwhile wait for it, and from then on
// only the scheme found is used. A try that settles nothing, because it was
// cancelled or found no server, leaves the decision to the next request.
//
// Certificates are verified as everywhere else; docker does not, for these
// hosts. resp.Request.URL has the scheme that was used: resolve a Location
// against it.
type Loopback struct {
	// Base sends each request and each try.
	Base http.RoundTripper
	// Insecure is one more host, with its port if the URL has one, that is
	// treated so: docker does it for a registry that the user calls insecure.
	// Credentials may then go out unencrypted.
	Insecure string

	mu    sync.Mutex
	hosts map[string]*loopbackHost // by URL.Host
}

// loopbackHost is what is known of one host and port.
type loopbackHost struct {
	scheme  string        // "http", "https", or empty while unknown
	settled chan struct{} // closed when the try under way is over
}

// isLoopback reports whether host, without its port, is localhost or a
// loopback address.
func isLoopback(host string) bool {
	a, ok := address(host)
	return ok && a.IsLoopback() || !ok && isLocalhost(host)
}

// concerns reports whether the scheme of u's host is to be found out.
func (l *Loopback) concerns(u *url.URL) bool {
	return isLoopback(u.Hostname()) || l.Insecure != "" && strings.EqualFold(l.Insecure, u.Host)
}

// RoundTrip sends req in the scheme its host speaks.
func (l *Loopback) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || !l.concerns(req.URL) {
		return base(l.Base).RoundTrip(req)
	}
	scheme, mine, err := l.await(req.Context(), req.URL.Host)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	if mine && isBare(req) {
		return l.settle(req)
	}
	if mine {
		if scheme, err = l.ask(req); err != nil {
			closeBody(req)
			return nil, err
		}
	}
	return base(l.Base).RoundTrip(withScheme(req, scheme))
}

// await returns the scheme of host once it is known. When nobody is finding
// it out it returns mine, and the caller has to settle it.
func (l *Loopback) await(ctx context.Context, host string) (scheme string, mine bool, err error) {
	for {
		known, mine := l.claim(host)
		if mine || known.scheme != "" {
			return known.scheme, mine, nil
		}
		select {
		case <-ctx.Done():
			return "", false, context.Cause(ctx)
		case <-known.settled:
		}
	}
}

// claim returns what is known of host, and whether it is now the caller's
// to find out more.
func (l *Loopback) claim(host string) (known loopbackHost, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.hosts[host]; ok {
		return *known, false
	}
	if l.hosts == nil {
		l.hosts = make(map[string]*loopbackHost)
	}
	l.hosts[host] = &loopbackHost{settled: make(chan struct{})}
	return loopbackHost{}, true
}

// release ends a claim with its outcome, and lets those who wait go on.
func (l *Loopback) release(host, scheme string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.hosts[host]
	known.scheme = scheme
	if scheme == "" {
		delete(l.hosts, host)
	}
	close(known.settled)
}

// settle sends req in either scheme and keeps the outcome.
func (l *Loopback) settle(req *http.Request) (*http.Response, error) {
	scheme := ""
	defer func() { l.release(req.URL.Host, scheme) }()
	var resp *http.Response
	var err error
	resp, scheme, err = trySchemes(base(l.Base), req)
	return resp, err
}

// ask settles the scheme of req's host with a request of its own.
func (l *Loopback) ask(req *http.Request) (scheme string, err error) {
	defer func() { l.release(req.URL.Host, scheme) }()
	ping, err := http.NewRequestWithContext(req.Context(), http.MethodGet,
		(&url.URL{Scheme: "https", Host: req.URL.Host, Path: "/v2/"}).String(), nil)
	if err != nil {
		return "", err
	}
	resp, scheme, err := trySchemes(base(l.Base), ping)
	discard(resp)
	return scheme, err
}

// isBare reports whether req may go to the wrong scheme without harm.
func isBare(req *http.Request) bool {
	return !hasBody(req) && (req.Method == http.MethodGet || req.Method == http.MethodHead) &&
		req.Header.Get("Authorization") == "" && req.Header.Get("Cookie") == ""
}

// withScheme returns req, or a copy of it whose URL has the scheme.
func withScheme(req *http.Request, scheme string) *http.Request {
	if req.URL.Scheme == scheme {
		return req
	}
	u := *req.URL
	u.Scheme = scheme
	out := req.WithContext(req.Context())
	out.URL = &u
	return out
}
