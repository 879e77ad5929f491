package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
)

// ServedRecorder reports each request that a server answers, as Recorder does each that a client
// sends: Peer is the client then, Sent are the bytes that came of the request's body, Received those
// that the response's body had. The bodies of blobs get no digest.
type ServedRecorder struct {
	// Handler answers the requests.
	Handler http.Handler
	// OnCall receives each call once, when the handler has returned. It is never called
	// concurrently, and the connection waits for it.
	OnCall func(Call)
	// Command is the Command of all purposes.
	Command string

	sequence atomic.Int64

	mu      sync.Mutex // held while OnCall runs
	pending map[*servedCall]bool
	closed  bool
}

type servedConnKey struct{}

// ServedConn is for [http.Server]'s ConnContext. Without it, Call.Reused is always false.
func ServedConn(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, servedConnKey{}, new(atomic.Bool))
}

// ServeHTTP implements http.Handler.
func (s *ServedRecorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	s.track(c)
	defer s.report(c, nil)
	request := *r
	if r.Body != nil && r.Body != http.NoBody {
		request.Body = &servedBody{r.Body, c, sentDigester(r, c.call.Endpoint)}
	} else {
		c.times.wrote = c.times.start
	}
	s.Handler.ServeHTTP(&servedResponse{ResponseWriter: w, call: c}, &request)
	c.complete(w.Header())
}

// Close reports the calls whose handlers have not returned, with ErrUnfinished, and no call after
// that.
func (s *ServedRecorder) Close() {
	s.mu.Lock()
	unfinished := slices.Collect(maps.Keys(s.pending))
	s.mu.Unlock()
	for _, c := range unfinished {
		s.report(c, ErrUnfinished)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *ServedRecorder) track(c *servedCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set(&s.pending, c, true)
}

// report gives a call to OnCall, unless that has been done.
func (s *ServedRecorder) report(c *servedCall, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.pending[c] {
		return
	}
	delete(s.pending, c)
	s.OnCall(c.end(err))
}

// servedCall is a call that has not been reported.
type servedCall struct {
	isHead bool

	mu      sync.Mutex
	call    Call
	times   timestamps
	secrets secrets
	digest  *digester // of the response's body
	err     error     // of a body
}

func (s *ServedRecorder) newCall(r *http.Request) *servedCall {
	u := *r.URL
	u.Scheme, u.Host = "http", r.Host
	c := &servedCall{isHead: r.Method == http.MethodHead, secrets: secretsOf(r)}
	if r.TLS != nil {
		u.Scheme = "https"
		c.call.TLSVersion, c.call.Cipher = tls.VersionName(r.TLS.Version), tls.CipherSuiteName(r.TLS.CipherSuite)
	}
	header := r.Header.Clone()
	header.Set("Host", r.Host)
	c.times.start = time.Now()
	c.times.gotConn = c.times.start
	c.call.Sequence, c.call.Attempt = s.sequence.Add(1), 1
	c.call.Why = PathPurpose(s.Command, r.URL.Path)
	c.call.Endpoint, c.call.Method = endpoint.ID(r.Method, &u), r.Method
	c.call.URL, c.call.Host = c.secrets.redact(Redact(&u)), r.Host
	c.call.Protocol, c.call.Start = r.Proto, c.times.start
	c.call.RequestHeader = RedactHeader(header)
	c.call.Peer = r.RemoteAddr
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		c.call.Local = local.String()
	}
	if used, ok := r.Context().Value(servedConnKey{}).(*atomic.Bool); ok {
		c.call.Reused = used.Swap(true)
	}
	return c
}

// PathPurpose returns the purpose of another program's call, of which only the path is known.
func PathPurpose(command, path string) Purpose {
	why := Purpose{Command: command}
	switch at := endpoint.Parse(path); at.Kind {
	case endpoint.KindBlob:
		why.Blob = at.Reference
	case endpoint.KindManifest:
		if blob.Digest(at.Reference).Validate() == nil {
			why.Manifest = at.Reference
		}
	}
	return why
}

// update changes the call, which Close may report at any time.
func (c *servedCall) update(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// gotStatus notes the start of the response. Informational ones (1xx) are not the response.
func (c *servedCall) gotStatus(status int) {
	c.update(func() {
		if status < 200 || c.call.StatusCode != 0 {
			return
		}
		c.call.StatusCode, c.times.firstByte = status, time.Now()
		content := status == http.StatusOK || status == http.StatusPartialContent
		if c.call.Endpoint != "end-2" || !content {
			c.digest = newDigester(-1)
		}
	})
}

// wrote notes the bytes p of the response's body.
func (c *servedCall) wrote(p []byte, err error) {
	c.update(func() {
		if c.isHead {
			return
		}
		c.call.Received += int64(len(p))
		c.digest.write(p, nil)
		if err != nil {
			c.err = err
		}
	})
}

// complete notes the end of a response with that header.
func (c *servedCall) complete(header http.Header) {
	c.gotStatus(http.StatusOK) // unless the handler has set one
	c.update(func() {
		c.call.ResponseHeader = c.secrets.redactHeader(header)
		whole, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
		switch {
		case err == nil && whole != c.call.Received && !c.isHead && c.err == nil:
			c.err = errShortResponse
		case c.digest.write(nil, io.EOF):
			c.call.ReceivedDigest = c.digest.sum()
		}
	})
}

// errShortResponse is the error of a response that has fewer bytes than its Content-Length.
var errShortResponse = errors.New("the response was cut short")

// end returns the call as it is reported.
func (c *servedCall) end(err error) (out Call) {
	c.update(func() {
		c.times.end = time.Now()
		c.call.Duration, c.call.Timings = c.times.end.Sub(c.times.start), c.times.timings()
		if err == nil {
			err = c.err
		}
		c.call.Err = c.secrets.redactError(err)
		out = c.call
	})
	return out
}

// servedBody counts and hashes what the handler reads of a request's body.
type servedBody struct {
	io.ReadCloser
	call   *servedCall
	digest *digester // nil if the body gets no digest
}

// Read implements io.Reader.
func (b *servedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.call.update(func() {
		b.call.call.Sent += int64(n)
		if b.digest.write(p[:n], err) {
			b.call.call.SentDigest = b.digest.sum()
		}
		if err != nil {
			b.call.times.wrote = time.Now()
		}
		if err != nil && err != io.EOF {
			b.call.err = err
		}
	})
	return n, err
}

// servedResponse counts and hashes a response's body.
type servedResponse struct {
	http.ResponseWriter
	call *servedCall
}

// Unwrap is for [http.ResponseController].
func (s *servedResponse) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (s *servedResponse) WriteHeader(status int) {
	s.call.gotStatus(status)
	s.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (s *servedResponse) Write(p []byte) (int, error) {
	s.call.gotStatus(http.StatusOK) // unless the handler has set one
	n, err := s.ResponseWriter.Write(p)
	s.call.wrote(p[:n], err)
	return n, err
}
