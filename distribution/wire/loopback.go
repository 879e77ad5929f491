package wire

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Loopback finds out whether a registry on the local machine speaks plain HTTP or TLS, as docker
// does for what it calls insecure registries: although the URL says https, http is tried first for
// a host that is localhost, in 127.0.0.0/8 or ::1. Other hosts except Insecure, and URLs with http,
// pass unchanged.
//
// A GET or HEAD with neither body nor credentials is itself the probe; if the server turns out to
// speak TLS, it is sent once more as https. For any other request Loopback first sends a GET /v2/,
// so that neither a body nor credentials are sent in the wrong scheme. The outcome is kept for each
// host and port, and only the scheme found is used from then on. Requests that come during the
// probe wait for it. A probe without an outcome, because it was cancelled or found no server, is
// repeated by the next request.
//
// Certificates are verified as for other hosts; docker does not verify them here. resp.Request.URL
// has the scheme that was used: resolve a Location against it.
type Loopback struct {
	// Base sends each request and each probe.
	Base http.RoundTripper
	// Insecure is one more host, with its port if the URL has one, to which this applies: docker
	// does it for a registry that the user calls insecure. Credentials may then be sent
	// unencrypted.
	Insecure string

	mu    sync.Mutex
	hosts map[string]*loopbackHost // by URL.Host
}

// loopbackHost is what is known of one host and port.
type loopbackHost struct {
	scheme string        // "http", "https", or empty while unknown
	probed chan struct{} // closed when the probe has ended
}

// IsLoopback reports whether host, without its port, is localhost or a loopback address.
func IsLoopback(host string) bool {
	a, ok := address(host)
	return ok && a.IsLoopback() || !ok && isLocalhost(host)
}

// Scheme returns the scheme in which a request to u goes: what is known of its host, or http, which is
// tried first.
func (l *Loopback) Scheme(u *url.URL) string {
	if u.Scheme != "https" || !l.appliesTo(u) {
		return u.Scheme
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.hosts[u.Host]; known != nil && known.scheme != "" {
		return known.scheme
	}
	return "http"
}

// appliesTo reports whether the scheme of u's host has to be found out.
func (l *Loopback) appliesTo(u *url.URL) bool {
	return IsLoopback(u.Hostname()) || l.Insecure != "" && strings.EqualFold(l.Insecure, u.Host)
}

// RoundTrip sends req in the scheme that its host speaks.
func (l *Loopback) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" || !l.appliesTo(req.URL) {
		return base(l.Base).RoundTrip(req)
	}
	scheme, mustProbe, err := l.schemeOf(req.Context(), req.URL.Host)
	if mustProbe && canProbe(req) {
		return l.sendProbe(req)
	}
	if mustProbe {
		scheme, err = l.probe(req)
	}
	if err != nil {
		CloseBody(req)
		return nil, err
	}
	return base(l.Base).RoundTrip(withScheme(req, scheme))
}

// schemeOf returns the scheme of host once it is known. If it is unknown and no probe is running,
// the caller must probe the host and call endProbe.
func (l *Loopback) schemeOf(ctx context.Context, host string) (scheme string, mustProbe bool, err error) {
	for {
		known, mustProbe := l.startProbe(host)
		if mustProbe || known.scheme != "" {
			return known.scheme, mustProbe, nil
		}
		select {
		case <-ctx.Done():
			return "", false, context.Cause(ctx)
		case <-known.probed:
		}
	}
}

// startProbe returns what is known of host. If that is nothing, started reports that the caller's
// probe has begun.
func (l *Loopback) startProbe(host string) (known loopbackHost, started bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.hosts[host]; ok {
		return *known, false
	}
	set(&l.hosts, host, &loopbackHost{probed: make(chan struct{})})
	return loopbackHost{}, true
}

// endProbe ends a probe with its outcome, and wakes the requests that wait for it.
func (l *Loopback) endProbe(host, scheme string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.hosts[host]
	known.scheme = scheme
	if scheme == "" {
		delete(l.hosts, host)
	}
	close(known.probed)
}

// sendProbe sends req as the probe of its host.
func (l *Loopback) sendProbe(req *http.Request) (*http.Response, error) {
	scheme := ""
	defer func() { l.endProbe(req.URL.Host, scheme) }()
	var resp *http.Response
	var err error
	resp, scheme, err = trySchemes(base(l.Base), req)
	return resp, err
}

// probe probes the host of req with a request of its own.
func (l *Loopback) probe(req *http.Request) (scheme string, err error) {
	defer func() { l.endProbe(req.URL.Host, scheme) }()
	ping, err := http.NewRequestWithContext(req.Context(), http.MethodGet,
		(&url.URL{Scheme: "https", Host: req.URL.Host, Path: "/v2/"}).String(), nil)
	if err != nil {
		return "", err
	}
	resp, scheme, err := trySchemes(base(l.Base), ping)
	Drain(resp)
	return scheme, err
}

// canProbe reports whether req does no harm in the wrong scheme.
func canProbe(req *http.Request) bool {
	return !hasBody(req) && isRead(req) && req.Header.Get("Authorization") == "" && req.Header.Get("Cookie") == ""
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
