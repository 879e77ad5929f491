package wire

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Recorder reports each request that it sends. At its position in the chain it sees every attempt,
// redirect hop and token request exactly once.
type Recorder struct {
	// Base sends each request.
	Base http.RoundTripper
	// OnCall receives each call once, when it has ended: at the end or the Close of the response's
	// body, or at an error. The call of a blob is reported when its verification has ended too
	// (WithReceivedBlob). OnCall is never called concurrently, and the request waits for it. Nil
	// records nothing.
	OnCall func(Call)
	// HashBlobs also hashes the bodies of blobs and their parts, of any size. It is for the calls of
	// other programs, of whose own verification nothing is known. It must not change after first use.
	HashBlobs bool

	sequence atomic.Int64
	mu       sync.Mutex // held while OnCall runs

	pendingMu sync.Mutex
	pending   map[*pendingCall]bool // the calls that have not been reported
	closed    bool
}

// Call is one request on the wire and its response. It holds no secrets: its URL is the result of
// Redact, its headers are those of RedactHeader. The request's secrets are also removed from the
// response's headers and from the text of Err, since servers repeat them there.
type Call struct {
	Sequence   int64   // position in the order of starts, from 1
	Attempt    int     // attempt of the same request, from 1
	Why        Purpose // purpose of the call
	Endpoint   string  // as endpoint.ID returns it, RowToken, RowRedirect or RowOther
	Method     string  // such as GET
	URL        string
	Host       string // host, with its port if the URL has one
	StatusCode int    // 0 when there was no response
	Protocol   string // such as HTTP/1.1, empty when there was no response

	Start    time.Time     // when the request was given to the transport
	Duration time.Duration // from Start to the end of the call
	Timings  Timings       // the phases of Duration

	// RequestHeader is the header as written to the wire, with Host. If nothing was written, it is
	// the request's.
	RequestHeader  http.Header
	ResponseHeader http.Header
	Sent           int64      // bytes of the request's body
	Received       int64      // bytes of the response's body
	SentDigest     BodyDigest // of the request's body
	ReceivedDigest BodyDigest // of the response's body

	Peer       string // address and port of the remote end: the server, or a proxy
	Local      string // address and port of the local end
	TLSVersion string // such as TLS 1.3, empty without TLS
	Cipher     string // IANA name, empty without TLS
	Reused     bool   // the connection had served another request
	Congestion string // congestion control that the connection was given for uploads; empty for the system's
	Resent     int    // how often net/http itself repeated the request, on a closed idle connection

	Err error // what ended the call early, nil if nothing did
}

// ErrUnfinished is the error of a call that had not ended when Recorder.Close was called, and of a
// call made later.
var ErrUnfinished = errors.New("not finished when the run ended")

// RoundTrip sends req and reports it.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	return r.send(req, base(r.Base))
}

// Over returns a RoundTripper that sends through another base and reports to this Record, so that
// the calls of several chains have one sequence.
func (r *Recorder) Over(base http.RoundTripper) http.RoundTripper { return &recordOver{r, base} }

type recordOver struct {
	record *Recorder
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (o *recordOver) RoundTrip(req *http.Request) (*http.Response, error) {
	return o.record.send(req, base(o.base))
}

func (r *Recorder) send(req *http.Request, rt http.RoundTripper) (*http.Response, error) {
	if r.OnCall == nil {
		return rt.RoundTrip(req)
	}
	p := r.newPendingCall(req)
	if !r.track(p) {
		CloseBody(req)
		return nil, ErrUnfinished
	}
	resp, err := rt.RoundTrip(p.watchRequest(req))
	if err != nil {
		p.fail(err)
		return nil, err
	}
	p.gotResponse(req, resp)
	setSequence(resp, p.call.Sequence)
	if !hasContent(resp) {
		p.end(nil)
		return resp, nil
	}
	resp.Body = &receivedBody{resp.Body, p, r.receivedDigester(req, resp, p.call.Endpoint)}
	return resp, nil
}

// Close reports the calls that have not ended, with ErrUnfinished, and makes every later call fail
// with that. An interrupted run may end before all of its goroutines have noticed, and calls that
// they make then would not be reported.
func (r *Recorder) Close() {
	r.pendingMu.Lock()
	r.closed = true
	var unfinished []*pendingCall
	for p := range r.pending {
		unfinished = append(unfinished, p)
	}
	r.pendingMu.Unlock()
	for _, p := range unfinished {
		p.end(ErrUnfinished)
		p.report()
	}
}

func (r *Recorder) newPendingCall(req *http.Request) *pendingCall {
	p := &pendingCall{record: r, secrets: secretsOf(req), call: Call{
		Sequence: r.sequence.Add(1),
		Attempt:  Attempt(req.Context()),
		Why:      PurposeOf(req.Context()),
		Endpoint: rowOf(req),
		Method:   req.Method,
		URL:      Redact(req.URL),
		Host:     req.URL.Host,
		Start:    time.Now(),
	}}
	p.times.start = p.call.Start
	setLinks(req, &p.call)
	return p
}

// track adds p to the pending calls. It returns false if the Record is closed.
func (r *Recorder) track(p *pendingCall) bool {
	r.pendingMu.Lock()
	defer r.pendingMu.Unlock()
	if r.closed {
		return false
	}
	set(&r.pending, p, true)
	return true
}

// report gives a call that was pending to OnCall.
func (r *Recorder) report(p *pendingCall, c Call) {
	r.mu.Lock()
	r.OnCall(c)
	r.mu.Unlock()
	r.pendingMu.Lock()
	defer r.pendingMu.Unlock()
	delete(r.pending, p)
}
