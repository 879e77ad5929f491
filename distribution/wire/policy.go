package wire

import (
	"fmt"
	"io"
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
// it is MaxBytes that has cut off a body.
type PolicyError struct {
	// Policy is the rule: "allow-host", "read-only", "max-calls", "max-bytes" or
	// "expect".
	Policy string
	Method string // empty of a call that was expected and never made
	URL    string // as Redact shows it
	Host   string // host, with its port if the URL has one
	Reason string
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

// announcedBy is how long a request's body is said to be, 0 where that is not
// known.
func announcedBy(req *http.Request) int64 {
	if !hasBody(req) {
		return 0
	}
	return max(0, req.ContentLength)
}

// grant takes up to n bytes off what is left.
func (r *Rules) grant(n int64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = max(0, min(n, r.MaxBytes-r.bytes))
	r.bytes += n
	return n
}

// giveBack returns bytes that were granted and did not pass.
func (r *Rules) giveBack(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes -= n
}

// meterRequest returns req with its body held to MaxBytes.
func (r *Rules) meterRequest(req *http.Request) *http.Request {
	if r.MaxBytes == 0 || !hasBody(req) {
		return req
	}
	out := req.WithContext(req.Context())
	out.Body = r.meter(req, req.Body, announcedBy(req))
	if req.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			return r.meter(req, body, 0), nil
		}
	}
	return out
}

// meterResponse returns resp with its body held to MaxBytes, or a refusal of
// one that is announced to be too long.
func (r *Rules) meterResponse(req *http.Request, resp *http.Response) (*http.Response, error) {
	if r.MaxBytes == 0 || resp.Body == nil || resp.Body == http.NoBody {
		return resp, nil
	}
	announced := max(0, resp.ContentLength)
	granted := r.grant(announced)
	if granted < announced {
		r.giveBack(granted)
		_ = resp.Body.Close()
		return nil, r.refused(refusalOf(req, "max-bytes", "its answer has %d bytes, and %d of %d are left", announced, granted, r.MaxBytes))
	}
	resp.Body = r.meter(req, resp.Body, granted)
	return resp, nil
}

func (r *Rules) meter(req *http.Request, body io.ReadCloser, granted int64) io.ReadCloser {
	return &meteredBody{ReadCloser: body, rules: r, request: req, granted: granted}
}

// meteredBody is a body that may not be longer than what is left.
type meteredBody struct {
	io.ReadCloser
	rules   *Rules
	request *http.Request

	mu      sync.Mutex // net/http may close a request's body while it is read
	granted int64      // bytes it may have without asking
}

// Read implements io.Reader.
func (b *meteredBody) Read(p []byte) (int, error) {
	room := b.reserve(int64(len(p)))
	if room == 0 && len(p) > 0 {
		return b.atLimit()
	}
	n, err := b.ReadCloser.Read(p[:room])
	b.keep(room - int64(n))
	return n, err
}

// reserve returns how many of n bytes may be read.
func (b *meteredBody) reserve(n int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.granted == 0 {
		b.granted = b.rules.grant(n)
	}
	n = min(n, b.granted)
	b.granted -= n
	return n
}

// keep takes back what was reserved and not read.
func (b *meteredBody) keep(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.granted += n
}

// atLimit cuts the body off, if it has not ended just here.
func (b *meteredBody) atLimit() (int, error) {
	var one [1]byte
	n, err := b.ReadCloser.Read(one[:])
	if n == 0 {
		return 0, err
	}
	return 0, b.rules.refused(refusalOf(b.request, "max-bytes", "its body was cut off, %d bytes being the most", b.rules.MaxBytes))
}

// Close gives back what was not used.
func (b *meteredBody) Close() error {
	b.mu.Lock()
	left := b.granted
	b.granted = 0
	b.mu.Unlock()
	b.rules.giveBack(left)
	return b.ReadCloser.Close()
}
