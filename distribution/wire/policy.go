package wire

import (
	"fmt"
	"net/http"
	"sync"
)

// Rules are what the calls of a run are held to. The zero value allows
// everything. Its fields must not change once it is in use, and it must not be
// copied.
type Rules struct {
	// Hosts are those that may be called, be they registries, token servers or
	// targets of redirects. None allows all.
	Hosts []HostPattern
	// ReadOnly allows GET and HEAD only, and token calls.
	ReadOnly bool
	// MaxCalls is the most calls, every attempt, hop and token call counted. 0
	// sets no bound.
	MaxCalls int64
	// MaxBytes is the most bytes of bodies in both directions together. A body
	// that is announced to go over is refused before it goes out or is read; one
	// of unknown length is cut off. 0 sets no bound.
	MaxBytes int64
	// Expect lists the calls. Nil allows any.
	Expect *Expectation
	// OnRefusal is told of the first call that is refused. Nil is not told.
	OnRefusal func(*PolicyError)

	mu      sync.Mutex
	calls   int64
	bytes   int64
	refusal *PolicyError
}

// PolicyError is a call that Rules do not allow. Nothing of it was sent, unless
// it is MaxBytes that has refused the answer or cut off a body.
type PolicyError struct {
	// Policy is the rule: "allow-host", "read-only", "max-calls", "max-bytes" or
	// "expect".
	Policy string
	Method string // empty of a call that was expected and never made
	URL    string // as Redact shows it
	Host   string // host, with its port if the URL has one
	Reason string
	// StatusCode is that of an answer that was refused, 0 where there was none.
	StatusCode int
}

// Error names the policy, the call and the reason.
func (e *PolicyError) Error() string {
	if e.Method == "" {
		return fmt.Sprintf("policy %s: %s", e.Policy, e.Reason)
	}
	return fmt.Sprintf("policy %s refuses %s %s: %s", e.Policy, e.Method, e.URL, e.Reason)
}

// Policy refuses the calls that Rules do not allow, with a *[PolicyError],
// before they go out. After the first one it refuses all: a run that has done
// what it must not is over. It stands below Record, so that a refusal is
// recorded.
type Policy struct {
	Base  http.RoundTripper // sends each request
	Rules *Rules            // nil allows everything; several chains of a run share one
}

// RoundTrip sends req if it may.
func (p *Policy) RoundTrip(req *http.Request) (*http.Response, error) {
	r := p.Rules
	if r == nil {
		return base(p.Base).RoundTrip(req)
	}
	if err := r.admit(req); err != nil {
		closeBody(req)
		return nil, r.refused(err)
	}
	resp, err := base(p.Base).RoundTrip(r.meterRequest(req))
	if err != nil {
		return nil, err
	}
	return r.meterResponse(req, resp)
}

// Refusal returns the first call that was refused, nil if none was.
func (r *Rules) Refusal() *PolicyError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusal
}

// refused notes a refusal, and tells of it if it is the first.
func (r *Rules) refused(err *PolicyError) error {
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

// admit tells why a request is refused, nil if it is not.
func (r *Rules) admit(req *http.Request) *PolicyError {
	r.mu.Lock()
	defer r.mu.Unlock()
	refuse := func(policy, format string, args ...any) *PolicyError { return refusalOf(req, policy, format, args...) }
	switch {
	case r.refusal != nil:
		return refuse(r.refusal.Policy, "a call was refused before it, and the run is over")
	case !r.allowsHost(req):
		return refuse("allow-host", "%s is not among the hosts that may be called", req.URL.Host)
	case r.ReadOnly && writes(req):
		return refuse("read-only", "it may change something")
	case r.MaxCalls > 0 && r.calls >= r.MaxCalls:
		return refuse("max-calls", "it would be call %d", r.calls+1)
	case r.MaxBytes > 0 && announcedBy(req) > r.MaxBytes-r.bytes:
		return refuse("max-bytes", "it sends %d bytes, and %d of %d are left", req.ContentLength, r.MaxBytes-r.bytes, r.MaxBytes)
	}
	if reason := r.Expect.take(req); reason != "" {
		return refuse("expect", "%s", reason)
	}
	r.calls++
	r.bytes += announcedBy(req)
	return nil
}

// refusalOf makes the error that refuses a request.
func refusalOf(req *http.Request, policy, format string, args ...any) *PolicyError {
	return &PolicyError{
		Policy: policy,
		Method: req.Method,
		URL:    Redact(req.URL),
		Host:   req.URL.Host,
		Reason: fmt.Sprintf(format, args...),
	}
}

func (r *Rules) allowsHost(req *http.Request) bool {
	for _, h := range r.Hosts {
		if h.Matches(req.URL) {
			return true
		}
	}
	return len(r.Hosts) == 0
}

// writes tells whether a request may change something at a registry.
func writes(req *http.Request) bool {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return false
	}
	return !isTokenCall(req, rowOf(req))
}
