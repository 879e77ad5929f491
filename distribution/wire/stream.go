package wire

import (
	"net/http"
	"time"
)

// The rules of Retry, for whoever sends bodies that are streams: Retry cannot
// repeat those, so their sender decides and waits by these.

// IsTransientStatus reports whether Retry would repeat a request for this
// status.
func IsTransientStatus(code int) bool { return transientStatus(code) }

// IsTransient reports whether Retry would repeat a request for this error.
func IsTransient(err error) bool { return transientError(err) }

// RetryAfter returns the wait that a 429 or 503 with this header asks for.
func RetryAfter(status int, h http.Header) (time.Duration, bool) {
	return retryAfter(&http.Response{StatusCode: status, Header: h})
}

// IsHungUp reports whether err is of a connection that the peer has ended
// before it answered.
func IsHungUp(err error) bool { return isHungUp(err) }

// IsPlainHTTP reports whether err is of a TLS handshake that met a server of
// plain HTTP.
func IsPlainHTTP(err error) bool { return isPlainHTTP(err) }
