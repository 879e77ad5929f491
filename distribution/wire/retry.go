package wire

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	defaultAttempts = 6
	// connectAttempts bounds the attempts to reach a host that takes no
	// connection at all: a wrong name or port should be reported soon. A host
	// that has answered before is there, and may be starting anew.
	connectAttempts = 3

	// The wait before attempt n+1 is random between zero and
	// firstBackoff<<(n-1), at most lastBackoff (full jitter).
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 30 * time.Second
)

// Retry repeats requests that failed for a passing reason: the statuses 408,
// 429, 500, 502, 503 and 504, broken and refused connections, an end of file
// before the response, timeouts, and temporary failures of DNS.
//
// Only a request without a body, or with a GetBody that gives the body
// again, is repeated; a PATCH never is, because the registry may have taken
// a part of it and the upload session's status (end-13 of the distribution
// specification) must be asked first. Failures that stay the same are never
// repeated: a cancelled context, a certificate that cannot be verified, a
// TLS alert, plain HTTP where TLS was expected, a malformed response.
//
// Waits grow exponentially with full jitter and end when the request's
// context does. A Retry-After header of a 429 or 503 (RFC 9110, section
// 10.2.3) is obeyed in full and never cut: when the wait would pass the
// context's deadline or MaxWait, RoundTrip fails at once with a
// *RetryAfterError.
//
// After the last attempt its response or error is returned as it came. The
// attempt it belongs to is Attempt(resp.Request.Context()): a caller needs it
// to read a 404 for a DELETE, or for the PUT that closes an upload, when an
// earlier attempt may have done the work without its answer coming through.
type Retry struct {
	// Base sends each attempt.
	Base http.RoundTripper
	// Attempts is the most often a request is sent, 6 if zero. A host that
	// takes no connection is tried 3 times at most, unless it has answered since
	// a request to it was last given up.
	Attempts int
	// MaxWait is the longest wait that a Retry-After may ask for. Zero sets
	// no bound.
	MaxWait time.Duration
	// OnWait, if set, is told of each wait before it begins, so that a long
	// one does not look like a hang. It may be called concurrently.
	OnWait func(Wait)
	// Sleep waits for d, or until ctx is done and then returns its error.
	// Nil waits on the clock.
	Sleep func(ctx context.Context, d time.Duration) error

	mu       sync.Mutex
	answered map[string]bool // by URL.Host
}

// Wait is a pause of a Retry between two attempts of one request.
type Wait struct {
	Host       string        // host, with its port if the URL has one
	Attempt    int           // the attempt that failed, from 1
	StatusCode int           // its status, 0 when there was no response
	Err        error         // its error, nil when there was a response
	For        time.Duration // how long the pause is
}

// RetryAfterError says that a registry asked for a longer wait than the
// request has time for.
type RetryAfterError struct {
	Method     string
	Host       string        // host, with its port if the URL has one
	StatusCode int           // 429 or 503
	Wait       time.Duration // what the registry asked for
	Limit      time.Duration // what there was: MaxWait, or the time left
}

// Error names the host, its status, the wait and the limit.
func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: the registry asks to wait %s, which is more than the %s allowed",
		e.Method, e.Host, e.StatusCode, http.StatusText(e.StatusCode),
		e.Wait.Round(time.Second), e.Limit.Round(time.Second))
}

type attemptKey struct{}

// Attempt returns which attempt of its request a context belongs to, from 1.
// Layers below a Retry see it on the request's context.
func Attempt(ctx context.Context) int {
	if n, ok := ctx.Value(attemptKey{}).(int); ok {
		return n
	}
	return 1
}

// RoundTrip sends req, and sends it again as the type's comment says.
func (r *Retry) RoundTrip(req *http.Request) (*http.Response, error) {
	known := r.hasAnswered(req.URL.Host)
	for n := 1; ; n++ {
		again, err := nthAttempt(req, n)
		if err != nil {
			return nil, err
		}
		resp, err := base(r.Base).RoundTrip(again)
		if n >= r.attempts(req, resp, err, known) {
			r.note(req, n, err)
			return resp, err
		}
		wait, asked := r.delay(n, resp)
		if limit, ok := r.limit(req.Context(), asked); ok && wait > limit {
			return giveUp(req, resp, err, asked, wait, limit)
		}
		discard(resp)
		if err := r.pause(req, n, resp, err, wait); err != nil {
			return nil, err
		}
	}
}

// nthAttempt returns the request to send: req itself first, then copies of
// it with a fresh body and the number of the attempt on their context.
func nthAttempt(req *http.Request, n int) (*http.Request, error) {
	if n == 1 && Attempt(req.Context()) == 1 {
		return req, nil
	}
	again := req.WithContext(context.WithValue(req.Context(), attemptKey{}, n))
	if n == 1 || !hasBody(req) {
		return again, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, fmt.Errorf("%s %s: reading the body again for attempt %d: %w", req.Method, req.URL.Host, n, err)
	}
	again.Body = body
	return again, nil
}

// attempts returns how often a request with this outcome may be sent. known
// says that its host was there before.
func (r *Retry) attempts(req *http.Request, resp *http.Response, err error, known bool) int {
	most := r.Attempts
	if most == 0 {
		most = defaultAttempts
	}
	switch {
	case !repeatable(req) || req.Context().Err() != nil:
		return 1
	case err == nil && transientStatus(resp.StatusCode):
		return most
	case err == nil || !transientError(err):
		return 1
	case neverConnected(err) && !known:
		return min(most, connectAttempts)
	}
	return most
}

// hasAnswered reports whether a host was there, as far as is known.
func (r *Retry) hasAnswered(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answered[host]
}

// note remembers how a request ended after n attempts: with an answer, or with
// a host that took no connection again and again.
func (r *Retry) note(req *http.Request, n int, err error) {
	if err != nil && (n == 1 || !neverConnected(err)) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answered == nil {
		r.answered = make(map[string]bool)
	}
	r.answered[req.URL.Host] = err == nil
}

// repeatable reports whether the same request can be sent once more.
func repeatable(req *http.Request) bool {
	return req.Method != http.MethodPatch && (!hasBody(req) || req.GetBody != nil)
}

// delay returns the wait after attempt n, and whether the registry asked for
// it. A Retry-After shorter than the backoff does not shorten the backoff, so
// that a zero is no invitation to hammer.
func (r *Retry) delay(n int, resp *http.Response) (wait time.Duration, asked bool) {
	wait = Backoff(n)
	if after, ok := retryAfter(resp); ok && after > wait {
		return after, true
	}
	return wait, false
}

// Backoff returns the wait after the n-th failure, counted from 1, where the
// registry does not ask for one: random, from a range that doubles each time.
func Backoff(n int) time.Duration {
	return rand.N(min(firstBackoff<<min(max(n, 1)-1, 16), lastBackoff))
}

// limit returns the longest wait possible, and false when there is no bound.
// MaxWait binds only what the registry asks for: backoff has its own ceiling.
func (r *Retry) limit(ctx context.Context, asked bool) (time.Duration, bool) {
	deadline, ok := ctx.Deadline()
	left := time.Until(deadline)
	if !asked || r.MaxWait <= 0 {
		return left, ok
	}
	if !ok {
		return r.MaxWait, true
	}
	return min(left, r.MaxWait), true
}

// giveUp ends a request that has no time for its next wait: with an error
// that says so when the registry asked for the wait, else with the outcome of
// the attempt just made.
func giveUp(req *http.Request, resp *http.Response, err error, asked bool, wait, limit time.Duration) (*http.Response, error) {
	if !asked {
		return resp, err
	}
	discard(resp)
	return nil, &RetryAfterError{
		Method:     req.Method,
		Host:       req.URL.Host,
		StatusCode: resp.StatusCode,
		Wait:       wait,
		Limit:      max(limit, 0),
	}
}

// pause announces the wait after attempt n and keeps it.
func (r *Retry) pause(req *http.Request, n int, resp *http.Response, err error, d time.Duration) error {
	w := Wait{Host: req.URL.Host, Attempt: n, Err: err, For: d}
	if resp != nil {
		w.StatusCode = resp.StatusCode
	}
	if r.OnWait != nil {
		r.OnWait(w)
	}
	sleep := r.Sleep
	if sleep == nil {
		sleep = sleepContext
	}
	return sleep(req.Context(), d)
}

// sleepContext waits for d or until ctx is done.
func sleepContext(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
