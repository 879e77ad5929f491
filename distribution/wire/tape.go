package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// tape is the record of one call that is still under way. The transport may
// read a request's body and call the hooks of its trace after it has answered,
// and a body may be closed while it is being read.
type tape struct {
	record   *Record
	secrets  secrets
	sent     atomic.Int64
	received atomic.Int64
	told     chan struct{} // closed when the call has been reported

	mu       sync.Mutex
	call     Call
	clock    clock
	written  http.Header   // of the request, as they went out
	blob     *receivedBlob // the body that comes is this one
	isWhole  bool          // all of the body has come
	ended    bool
	reported bool
}

// update changes the record, unless it has been reported.
func (t *tape) update(change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		change()
	}
}

// watch returns req with its body counted and its way through the transport
// noted. A request without a body keeps having none. GetBody counts into the
// same tape: net/http calls it to repeat a request whose idle connection turned
// out to be closed, and those bytes are sent too.
func (t *tape) watch(req *http.Request) *http.Request {
	t.call.RequestHeader = req.Header
	out := req.WithContext(httptrace.WithClientTrace(req.Context(), t.trace()))
	if !hasBody(req) {
		return out
	}
	out.Body = &sentBody{req.Body, t, sentDigester(req, t.call.Row)}
	if req.GetBody == nil {
		return out
	}
	out.GetBody = func() (io.ReadCloser, error) {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		return &sentBody{body, t, sentDigester(req, t.call.Row)}, nil
	}
	return out
}

// trace notes the moments of a call (net/http/httptrace).
func (t *tape) trace() *httptrace.ClientTrace {
	c := &t.clock
	dialing := func(note func()) {
		t.update(func() {
			if c.got.IsZero() { // else a connection that was not waited for in the end
				note()
			}
		})
	}
	return &httptrace.ClientTrace{
		GetConn:      func(string) { t.update(t.again) },
		DNSStart:     func(httptrace.DNSStartInfo) { dialing(func() { c.looking = time.Now() }) },
		DNSDone:      func(httptrace.DNSDoneInfo) { dialing(func() { c.dns += time.Since(c.looking) }) },
		ConnectStart: func(_, _ string) { dialing(func() { c.connect = within(c.connect, c.start, time.Now()) }) },
		ConnectDone:  func(_, _ string, _ error) { dialing(func() { c.connected = time.Now() }) },
		TLSHandshakeStart: func() {
			dialing(func() { c.shaking = time.Now() })
		},
		TLSHandshakeDone: func(state tls.ConnectionState, _ error) {
			dialing(func() { c.tls += time.Since(c.shaking); t.secured(&state) })
		},
		GotConn:              func(info httptrace.GotConnInfo) { t.update(func() { t.connected(info) }) },
		WroteHeaderField:     func(name string, values []string) { t.update(func() { t.wrote(name, values) }) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.update(func() { c.wrote = time.Now() }) },
		GotFirstResponseByte: func() { t.update(func() { c.first = time.Now() }) },
	}
}

// again notes that net/http looks for a connection: once, or once more for a
// request that its connection was closed on.
func (t *tape) again() {
	if t.clock.got.IsZero() {
		return
	}
	t.call.Resent++
	t.written = nil
	t.clock = clock{start: t.clock.start}
}

func (t *tape) connected(info httptrace.GotConnInfo) {
	t.clock.got = time.Now()
	t.call.Reused = info.Reused
	if info.Reused { // one was dialled, but another became free before
		t.clock.dns, t.clock.tls, t.clock.connected = 0, 0, time.Time{}
	}
	if info.Conn != nil {
		t.call.Peer, t.call.Local = info.Conn.RemoteAddr().String(), info.Conn.LocalAddr().String()
	}
}

// wrote notes a header that goes out. HTTP/2 has pseudo headers beside them
// (RFC 9113, section 8.3.1).
func (t *tape) wrote(name string, values []string) {
	if name == ":authority" {
		name = "Host"
	}
	if name == "" || name[0] == ':' {
		return
	}
	if t.written == nil {
		t.written = http.Header{}
	}
	for _, v := range values {
		t.written.Add(name, v)
		if name == "Proxy-Authorization" { // net/http has set it
			t.secrets.authorization(v)
		}
	}
}

func (t *tape) secured(state *tls.ConnectionState) {
	if state != nil && state.Version != 0 {
		t.call.TLSVersion, t.call.Cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	}
}

// answered notes the head of the answer.
func (t *tape) answered(req *http.Request, resp *http.Response) {
	t.update(func() {
		t.call.StatusCode, t.call.Protocol = resp.StatusCode, resp.Proto
		t.call.ResponseHeader = t.secrets.header(resp.Header)
		t.secured(resp.TLS)
		if t.clock.first.IsZero() {
			t.clock.first = time.Now()
		}
		if resp.StatusCode == http.StatusOK {
			t.blob = receivedBlobOf(req.Context())
		}
		t.isWhole = resp.ContentLength == 0
	})
}

// failed ends a call without an answer, or whose answer a policy has refused.
func (t *tape) failed(err error) {
	var refusal *PolicyError
	if errors.As(err, &refusal) {
		t.update(func() { t.call.StatusCode = refusal.StatusCode })
	}
	t.end(err)
}

// receive returns the answer's body, counted.
func (t *tape) receive(req *http.Request, resp *http.Response) io.ReadCloser {
	return &receivedBody{resp.Body, t, receivedDigester(req, resp, t.call.Row)}
}

// whole notes that all of the body has come.
func (t *tape) whole() { t.update(func() { t.isWhole = true }) }

func (t *tape) setDigest(to *BodyDigest, d *digester) {
	digest := d.sum()
	t.update(func() { *to = digest })
}

// end completes the call, the first time only, and reports it. A blob's
// verification is waited for.
func (t *tape) end(err error) {
	blob, ended := t.stop(err)
	switch {
	case ended:
	case blob != nil:
		blob.then(func(right bool) {
			if right {
				t.mu.Lock()
				t.call.ReceivedDigest = BodyDigest{Digest: blob.digest, Stream: true}
				t.mu.Unlock()
			}
			t.report()
		})
	default:
		t.report()
	}
}

// stop stops the clock. It returns the blob whose verification is still to
// come, and whether the call had ended before.
func (t *tape) stop(err error) (blob *receivedBlob, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil, true
	}
	t.ended = true
	t.clock.end = time.Now()
	t.call.Err = t.secrets.error(err)
	if err == nil && t.isWhole && t.blob != nil && t.blob.then != nil {
		return t.blob, false
	}
	return nil, false
}

// report hands the call out, the first time only.
func (t *tape) report() {
	t.mu.Lock()
	if t.reported {
		t.mu.Unlock()
		return
	}
	t.reported = true
	c := &t.call
	c.Duration = t.clock.end.Sub(t.clock.start)
	c.Timings = t.clock.timings()
	c.Sent, c.Received = t.sent.Load(), t.received.Load()
	if t.written != nil {
		c.RequestHeader = t.written
	}
	c.RequestHeader = RedactHeader(c.RequestHeader)
	call := *c
	t.mu.Unlock()
	t.record.tell(t, call)
}
