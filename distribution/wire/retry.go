package wire

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	defaultAttempts = 6
	// connectAttempts bounds the attempts to reach a host that accepts no connection at all, so
	// that a wrong name or port is reported soon. A host that has answered before exists, and may
	// be restarting.
	connectAttempts = 3
	// unansweredAttempts bounds the attempts that end without an answer: each costs minutes.
	unansweredAttempts = 3

	// The wait before attempt n+1 is random between zero and firstBackoff<<(n-1), at most
	// lastBackoff (full jitter).
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 30 * time.Second
)

// DefaultMaxWait is how long a registry may ask one call to wait unless Retry.MaxWait says
// otherwise.
const DefaultMaxWait = 10 * time.Minute

// Retry repeats requests that failed for a transient reason: the statuses 408, 429, 500, 502, 503
// and 504, broken and refused connections, an end of file before the response, timeouts, and
// temporary failures of DNS.
//
// Only a request without a body, or with a GetBody that returns the body again, is repeated. A
// PATCH never is: the registry may have stored a part of it, and the upload session's status
// (end-13 of the distribution specification) must be read first. Permanent failures are never
// repeated: a cancelled context, a certificate that cannot be verified, a TLS alert, plain HTTP
// where TLS was expected, a malformed response.
//
// Waits grow exponentially with full jitter, and end when the request's context does. Retry obeys a
// Retry-After header of a 429 or 503 (RFC 9110, section 10.2.3) in full: when that wait would pass
// the context's deadline, or all such waits of the request MaxWait, RoundTrip fails at once with a
// *RetryAfterError.
//
// The response or error of the last attempt is returned as it came, and its number is
// Attempt(resp.Request.Context()). A caller needs that number to read a 404 for a DELETE, or for
// the PUT that closes an upload: an earlier attempt may have succeeded and its response been lost.
type Retry struct {
	// Base sends each attempt.
	Base http.RoundTripper
	// Attempts is how many times a request is sent at most, 6 if zero. A host that accepts no
	// connection is tried 3 times at most, unless it has answered since the last request to it that
	// failed in this way.
	Attempts int
	// Unanswered is how often at most a request is sent for whose answer Timeout waits in vain, 3 if
	// zero.
	Unanswered int
	// MaxWait is the longest wait that a registry may ask of one request, all its Retry-After
	// together; DefaultMaxWait if zero.
	MaxWait time.Duration
	// OnWait, if set, is called before each wait, so that a long one does not look like a hang. It
	// may be called concurrently.
	OnWait func(RetryWait)
	// Sleep waits for d, or until ctx is done and then returns its error. Nil means the package's
	// Sleep.
	Sleep func(ctx context.Context, d time.Duration) error

	mu       sync.Mutex
	answered map[string]bool // by URL.Host
}

// RetryWait is a pause of a Retry between two attempts of one request.
type RetryWait struct {
	Host       string        // host, with its port if the URL has one
	Attempt    int           // the attempt that failed, from 1
	StatusCode int           // its status, 0 when there was no response
	Err        error         // its error, nil when there was a response
	Duration   time.Duration // length of the pause
}

// RetryAfterError is the error of a request that the registry asks to wait longer than its
// context's deadline or MaxWait allows.
type RetryAfterError struct {
	Method     string
	Host       string        // host, with its port if the URL has one
	StatusCode int           // 429 or 503
	Wait       time.Duration // what the registry asked for
	Until      time.Time     // the end of that wait
	MaxWait    time.Duration // the longest wait possible: what is left of Retry.MaxWait or of the context's time
}

// Error names the host, its status, the wait, its end and the limit.
func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: the registry asks to wait %s, until %s, which is more than the %s allowed",
		e.Method, e.Host, e.StatusCode, http.StatusText(e.StatusCode),
		e.Wait.Round(time.Second), e.Until.Format(untilFormat), e.MaxWait.Round(time.Second))
}

// untilFormat is how the end of a wait is printed.
const untilFormat = "2006-01-02 15:04:05 MST"

type attemptKey struct{}

// Attempt returns which attempt of its request a context belongs to, from 1. Retry sets it on the
// context of the requests that it sends.
func Attempt(ctx context.Context) int {
	if n, ok := ctx.Value(attemptKey{}).(int); ok {
		return n
	}
	return 1
}

// RoundTrip sends req, and repeats it as the type's comment says.
func (r *Retry) RoundTrip(req *http.Request) (*http.Response, error) {
	answeredBefore := r.hasAnswered(req.URL.Host)
	left := cmp.Or(r.MaxWait, DefaultMaxWait)
	for n := 1; ; n++ {
		attempt, err := nthAttempt(req, n)
		if err != nil {
			return nil, err
		}
		resp, err := base(r.Base).RoundTrip(attempt)
		if n >= r.maxAttempts(req, resp, err, answeredBefore) {
			r.noteOutcome(req, n, err)
			return resp, err
		}
		wait, asked := waitAfter(n, resp)
		if longest, ok := longestWait(req.Context(), asked, left); ok && wait > longest {
			return giveUp(req, resp, err, asked, wait, longest)
		}
		if asked {
			left -= wait
		}
		Drain(resp)
		if err := r.pause(req, n, resp, err, wait); err != nil {
			return nil, err
		}
	}
}

// nthAttempt returns the request to send: req itself first, then copies of it with a fresh body and
// the attempt's number on their context.
func nthAttempt(req *http.Request, n int) (*http.Request, error) {
	if n == 1 && Attempt(req.Context()) == 1 {
		return req, nil
	}
	attempt := req.WithContext(context.WithValue(req.Context(), attemptKey{}, n))
	if n == 1 || !hasBody(req) {
		return attempt, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, fmt.Errorf("%s %s: reading the body again for attempt %d: %w", req.Method, req.URL.Host, n, err)
	}
	attempt.Body = body
	return attempt, nil
}

// maxAttempts returns how often a request with this outcome may be sent. answeredBefore reports
// whether its host is known to exist.
func (r *Retry) maxAttempts(req *http.Request, resp *http.Response, err error, answeredBefore bool) int {
	most := cmp.Or(r.Attempts, defaultAttempts)
	switch {
	case !repeatable(req) || req.Context().Err() != nil:
		return 1
	case err == nil && IsTransientStatus(resp.StatusCode):
		return most
	case err == nil || !IsTransient(err):
		return 1
	case IsUnanswered(err):
		return min(most, cmp.Or(r.Unanswered, unansweredAttempts))
	case neverConnected(err) && !answeredBefore:
		return min(most, connectAttempts)
	}
	return most
}

func (r *Retry) hasAnswered(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered[host]
}

// noteOutcome remembers whether the host of a request exists, when n attempts show it: by a
// response, or by connections that failed repeatedly.
func (r *Retry) noteOutcome(req *http.Request, n int, err error) {
	if err != nil && (n == 1 || !neverConnected(err)) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	set(&r.answered, req.URL.Host, err == nil)
}

// repeatable reports whether the same request can be sent once more.
func repeatable(req *http.Request) bool {
	return req.Method != http.MethodPatch && (!hasBody(req) || req.GetBody != nil)
}

// waitAfter returns the wait after attempt n, and whether the registry asked for it. A Retry-After
// shorter than the backoff does not shorten the backoff: a zero would make Retry hammer the host.
func waitAfter(n int, resp *http.Response) (wait time.Duration, asked bool) {
	wait = Backoff(n)
	if resp == nil {
		return wait, false
	}
	if after, ok := RetryAfter(resp.StatusCode, resp.Header); ok && after > wait {
		return after, true
	}
	return wait, false
}

// Backoff returns the wait after the n-th failure, counted from 1, when the registry does not ask
// for one. It is random, below a bound that doubles each time up to 30 seconds.
func Backoff(n int) time.Duration {
	return rand.N(min(firstBackoff<<min(max(n, 1)-1, 16), lastBackoff))
}

// longestWait returns the longest wait possible, and false when there is no bound. left bounds only
// what the registry asks for: backoff has a bound of its own.
func longestWait(ctx context.Context, asked bool, left time.Duration) (time.Duration, bool) {
	deadline, ok := ctx.Deadline()
	switch {
	case !ok:
		return left, asked
	case !asked:
		return time.Until(deadline), true
	}
	return min(time.Until(deadline), left), true
}

// giveUp ends a request that has no time for its next wait: with a *RetryAfterError when the
// registry asked for the wait, else with the outcome of the attempt just made.
func giveUp(
	req *http.Request, resp *http.Response, err error, asked bool, wait, longest time.Duration,
) (*http.Response, error) {
	if !asked {
		return resp, err
	}
	Drain(resp)
	return nil, &RetryAfterError{
		Method:     req.Method,
		Host:       req.URL.Host,
		StatusCode: resp.StatusCode,
		Wait:       wait,
		Until:      time.Now().Add(wait),
		MaxWait:    max(longest, 0),
	}
}

// pause waits for d after attempt n. It calls OnWait first.
func (r *Retry) pause(req *http.Request, n int, resp *http.Response, err error, d time.Duration) error {
	w := RetryWait{Host: req.URL.Host, Attempt: n, Err: err, Duration: d}
	if resp != nil {
		w.StatusCode = resp.StatusCode
	}
	if r.OnWait != nil {
		r.OnWait(w)
	}
	if r.Sleep != nil {
		return r.Sleep(req.Context(), d)
	}
	return Sleep(req.Context(), d)
}
