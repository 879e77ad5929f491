package wire

import (
	"errors"
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
	// response's body, when the body is closed before that, or at an error; of
	// a blob, when its verification is over too (WithReceivedBlob). It is never
	// called twice at once, and the request waits for it. Nil records nothing.
	OnCall func(Call)

	sequence atomic.Int64
	mu       sync.Mutex // held while OnCall runs

	liveMu sync.Mutex
	live   map[*tape]bool // the calls that have not been reported
	closed bool
}

// Call is one request on the wire and its answer. It holds no secrets: its URL
// is as Redact shows it, its headers as RedactHeader does, and what the request
// had to keep secret is left out of them, and of the text of Err, wherever a
// server has repeated it.
type Call struct {
	Sequence   int64  // position in the order of starts, from 1
	Attempt    int    // attempt of the same request, from 1
	Why        Why    // what it is for
	Row        string // as endpoint.ID returns it, RowToken or RowRedirect
	Method     string // such as GET
	URL        string
	Host       string // host, with its port if the URL has one
	StatusCode int    // 0 when there was no response
	Protocol   string // such as HTTP/1.1, empty when there was no response

	Start    time.Time     // when the request was handed to the transport
	Duration time.Duration // from Start to the end of the call
	Timings  Timings       // the phases of Duration

	RequestHeader  http.Header // as written to the wire, Host among them; as it would have been when nothing was written
	ResponseHeader http.Header
	Sent           int64      // bytes of the request's body
	Received       int64      // bytes of the response's body
	SentDigest     BodyDigest // of the request's body
	ReceivedDigest BodyDigest // of the response's body

	Peer       string // address and port of who answered, a proxy if there is one
	Local      string // address and port it was asked from
	TLSVersion string // such as TLS 1.3, empty without TLS
	Cipher     string // name by IANA, empty without TLS
	Reused     bool   // the connection had served another request
	Resent     int    // times that net/http sent the request anew by itself, its idle connection being closed

	Err error // what ended the call early, nil if nothing did
}

// ErrUnfinished is the error of a call that Close has reported, and of one that
// is made after it.
var ErrUnfinished = errors.New("still under way when the run ended")

// RoundTrip sends req and reports it.
func (r *Record) RoundTrip(req *http.Request) (*http.Response, error) {
	return r.send(req, base(r.Base))
}

// Over returns a RoundTripper that sends through another base and reports to
// this Record: the calls of several chains have one sequence.
func (r *Record) Over(base http.RoundTripper) http.RoundTripper { return &recordOver{r, base} }

type recordOver struct {
	record *Record
	base   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (o *recordOver) RoundTrip(req *http.Request) (*http.Response, error) {
	return o.record.send(req, base(o.base))
}

func (r *Record) send(req *http.Request, over http.RoundTripper) (*http.Response, error) {
	if r.OnCall == nil {
		return over.RoundTrip(req)
	}
	t := r.begin(req)
	if !r.watches(t) {
		closeBody(req)
		return nil, ErrUnfinished
	}
	resp, err := over.RoundTrip(t.watch(req))
	if err != nil {
		t.failed(err)
		return nil, err
	}
	t.answered(req, resp)
	withSequence(resp, t.call.Sequence)
	if resp.Body == nil || resp.Body == http.NoBody {
		t.end(nil)
		return resp, nil
	}
	resp.Body = t.receive(req, resp)
	return resp, nil
}

// Close reports the calls that are still under way, with ErrUnfinished, and lets
// no more of them go out: a run that was interrupted may end before all of its
// goroutines have noticed, and what they do then nobody would be told of.
func (r *Record) Close() {
	r.liveMu.Lock()
	r.closed = true
	var left []*tape
	for t := range r.live {
		left = append(left, t)
	}
	r.liveMu.Unlock()
	for _, t := range left {
		t.end(ErrUnfinished)
		t.report()
		<-t.told
	}
}

func (r *Record) begin(req *http.Request) *tape {
	t := &tape{record: r, secrets: secretsOf(req), told: make(chan struct{}), call: Call{
		Sequence: r.sequence.Add(1),
		Attempt:  Attempt(req.Context()),
		Why:      WhyOf(req.Context()),
		Row:      rowOf(req),
		Method:   req.Method,
		URL:      Redact(req.URL),
		Host:     req.URL.Host,
		Start:    time.Now(),
	}}
	t.clock.start = t.call.Start
	link(req, &t.call)
	return t
}

// watches notes that a call is under way, false if the run is over.
func (r *Record) watches(t *tape) bool {
	r.liveMu.Lock()
	defer r.liveMu.Unlock()
	if r.closed {
		return false
	}
	if r.live == nil {
		r.live = map[*tape]bool{}
	}
	r.live[t] = true
	return true
}

// tell reports a call.
func (r *Record) tell(t *tape, c Call) {
	r.mu.Lock()
	r.OnCall(c)
	r.mu.Unlock()
	close(t.told)
	r.liveMu.Lock()
	defer r.liveMu.Unlock()
	delete(r.live, t)
}

// sentBody counts what the transport reads of a request's body.
type sentBody struct {
	io.ReadCloser
	tape   *tape
	digest *digester // nil when the body has none
}

// Read counts and hashes what it hands on. The digest is known with the body's end.
func (b *sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tape.sent.Add(int64(n))
	if b.digest.write(p[:n], err) {
		b.tape.setDigest(&b.tape.call.SentDigest, b.digest)
	}
	return n, err
}

// receivedBody counts what is read of a response's body and ends the call
// with it.
type receivedBody struct {
	io.ReadCloser
	tape   *tape
	digest *digester // nil when the body has none, or is a blob
}

// Read counts and hashes what it hands on. Any error ends the call in the record; io.EOF ends it as one that came whole.
func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tape.received.Add(int64(n))
	if b.digest.write(p[:n], err) {
		b.tape.setDigest(&b.tape.call.ReceivedDigest, b.digest)
	}
	switch err {
	case nil:
	case io.EOF:
		b.tape.whole()
		b.tape.end(nil)
	default:
		b.tape.end(err)
	}
	return n, err
}

// Close ends the call in the record, where no Read has done so.
func (b *receivedBody) Close() error {
	err := b.ReadCloser.Close()
	b.tape.end(nil)
	return err
}
