package wire

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// unixRetryAfter is the smallest number in a Retry-After that is taken for a
// moment in Unix time rather than for seconds to wait. Docker Hub's API sends
// such (docker/hub-feedback #2459); as a delay it would be over 31 years.
const unixRetryAfter = 1_000_000_000

// maxRetryAfter is the longest time.Duration in whole seconds.
const maxRetryAfter = math.MaxInt64 / int64(time.Second)

// retryAfter returns the wait that resp asks for with Retry-After on a 429
// or 503, the two statuses that define it for a request to be repeated (RFC
// 6585, section 4, and RFC 9110, section 15.6.4). resp may be nil.
func retryAfter(resp *http.Response) (time.Duration, bool) {
	if resp == nil {
		return 0, false
	}
	if c := resp.StatusCode; c != http.StatusTooManyRequests && c != http.StatusServiceUnavailable {
		return 0, false
	}
	return parseRetryAfter(resp.Header.Get("Retry-After"), serverTime(resp))
}

// serverTime returns the time by the server's clock, so that a Retry-After
// date is not read against a local clock that is wrong.
func serverTime(resp *http.Response) time.Time {
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

// parseRetryAfter reads the value of a Retry-After header, seconds or an HTTP
// date (RFC 9110, section 10.2.3), as the time to wait from now on, which is
// never negative. It returns false for anything else. A number of seconds
// that no time.Duration can hold gives the longest one.
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
