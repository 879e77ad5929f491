package wire

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/blob"
)

const (
	dialTimeout      = 15 * time.Second
	handshakeTimeout = 15 * time.Second
	keepAlive        = 30 * time.Second
	idleTimeout      = 90 * time.Second

	// idlePerHost keeps the connections of all calls that a copy makes at once: some fifty for
	// manifests, as many for small blobs, and those for large ones.
	idlePerHost = 128

	// bufferSize, in bytes, is a connection's buffer for reading, and for writing. Blobs are read
	// and written in larger pieces (sendBuffers), which bypass it. A larger one would cost a copy
	// of every byte, and memory for each of a hundred connections.
	bufferSize = 4 << 10

	// streamWindow, in bytes, is what an HTTP/2 server may send ahead on one stream: 2 MiB are 40
	// MB/s at a round trip of 50 ms. connWindow is the same for all streams of a connection
	// together. It bounds the memory of a copy whose target is slower than its source, with any
	// number of blobs at a time, and is about what Linux lets a TCP connection have in flight
	// (tcp_rmem). Go allows less than 4 MiB.
	streamWindow = 2 << 20
	connWindow   = 4<<20 - 64<<10
	// maxFrame, in bytes, is the largest HTTP/2 frame that is accepted.
	maxFrame = 256 << 10

	// An HTTP/2 connection that is silent for pingAfter gets a ping, and is closed if that is not
	// answered within pingTimeout.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// Transport is the transport at the end of the chain. It sends each request with the TLS
// configuration of its host. For each configuration it keeps one *http.Transport with its own
// connections, and another one for large bodies.
//
// A large body has a connection of HTTP/1.1 to itself: a request's body of 1 MiB and more, and a
// response's where WithLargeBody says so. The streams of HTTP/2 share one connection, and what
// servers let a client send ahead on it is little for a long link: 1 MiB in Go's, 64 KiB for each
// stream in nginx. A host that turns out to speak HTTP/2 only gets large bodies over that.
//
// A host's configuration consists of the system's roots, the files for that host in CertsDirs, and
// TLS. A client certificate is sent only to the host it is for: one in a certs.d directory to the
// host that the directory is named after, the one in TLS to Registry. No token server, redirect
// target or other host gets it. What TLS says about trust, CAFile and Insecure, applies to every
// host of this Transport, because the token server and the object store of a registry with a
// private CA mostly have certificates of the same CA. So one Transport serves one side of a
// transfer, or both when TLS is its zero value.
//
// The files for a host are read at the first request to it. If one cannot be used, that request and
// every later one to the host fail with a *CertificateError.
//
// A Transport bounds the time to connect. The wait for a response is bounded by [Timeout].
type Transport struct {
	// Registry is the host, with its port if the URL has one, that TLS's client certificate is for.
	Registry string
	// TLS is what the user asked for.
	TLS TLSOptions
	// CertsDirs are searched for a directory with the host's name, such as /etc/docker/certs.d and
	// /etc/containers/certs.d.
	CertsDirs []string
	// HTTP1 disables HTTP/2.
	HTTP1 bool
	// HTTP2 sends large bodies over HTTP/2 too, where the host has it.
	HTTP2 bool
	// SendBuffer is how many bytes of a large body are sent at a time over a connection without
	// TLS, DefaultSendBuffer if zero.
	SendBuffer int
	// SendCongestion is the congestion control of TCP for connections that upload large bodies.
	SendCongestion SendCongestion
	// Dial opens the connections, as net.Dialer.DialContext does, which it replaces. It is for a
	// tunnel, or for a test without a network. It may be nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Proxy returns the proxy for a request, or nil. If Proxy is nil, it is
	// http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)

	mu        sync.Mutex
	regular   transports
	large     transports // for large bodies, where regular has HTTP/2
	ranges    transports // for ranges of large bodies; each connection has a copy
	copies    map[rangeConnection]*http.Transport
	redirects map[string]bool // by URL.Host: it has redirected a large body to another host
	http2Only map[string]bool // by URL.Host: it has refused HTTP/1.1
}

// transports are the transports of all hosts for one choice of protocols.
type transports struct {
	http1  bool
	ranges bool                       // what is read may wait in the connection
	shared *http.Transport            // for hosts without files of their own
	byHost map[string]*http.Transport // by URL.Host: its own transport, or shared
}

// rangeConnection is a connection for ranges: its number, and the transport that its own is a copy of.
type rangeConnection struct {
	of     *http.Transport
	number int
}

type (
	largeBodyKey struct{}
	rangeKey     struct{}
)

// WithLargeBody returns a context for a request whose response will have a large body, or a part of
// one.
func WithLargeBody(ctx context.Context) context.Context {
	return context.WithValue(ctx, largeBodyKey{}, true)
}

// WithRange is WithLargeBody for a response that is a range, which may wait in the buffers of its
// connection until it is read. Those are larger then, and of a fixed size: up to rangeBuffer. Ranges
// with the same number that are read one after the other have the same connection.
func WithRange(ctx context.Context, connection int) context.Context {
	return context.WithValue(WithLargeBody(ctx), rangeKey{}, connection)
}

// RoundTrip sends req with the TLS configuration of its host.
func (h *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	host := strings.ToLower(req.URL.Host)
	expected, _ := req.Context().Value(largeBodyKey{}).(bool)
	req = h.SendCongestion.watch(req)
	large := req.ContentLength >= blob.LargeSize || expected && !h.redirectsLargeBodies(host)
	resp, err := h.send(req, host, large)
	if expected && err == nil {
		h.noteRedirect(host, resp)
	}
	return resp, err
}

// send sends req over the transport for its host, and over HTTP/2 if the host refuses HTTP/1.1 before
// any of the body was read.
func (h *Transport) send(req *http.Request, host string, large bool) (*http.Response, error) {
	pool := h.pool(req, host, large)
	if pool == &h.regular {
		return h.sendOver(pool, req, host)
	}
	first, body := guardBody(req)
	first, handshake := traceHandshake(first)
	resp, err := h.sendOver(pool, first, host)
	if err == nil || req.Context().Err() != nil || !isHTTP2Only(err) && !handshake.ignoredProtocol.Load() {
		body.release()
		return resp, err
	}
	h.noteHTTP2Only(host)
	if body.isUnread() {
		return h.sendOver(&h.regular, req, host)
	}
	body.release()
	return nil, &http2OnlyError{err}
}

// sendOver sends req over a pool's transport for its host.
func (h *Transport) sendOver(pool *transports, req *http.Request, host string) (*http.Response, error) {
	transport, err := h.transport(pool, host, req.URL.Scheme == "https")
	if err != nil {
		CloseBody(req)
		return nil, err
	}
	if pool == &h.ranges {
		number, _ := req.Context().Value(rangeKey{}).(int)
		transport = h.copyFor(rangeConnection{transport, number})
	}
	return transport.RoundTrip(req)
}

// pool returns the transports for a call. One with a large body has a connection of HTTP/1.1 to
// itself, if the host has more than that otherwise, and so has a range.
func (h *Transport) pool(req *http.Request, host string, large bool) *transports {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, isRange := req.Context().Value(rangeKey{}).(int)
	switch {
	case !large || h.HTTP2 || h.http2Only[host]:
		return &h.regular
	case isRange:
		return &h.ranges
	case req.URL.Scheme != "https" || h.HTTP1:
		return &h.regular
	}
	return &h.large
}

// copyFor returns the copy of a transport for the ranges of a connection.
func (h *Transport) copyFor(c rangeConnection) *http.Transport {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.copies[c] == nil {
		set(&h.copies, c, c.of.Clone())
	}
	return h.copies[c]
}

func (h *Transport) noteHTTP2Only(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	set(&h.http2Only, host, true)
}

// redirectsLargeBodies reports whether a host has redirected a large body to another host. Its own
// responses are small then.
func (h *Transport) redirectsLargeBodies(host string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.redirects[host]
}

// noteRedirect remembers a redirect to another host.
func (h *Transport) noteRedirect(host string, resp *http.Response) {
	to := redirectTarget(resp)
	if to == nil || strings.EqualFold(to.Host, host) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	set(&h.redirects, host, true)
}

// CloseIdleConnections closes connections that no request uses.
func (h *Transport) CloseIdleConnections() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.regular.closeIdle()
	h.large.closeIdle()
	for _, transport := range h.copies {
		transport.CloseIdleConnections()
	}
}

func (t *transports) closeIdle() {
	if t.shared != nil {
		t.shared.CloseIdleConnections()
	}
	for _, transport := range t.byHost {
		transport.CloseIdleConnections()
	}
}

// transport returns a pool's transport for host, and makes it first if there is none. Without TLS the
// protocol is always HTTP/1.1.
func (h *Transport) transport(pool *transports, host string, secure bool) (*http.Transport, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.regular.http1, h.large.http1 = h.HTTP1, true
	h.ranges.http1, h.ranges.ranges = true, true
	if !secure {
		return h.sharedTransport(pool, host)
	}
	if transport, ok := pool.byHost[host]; ok {
		return transport, nil
	}
	transport, err := h.chooseTransport(pool, host)
	if err != nil {
		return nil, err
	}
	set(&pool.byHost, host, transport)
	return transport, nil
}

// chooseTransport returns the shared transport for a host that has no files of its own, else a new
// one.
func (h *Transport) chooseTransport(pool *transports, host string) (*http.Transport, error) {
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
		return h.sharedTransport(pool, host)
	}
	return h.newTransport(host, files, pool)
}

// sharedTransport returns the transport for all hosts without files of their own. host is where its
// first request goes, for the message of an error.
func (h *Transport) sharedTransport(pool *transports, host string) (*http.Transport, error) {
	if pool.shared != nil {
		return pool.shared, nil
	}
	transport, err := h.newTransport(host, tlsFiles{}, pool)
	if err != nil {
		return nil, err
	}
	pool.shared = transport
	return transport, nil
}

// newTransport makes a transport with the files for host and what TLS says about trust.
func (h *Transport) newTransport(host string, files tlsFiles, pool *transports) (*http.Transport, error) {
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
	protocols.SetHTTP2(!pool.http1)
	if pool.http1 {
		config.NextProtos = []string{"http/1.1"} // a host that speaks HTTP/2 only does not choose it
	}
	dial := h.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}).DialContext
	}
	if pool.ranges {
		dial = withReadBuffer(dial) // what waits there needs no other buffer
	} else {
		dial = newSendBuffers(h.SendBuffer).wrap(dial)
	}
	return &http.Transport{
		Proxy:                 proxy,
		DialContext:           dial,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   handshakeTimeout,
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

// sameHost reports whether two hosts are the same for https, with or without its port.
func sameHost(a, b string) bool {
	bare := func(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }
	return bare(a) == bare(b)
}
