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

// pendingCall is a call that Record has not reported yet. It is locked, since the transport may
// read a request's body and call the hooks of its trace after it has returned the response, and a
// body may be closed while it is being read.
type pendingCall struct {
	record   *Recorder
	secrets  secrets
	sent     atomic.Int64
	received atomic.Int64
	once     sync.Once // for report

	mu       sync.Mutex
	call     Call
	times    timestamps
	written  http.Header   // the request's, as written to the wire
	blob     *receivedBlob // the response's body, if it is one
	complete bool          // the whole body of the response has come
	ended    bool
}

// update changes the call, unless it has ended.
func (p *pendingCall) update(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		change()
	}
}

// watchRequest returns req with its body counted and its way through the transport traced.
func (p *pendingCall) watchRequest(req *http.Request) *http.Request {
	p.call.RequestHeader = req.Header
	ctx := httptrace.WithClientTrace(req.Context(), p.trace())
	return wrapBody(ctx, req, func(body io.ReadCloser) io.ReadCloser {
		return &sentBody{body, p, p.record.sentDigester(req, p.call.Endpoint)}
	})
}

// trace returns hooks that note the events of the call.
func (p *pendingCall) trace() *httptrace.ClientTrace {
	t := &p.times
	dialing := func(note func()) {
		p.update(func() {
			if t.gotConn.IsZero() { // else the call uses another connection than this one
				note()
			}
		})
	}
	return &httptrace.ClientTrace{
		GetConn:      func(string) { p.update(p.resend) },
		DNSStart:     func(httptrace.DNSStartInfo) { dialing(func() { t.dnsStart = time.Now() }) },
		DNSDone:      func(httptrace.DNSDoneInfo) { dialing(func() { t.dns += time.Since(t.dnsStart) }) },
		ConnectStart: func(_, _ string) { dialing(func() { t.connect = within(t.connect, t.start, time.Now()) }) },
		ConnectDone:  func(_, _ string, _ error) { dialing(func() { t.connected = time.Now() }) },
		TLSHandshakeStart: func() {
			dialing(func() { t.tlsStart = time.Now() })
		},
		TLSHandshakeDone: func(state tls.ConnectionState, _ error) {
			dialing(func() { t.tls += time.Since(t.tlsStart); p.setTLS(&state) })
		},
		GotConn:              func(info httptrace.GotConnInfo) { p.update(func() { p.setConn(info) }) },
		WroteHeaderField:     func(name string, values []string) { p.update(func() { p.addHeader(name, values) }) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { p.update(func() { t.wrote = time.Now() }) },
		GotFirstResponseByte: func() { p.update(func() { t.firstByte = time.Now() }) },
	}
}

// resend is called when net/http looks for a connection. It does that a second time when it repeats
// a request because the first connection was closed.
func (p *pendingCall) resend() {
	if p.times.gotConn.IsZero() {
		return
	}
	p.call.Resent++
	p.written = nil
	p.times = timestamps{start: p.times.start}
}

func (p *pendingCall) setConn(info httptrace.GotConnInfo) {
	p.times.gotConn = time.Now()
	p.call.Reused = info.Reused
	if info.Reused { // a new one may have been dialled, but this one became idle first
		p.times.dns, p.times.tls, p.times.connected = 0, 0, time.Time{}
	}
	if info.Conn != nil {
		p.call.Peer, p.call.Local = info.Conn.RemoteAddr().String(), info.Conn.LocalAddr().String()
		p.call.Congestion = sendCongestionOf(info.Conn)
	}
}

// addHeader notes a header that is written. HTTP/2 has pseudo-headers too (RFC 9113, section
// 8.3.1).
func (p *pendingCall) addHeader(name string, values []string) {
	if name == ":authority" {
		name = "Host"
	}
	if name == "" || name[0] == ':' {
		return
	}
	if p.written == nil {
		p.written = http.Header{}
	}
	for _, v := range values {
		p.written.Add(name, v)
		if name == "Proxy-Authorization" { // net/http has set it
			p.secrets.addAuthorization(v)
		}
	}
}

func (p *pendingCall) setTLS(state *tls.ConnectionState) {
	if state != nil && state.Version != 0 {
		p.call.TLSVersion, p.call.Cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	}
}

// gotResponse notes the response's status and header.
func (p *pendingCall) gotResponse(req *http.Request, resp *http.Response) {
	p.update(func() {
		p.call.StatusCode, p.call.Protocol = resp.StatusCode, resp.Proto
		p.call.ResponseHeader = p.secrets.redactHeader(resp.Header)
		p.setTLS(resp.TLS)
		if p.times.firstByte.IsZero() {
			p.times.firstByte = time.Now()
		}
		if resp.StatusCode == http.StatusOK {
			p.blob = receivedBlobOf(req.Context())
		}
		p.complete = resp.ContentLength == 0
	})
}

// fail ends a call that has no response, or whose response Policy has refused.
func (p *pendingCall) fail(err error) {
	var refusal *PolicyError
	if errors.As(err, &refusal) {
		p.update(func() { p.call.StatusCode = refusal.StatusCode })
	}
	p.end(err)
}

// end completes the call and reports it; only the first time. It waits for the verification of a
// blob before it reports.
func (p *pendingCall) end(err error) {
	blob, first := p.stop(err)
	switch {
	case !first:
	case blob != nil:
		blob.onVerified(func(ok bool) {
			if ok {
				p.mu.Lock()
				p.call.ReceivedDigest = BodyDigest{Digest: blob.digest, FromVerification: true}
				p.mu.Unlock()
			}
			p.report()
		})
	default:
		p.report()
	}
}

// stop ends the call in the record, and returns false if it had ended before. blob is the blob
// whose verification is still to come, nil if there is none.
func (p *pendingCall) stop(err error) (blob *receivedBlob, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil, false
	}
	p.ended = true
	p.times.end = time.Now()
	p.call.Err = p.secrets.redactError(err)
	if err == nil && p.complete && p.blob != nil && p.blob.onVerified != nil {
		return p.blob, true
	}
	return nil, true
}

// report gives the call to the Record, only the first time. It returns when OnCall has returned.
func (p *pendingCall) report() {
	p.once.Do(func() { p.record.report(p, p.result()) })
}

// result returns the finished call.
func (p *pendingCall) result() Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.call
	c.Duration = p.times.end.Sub(p.times.start)
	c.Timings = p.times.timings()
	c.Sent, c.Received = p.sent.Load(), p.received.Load()
	if p.written != nil {
		c.RequestHeader = p.written
	}
	c.RequestHeader = RedactHeader(c.RequestHeader)
	return c
}
