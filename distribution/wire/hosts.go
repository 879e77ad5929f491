package wire

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	dialTimeout      = 15 * time.Second
	handshakeTimeout = 15 * time.Second
	keepAlive        = 30 * time.Second
	idleTimeout      = 90 * time.Second

	// answerTimeout runs from the last byte of a request to the header of its
	// answer. A registry commits a 10 GB upload in this time; Timeout has the
	// shorter limit for requests that only read.
	answerTimeout = 30 * time.Minute

	// idlePerHost keeps the connections of all calls that a copy makes at once:
	// some fifty for manifests, as many for small blobs, and those for large ones.
	idlePerHost = 128

	// bufferSize, in bytes, is a connection's buffer for reading and again
	// for writing. Blobs are read and written in larger pieces (see bulk), which
	// pass it by; a larger one would cost a copy of every byte, and memory for each of a
	// hundred connections.
	bufferSize = 4 << 10

	// streamWindow, in bytes, is what an HTTP/2 server may send ahead on one
	// stream: 2 MiB are 40 MB/s at a round trip of 50 ms. connWindow is the same
	// for all streams of a connection together. It bounds the memory of a copy
	// whose target is slower than its source, however many blobs are under way,
	// and is about what Linux lets a TCP connection have under way (tcp_rmem).
	// Go allows less than 4 MiB.
	streamWindow = 2 << 20
	connWindow   = 4<<20 - 64<<10
	// maxFrame, in bytes, is the largest HTTP/2 frame that is accepted.
	maxFrame = 256 << 10

	// A connection of HTTP/2 that is silent for pingAfter is asked for a sign
	// of life, and given up without one after pingTimeout.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// Hosts is the transport at the end of the chain. It sends each request over
// the TLS configuration of its host, and keeps one *http.Transport, with its
// own connections, for each configuration, and another for large bodies.
//
// A large body has a connection of HTTP/1.1 to itself: a request's of a MiB
// and more, and an answer's where WithLargeBody says so. The streams of HTTP/2
// share one connection, and what servers let a client send ahead on it is
// little for a long link: 1 MiB in Go's, 64 KiB for each stream in nginx.
//
// A host's configuration is made of the system's roots, of the files for that
// host in CertsDirs, and of TLS. A client certificate goes only to the host
// it belongs to: the one in a certs.d directory to the host the directory is
// named for, the one in TLS to Registry. It never goes to a token server, a
// redirect's target or any other host. What TLS says about trust, CAFile and
// Insecure, holds for every host that this Hosts sends to: the token server
// and the object store behind a registry with a private CA have their
// certificates from the same CA, mostly. So one Hosts serves one side of a
// transfer, or both when TLS is its zero value.
//
// Files are read at the first request to their host. One that cannot be used
// fails that request, and each one after it, with a *CertificateError.
type Hosts struct {
	// Registry is the host, with its port if the URL has one, that TLS's
	// client certificate is for.
	Registry string
	// TLS is what the user asked for.
	TLS TLS
	// CertsDirs are searched for a directory with the host's name, such as
	// /etc/docker/certs.d and /etc/containers/certs.d.
	CertsDirs []string
	// HTTP1 switches HTTP/2 off, and HTTP2 leaves it large bodies too.
	HTTP1 bool
	HTTP2 bool
	// Buffer is how many bytes of a large body are sent at a time over a
	// connection without TLS, DefaultBuffer if zero.
	Buffer int
	// Proxy returns the proxy for a request, or nil. If Proxy is nil, it is
	// http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)

	mu          sync.Mutex
	usual       transports
	large       transports      // for large bodies, where usual has HTTP/2
	redirecting map[string]bool // by URL.Host: it has redirected a large body to another host
}

// transports are those of all hosts for a choice of protocols.
type transports struct {
	http1  bool
	shared *http.Transport            // for hosts that have no files of their own
	own    map[string]*http.Transport // by URL.Host: its own transport, or shared
}

// largeBody, in bytes, is what makes a request's body a large one.
const largeBody = 1 << 20

type largeBodyKey struct{}

// WithLargeBody returns a context that says that the answer to a request will
// have a large body, or a part of one.
func WithLargeBody(ctx context.Context) context.Context {
	return context.WithValue(ctx, largeBodyKey{}, true)
}

// RoundTrip sends req over the TLS configuration of its host.
func (h *Hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	host := strings.ToLower(req.URL.Host)
	expected, _ := req.Context().Value(largeBodyKey{}).(bool)
	transport, err := h.transport(host, req.URL.Scheme == "https", req.ContentLength >= largeBody || expected && !h.hasRedirected(host))
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := transport.RoundTrip(req)
	if expected && err == nil && leadsElsewhere(resp, host) {
		h.noteRedirect(host)
	}
	return resp, err
}

// leadsElsewhere reports whether an answer is a redirect to another host.
func leadsElsewhere(resp *http.Response, host string) bool {
	if resp.StatusCode/100 != 3 {
		return false
	}
	to, err := resp.Location()
	return err == nil && !strings.EqualFold(to.Host, host)
}

// hasRedirected reports whether a host has redirected a large body to another
// one: its own answers are small.
func (h *Hosts) hasRedirected(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.redirecting[host]
}

func (h *Hosts) noteRedirect(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.redirecting == nil {
		h.redirecting = make(map[string]bool)
	}
	h.redirecting[host] = true
}

// CloseIdleConnections closes connections that no request uses.
func (h *Hosts) CloseIdleConnections() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.usual.closeIdle()
	h.large.closeIdle()
}

func (t *transports) closeIdle() {
	if t.shared != nil {
		t.shared.CloseIdleConnections()
	}
	for _, transport := range t.own {
		transport.CloseIdleConnections()
	}
}

// transport returns the transport for host, and makes it if it has none yet.
// Without TLS the protocol is HTTP/1.1 in any case.
func (h *Hosts) transport(host string, secure, large bool) (*http.Transport, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.usual.http1, h.large.http1 = h.HTTP1, true
	among := &h.usual
	if large && secure && !h.HTTP1 && !h.HTTP2 {
		among = &h.large
	}
	if !secure {
		return h.sharedTransport(among, host)
	}
	if transport, ok := among.own[host]; ok {
		return transport, nil
	}
	transport, err := h.chooseTransport(among, host)
	if err != nil {
		return nil, err
	}
	if among.own == nil {
		among.own = make(map[string]*http.Transport)
	}
	among.own[host] = transport
	return transport, nil
}

// chooseTransport returns the shared transport for a host that has no files
// of its own, else a new one.
func (h *Hosts) chooseTransport(among *transports, host string) (*http.Transport, error) {
	files, err := certsFiles(h.CertsDirs, host)
	if err != nil {
		return nil, err
	}
	if sameHost(host, h.Registry) {
		pairs, err := h.TLS.pairs(host)
		if err != nil {
			return nil, err
		}
		files.pairs = append(files.pairs, pairs...)
	}
	if len(files.roots) == 0 && len(files.pairs) == 0 {
		return h.sharedTransport(among, host)
	}
	return h.newTransport(host, files, among.http1)
}

// sharedTransport returns the transport for all hosts without files of their
// own. host is where its first request goes, for the message of an error.
func (h *Hosts) sharedTransport(among *transports, host string) (*http.Transport, error) {
	if among.shared != nil {
		return among.shared, nil
	}
	transport, err := h.newTransport(host, tlsFiles{}, among.http1)
	if err != nil {
		return nil, err
	}
	among.shared = transport
	return transport, nil
}

// newTransport builds a transport with the files for host and what TLS says
// about trust.
func (h *Hosts) newTransport(host string, files tlsFiles, http1 bool) (*http.Transport, error) {
	files.roots = append(h.TLS.roots(), files.roots...)
	config, err := files.config(host, h.TLS.Insecure)
	if err != nil {
		return nil, err
	}
	proxy := h.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!http1)
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           newBulk(h.Buffer).over((&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext),
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   handshakeTimeout,
		ResponseHeaderTimeout: answerTimeout,
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   idlePerHost,
		IdleConnTimeout:       idleTimeout,
		DisableCompression:    true, // digests are of the bytes on the wire
		WriteBufferSize:       bufferSize,
		ReadBufferSize:        bufferSize,
		Protocols:             protocols,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream:     streamWindow,
			MaxReceiveBufferPerConnection: connWindow,
			MaxReadFrameSize:              maxFrame,
			SendPingTimeout:               pingAfter,
			PingTimeout:                   pingTimeout,
		},
	}, nil
}

// sameHost reports whether two hosts are the same for https, with or without
// its port.
func sameHost(a, b string) bool {
	bare := func(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }
	return bare(a) == bare(b)
}
