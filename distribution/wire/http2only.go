package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
)

// alertNoProtocol is the TLS alert of a server that speaks none of the client's protocols (RFC 7301,
// section 3.2).
const alertNoProtocol = tls.AlertError(120)

// isHTTP2Only reports whether err is of a call over HTTP/1.1 to a host that speaks HTTP/2 only. If it
// ignores the client's choice of protocols, it sends the frame that HTTP/2 begins with, SETTINGS (RFC
// 9113, section 3.4), which net/http quotes.
func isHTTP2Only(err error) bool {
	return err != nil && (errors.Is(err, alertNoProtocol) ||
		strings.Contains(err.Error(), "tls: no application protocol") ||
		strings.Contains(err.Error(), `malformed HTTP response "\x00\x00`))
}

// handshake is what is known of the TLS handshake of a call.
type handshake struct {
	// ignoredProtocol says that the host has not chosen HTTP/1.1 although it was offered. Such a host
	// may have no ALPN or speak HTTP/2 only; crypto/tls answers so for a server of HTTP/2 alone.
	ignoredProtocol atomic.Bool
}

// traceHandshake returns a copy of req, and what becomes known of the handshake of its connection.
func traceHandshake(req *http.Request) (*http.Request, *handshake) {
	h := &handshake{}
	trace := &httptrace.ClientTrace{TLSHandshakeDone: func(s tls.ConnectionState, err error) {
		h.ignoredProtocol.Store(err == nil && s.NegotiatedProtocol == "")
	}}
	return req.WithContext(httptrace.WithClientTrace(req.Context(), trace)), h
}

// http2OnlyError is the error of a call that was sent over HTTP/1.1 to a host that may speak HTTP/2
// only, after some of its body was read. The next attempt offers HTTP/2.
type http2OnlyError struct{ err error }

// Error returns the text of the error of package net/http.
func (e *http2OnlyError) Error() string { return e.err.Error() }

// Unwrap returns the error of package net/http.
func (e *http2OnlyError) Unwrap() error { return e.err }

// guardedBody is a request's body that stays open until it is read or released, so that the request
// can be sent once more.
type guardedBody struct {
	io.ReadCloser

	mu     sync.Mutex
	read   bool // a Read has begun
	open   bool // Close closes it
	closed bool
}

// guardBody returns req, or a copy of it with a guarded body, and that body, nil if req has none.
func guardBody(req *http.Request) (*http.Request, *guardedBody) {
	if !hasBody(req) {
		return req, nil
	}
	body := &guardedBody{ReadCloser: req.Body}
	out := req.WithContext(req.Context())
	out.Body = body
	return out, body
}

// Read implements io.Reader.
func (b *guardedBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	b.read = true
	b.mu.Unlock()
	return b.ReadCloser.Read(p)
}

// Close closes the body if it was read or released.
func (b *guardedBody) Close() error {
	b.mu.Lock()
	b.closed = true
	closes := b.read || b.open
	b.mu.Unlock()
	if !closes {
		return nil
	}
	return b.ReadCloser.Close()
}

// isUnread reports whether no byte was asked for.
func (b *guardedBody) isUnread() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.read
}

// release ends the guard.
func (b *guardedBody) release() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.open = true
	owed := b.closed && !b.read
	b.mu.Unlock()
	if owed {
		_ = b.ReadCloser.Close()
	}
}
