package wire

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Record reports each request that passes it. Innermost in the chain it sees
// every attempt, redirect hop and token request exactly once.
type Record struct {
	// Base sends each request.
	Base http.RoundTripper
	// OnCall is given each call once, when it is finished: at the end of the
	// response's body, when the body is closed before that, or at an error.
	// It is never called twice at once, and the request waits for it. Nil
	// records nothing.
	OnCall func(Call)

	sequence atomic.Int64
	mu       sync.Mutex // held while OnCall runs
}

// Call is one request on the wire and its answer. Its URL is redacted; Err is
// as the layer below gave it.
type Call struct {
	Sequence   int64         // position in the order of starts, from 1
	Attempt    int           // attempt of the same request, from 1
	Method     string        // such as GET
	URL        string        // as Redact shows it
	Host       string        // host, with its port if the URL has one
	StatusCode int           // 0 when there was no response
	Start      time.Time     // when the request was handed to the transport
	Header     time.Duration // from Start to the response's header, or the error in its place
	Duration   time.Duration // from Start to the end of the call
	Sent       int64         // bytes of the request's body
	Received   int64         // bytes of the response's body
	Err        error         // what ended the call early, nil if nothing did
}

// RoundTrip sends req and reports it.
func (r *Record) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.OnCall == nil {
		return base(r.Base).RoundTrip(req)
	}
	t := r.begin(req)
	resp, err := base(r.Base).RoundTrip(t.count(req))
	t.call.Header = time.Since(t.call.Start)
	if err != nil {
		t.finish(err)
		return nil, err
	}
	t.call.StatusCode = resp.StatusCode
	if resp.Body == nil || resp.Body == http.NoBody {
		t.finish(nil)
		return resp, nil
	}
	resp.Body = &receivedBody{ReadCloser: resp.Body, tape: t}
	return resp, nil
}

// tape is the record of one call that is still under way.
type tape struct {
	record   *Record
	call     Call
	sent     atomic.Int64 // the transport may read a body after it has answered
	received atomic.Int64 // a body may be closed while it is being read
	once     sync.Once
}

func (r *Record) begin(req *http.Request) *tape {
	return &tape{record: r, call: Call{
		Sequence: r.sequence.Add(1),
		Attempt:  Attempt(req.Context()),
		Method:   req.Method,
		URL:      Redact(req.URL),
		Host:     req.URL.Host,
		Start:    time.Now(),
	}}
}

// finish completes the call and reports it, the first time only.
func (t *tape) finish(err error) {
	t.once.Do(func() {
		t.call.Duration = time.Since(t.call.Start)
		t.call.Sent = t.sent.Load()
		t.call.Received = t.received.Load()
		t.call.Err = err
		t.record.mu.Lock()
		defer t.record.mu.Unlock()
		t.record.OnCall(t.call)
	})
}

// count returns req with its body's bytes counted. A request without a body
// stays as it is. GetBody counts into the same tape: net/http calls it to
// repeat a request whose idle connection turned out to be closed, and those
// bytes are sent too.
func (t *tape) count(req *http.Request) *http.Request {
	if !hasBody(req) {
		return req
	}
	counted := req.WithContext(req.Context())
	counted.Body = &sentBody{ReadCloser: req.Body, tape: t}
	if req.GetBody == nil {
		return counted
	}
	counted.GetBody = func() (io.ReadCloser, error) {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		return &sentBody{ReadCloser: body, tape: t}, nil
	}
	return counted
}

// sentBody counts what the transport reads of a request's body.
type sentBody struct {
	io.ReadCloser
	tape *tape
}

func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tape.sent.Add(int64(n))
	return n, err
}

// receivedBody counts what is read of a response's body and ends the call
// with it.
type receivedBody struct {
	io.ReadCloser
	tape *tape
}

func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tape.received.Add(int64(n))
	switch err {
	case nil:
	case io.EOF:
		b.tape.finish(nil)
	default:
		b.tape.finish(err)
	}
	return n, err
}

func (b *receivedBody) Close() error {
	err := b.ReadCloser.Close()
	b.tape.finish(nil)
	return err
}
