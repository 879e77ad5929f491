package wire

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// unixRetryAfter is the smallest number in a Retry-After that is read as Unix time instead of as
// seconds to wait. Docker Hub's API sends such times (docker/hub-feedback #2459). As a delay the
// number would be over 31 years.
const unixRetryAfter = 1_000_000_000

// maxRetryAfter is the longest time.Duration in whole seconds.
const maxRetryAfter = math.MaxInt64 / int64(time.Second)

// RetryAfter returns how long a response with this status and header asks the client to wait, and
// false if it does not ask for that. Retry-After counts on a 429 or 503, the two statuses that
// define it for a request to be repeated (RFC 6585, section 4; RFC 9110, section 15.6.4).
func RetryAfter(status int, h http.Header) (time.Duration, bool) {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0, false
	}
	return parseRetryAfter(h.Get("Retry-After"), serverTime(h))
}

// serverTime returns the time by the server's clock, so that a wrong local clock does not distort a
// Retry-After date.
func serverTime(h http.Header) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

// parseRetryAfter reads the value of a Retry-After header, seconds or an HTTP date (RFC 9110,
// section 10.2.3), and returns the time to wait from now on, which is never negative. It returns
// false for anything else. For more seconds than a time.Duration can hold it returns the longest
// one.
func parseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if isDigits(value) {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > maxRetryAfter {
			seconds = maxRetryAfter
		}
		if seconds < unixRetryAfter || seconds == maxRetryAfter {
			return time.Duration(seconds) * time.Second, true
		}
		return max(0, time.Unix(seconds, 0).Sub(now)), true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(0, date.Sub(now)), true
}

// isDigits reports whether s is one or more ASCII digits and nothing else.
func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
