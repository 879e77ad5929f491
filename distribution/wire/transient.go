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
)

// transientStatus reports whether a status stands for a passing failure.
func transientStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// transientError reports whether a round trip that gave err may well succeed
// when it is done once more. What it does not know, it calls permanent.
func transientError(err error) bool {
	if errors.Is(err, context.Canceled) || isTLSError(err) {
		return false
	}
	return isTimeout(err) || isTemporaryDNS(err) || isBroken(err) || isHTTP2Reset(err)
}

// isTLSError reports whether the two sides failed to agree on TLS: an
// unverifiable certificate, an alert, or a peer that does not speak TLS.
func isTLSError(err error) bool {
	return isSpokenTLS(err) || isPlainHTTP(err)
}

// isSpokenTLS reports whether err shows that the peer speaks TLS, though the
// handshake failed.
func isSpokenTLS(err error) bool {
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	return errors.As(err, &certificate) ||
		// crypto/tls reports alerts received and sent in this form.
		errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error")
}

// isPlainHTTP reports whether a TLS handshake met something else, which is
// almost always a server of plain HTTP.
func isPlainHTTP(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch)
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func isTemporaryDNS(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsTemporary && !dns.IsNotFound
}

// isBroken reports whether a connection broke or could not be made. Any
// system call that failed on a socket counts, whatever a platform's number
// for "reset by peer" is.
func isBroken(err error) bool {
	var op *net.OpError
	var call *os.SyscallError
	return isHungUp(err) || isRefused(err) || errors.As(err, &op) && errors.As(op, &call)
}

// isHungUp reports whether the peer ended the connection before it answered.
func isHungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		// A write meets this when net/http has closed the connection because
		// the peer did.
		errors.Is(err, net.ErrClosed) ||
		// net/http has no name for it. It repeats a GET by itself in this
		// case, but not a POST.
		strings.Contains(err.Error(), "http: server closed idle connection")
}

func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED)
}

// neverConnected reports whether err came up before there was a connection
// to the host or its proxy.
func neverConnected(err error) bool {
	var op *net.OpError
	return isRefused(err) || errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// http2Stream has the form of the HTTP/2 stream error inside net/http, which
// lets errors.As fill any struct of this form.
type http2Stream struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

// Error makes the form a target of errors.As.
func (s http2Stream) Error() string { return "HTTP/2 stream error" }

// isHTTP2Reset reports whether the peer gave up an HTTP/2 stream or its
// connection for a reason that passes (error codes of RFC 9113, section 7).
func isHTTP2Reset(err error) bool {
	const internalError, refusedStream, cancel, enhanceYourCalm = 0x2, 0x7, 0x8, 0xb
	var stream http2Stream
	if errors.As(err, &stream) {
		return slices.Contains([]uint32{internalError, refusedStream, cancel, enhanceYourCalm}, stream.Code)
	}
	text := err.Error()
	return strings.Contains(text, "http2: server sent GOAWAY") ||
		strings.Contains(text, "http2: client connection lost") ||
		// The connection ended before its first request. With TLS 1.3 that may
		// be an alert, which another attempt brings to light.
		strings.Contains(text, "http2: client conn could not be established")
}
