package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/hczjl/transship/blob"
)

// IsTransientStatus reports whether Retry repeats a request for this status: 408, 429, 500, 502,
// 503 or 504. A sender of streams decides by it too, since Retry cannot repeat their bodies.
func IsTransientStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// IsTransient reports whether Retry repeats a request for this error, because the next attempt may
// well succeed. An error that it does not know counts as permanent. A sender of streams decides by
// it too.
func IsTransient(err error) bool {
	if errors.As(err, new(*http2OnlyError)) {
		return true
	}
	if errors.Is(err, context.Canceled) || isTLSError(err) || errors.Is(err, blob.ErrTooSlow) {
		return false
	}
	return isTimeout(err) || isTemporaryDNS(err) || isBroken(err) || isHTTP2Reset(err)
}

// isTLSError reports whether the two sides failed to agree on TLS: an unverifiable certificate, an
// alert, or a peer that does not speak TLS.
func isTLSError(err error) bool {
	return isSpokenTLS(err) || IsPlainHTTP(err)
}

// isSpokenTLS reports whether err shows that the peer speaks TLS, though the handshake failed.
func isSpokenTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	return errors.As(err, &certificate) ||
		// crypto/tls reports alerts received and sent in this form.
		errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
}

// IsPlainHTTP reports whether err is of a TLS handshake whose peer does not speak TLS, which is
// almost always a server of plain HTTP.
func IsPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch)
}

// IsTimeout reports whether err is of a call that [Timeout] has ended.
func IsTimeout(err error) bool { return errors.As(err, new(*timeoutError)) }

// IsUnanswered reports whether err is of a call for whose header Timeout has waited in vain.
func IsUnanswered(err error) bool {
	var timeout *timeoutError
	return errors.As(err, &timeout) && timeout.unanswered
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func isTemporaryDNS(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsTemporary && !dns.IsNotFound
}

// isBroken reports whether a connection broke or could not be made. Any failed system call on a
// socket counts, since platforms have different numbers for "reset by peer".
func isBroken(err error) bool {
	var op *net.OpError
	var call *os.SyscallError
	return IsConnectionClosed(err) || isRefused(err) || errors.As(err, &op) && errors.As(op, &call)
}

// IsConnectionClosed reports whether err says that the peer closed the connection before it sent a
// response.
func IsConnectionClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		// A write meets this when net/http has closed the connection because the peer did.
		errors.Is(err, net.ErrClosed) ||
		// net/http exports no error for it. It repeats a GET by itself in this case, but not a
		// POST.
		strings.Contains(err.Error(), "http: server closed idle connection")
}

func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED)
}

// neverConnected reports whether err occurred before there was a connection to the host or its
// proxy, TLS included.
func neverConnected(err error) bool {
	var op *net.OpError
	// net/http exports no error for the handshake.
	return isRefused(err) || strings.Contains(err.Error(), "TLS handshake timeout") || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// http2Stream has the fields of the HTTP/2 stream error inside net/http, which lets errors.As fill
// any struct with these fields.
type http2Stream struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error makes http2Stream a target of errors.As.
func (s http2Stream) Error() string { return "HTTP/2 stream error" }

// isHTTP2Reset reports whether the peer ended an HTTP/2 stream or its connection for a transient
// reason (error codes of RFC 9113, section 7).
func isHTTP2Reset(err error) bool {
	const internalError, refusedStream, cancel, enhanceYourCalm = 0x2, 0x7, 0x8, 0xb
	var stream http2Stream
	if errors.As(err, &stream) {
		return slices.Contains([]uint32{internalError, refusedStream, cancel, enhanceYourCalm}, stream.Code)
	}
	text := err.Error()
	return strings.Contains(text, "http2: server sent GOAWAY") ||
		strings.Contains(text, "http2: client connection lost") ||
		// The connection ended before its first request. With TLS 1.3 the cause may be an alert,
		// which the next attempt shows.
		strings.Contains(text, "http2: client conn could not be established")
}
