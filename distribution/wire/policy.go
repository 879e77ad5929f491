package wire

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// PolicyRules are the rules for the calls of a run. The zero value allows everything. Its fields
// must not change after first use, and it must not be copied.
type PolicyRules struct {
	// Hosts are the hosts that may be called: registries, token servers and targets of redirects.
	// None allows all.
	Hosts []HostPattern
	// ReadOnly allows only GET, HEAD and token calls.
	ReadOnly bool
	// MaxCalls bounds the number of calls; every attempt, hop and token call counts. 0 sets no
	// bound.
	MaxCalls int64
	// MaxBytes bounds the bytes of bodies in both directions together. A body that is declared too
	// long is refused before it is sent or read; one of unknown length is cut off. 0 sets no bound.
	MaxBytes int64
	// Expect lists the calls. Nil allows any.
	Expect *ExpectedCalls
	// OnRefusal is called with the first call that is refused. It may be nil.
	OnRefusal func(*PolicyError)

	mu      sync.Mutex
	calls   int64
	bytes   int64 // sent, received or reserved
	refusal *PolicyError
}

// PolicyError is the error of a call that Rules do not allow. Nothing of the call was sent, unless
// MaxBytes has refused the response or cut off a body.
type PolicyError struct {
	// Policy is the rule: "allow-host", "read-only", "max-calls", "max-bytes" or "expect".
	Policy string
	Method string // empty for a call that was expected and not made
	URL    string // as Redact shows it
	Host   string // host, with its port if the URL has one
	Reason string
	// StatusCode is that of a response that was refused, 0 if there was none.
	StatusCode int
}

// Error names the policy, the call and the reason.
func (e *PolicyError) Error() string {
	if e.Method == "" {
		return fmt.Sprintf("policy %s: %s", e.Policy, e.Reason)
	}
	return fmt.Sprintf("policy %s refuses %s %s: %s", e.Policy, e.Method, e.URL, e.Reason)
}

// Policy refuses the calls that Rules do not allow with a *[PolicyError], before they are sent.
// After the first refusal it refuses every call, because the run has failed. It is below Record, so
// that a refusal is recorded.
type Policy struct {
	Base  http.RoundTripper // sends each request
	Rules *PolicyRules      // nil allows everything; several chains of a run share one
}

// RoundTrip sends req if the rules allow it.
func (p *Policy) RoundTrip(req *http.Request) (*http.Response, error) {
	r := p.Rules
	if r == nil {
		return base(p.Base).RoundTrip(req)
	}
	if err := r.check(req); err != nil {
		CloseBody(req)
		return nil, r.refuse(err)
	}
	resp, err := base(p.Base).RoundTrip(r.meterRequest(req))
	if err != nil {
		return nil, err
	}
	return r.meterResponse(req, resp)
}

// Refusal returns the first call that was refused, nil if there is none.
func (r *PolicyRules) Refusal() *PolicyError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusal
}

// refuse returns err. It keeps and reports the first refusal.
func (r *PolicyRules) refuse(err *PolicyError) error {
	r.mu.Lock()
	first := r.refusal == nil
	if first {
		r.refusal = err
	}
	r.mu.Unlock()
	if first && r.OnRefusal != nil {
		r.OnRefusal(err)
	}
	return err
}

// check counts a request, or returns why it is refused.
func (r *PolicyRules) check(req *http.Request) *PolicyError {
	r.mu.Lock()
	defer r.mu.Unlock()
	size, left := declaredLength(req), r.MaxBytes-r.bytes
	switch {
	case r.refusal != nil:
		return newRefusal(req, r.refusal.Policy, "an earlier call was refused, which ended the run")
	case !r.AllowsHost(req.URL):
		return newRefusal(req, "allow-host", "%s is not among the hosts that may be called", req.URL.Host)
	case r.ReadOnly && mayWrite(req):
		return newRefusal(req, "read-only", "it may change something")
	case r.MaxCalls > 0 && r.calls >= r.MaxCalls:
		return newRefusal(req, "max-calls", "it would be call %d", r.calls+1)
	case r.MaxBytes > 0 && size > left:
		return newRefusal(req, "max-bytes", "it sends %d bytes, and %d of %d are left", size, left, r.MaxBytes)
	}
	if reason := r.Expect.match(req); reason != "" {
		return newRefusal(req, "expect", "%s", reason)
	}
	r.calls++
	r.bytes += size
	return nil
}

func newRefusal(req *http.Request, policy, format string, args ...any) *PolicyError {
	return &PolicyError{
		Policy: policy,
		Method: req.Method,
		URL:    Redact(req.URL),
		Host:   req.URL.Host,
		Reason: fmt.Sprintf(format, args...),
	}
}

// AllowsHost reports whether Hosts allow calls to the host of a URL.
func (r *PolicyRules) AllowsHost(u *url.URL) bool {
	matches := func(p HostPattern) bool { return p.Matches(u) }
	return len(r.Hosts) == 0 || slices.ContainsFunc(r.Hosts, matches)
}

// mayWrite reports whether a request may change something at a registry.
func mayWrite(req *http.Request) bool { return !isRead(req) && !isTokenCall(req, rowOf(req)) }
