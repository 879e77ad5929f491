package wire

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/hczjl/transship/distribution/endpoint"
)

// Limit bounds how many calls of a kind are under way at a host, by what the
// host takes: see [Congestion]. Calls beyond that wait for their turn.
//
// There are three kinds, none of which waits for another. Calls that read
// (HEADs, GETs of documents, token calls) and calls that write (POSTs,
// manifests, DELETEs) count until their answer's header is there, and GETs of
// blobs until the body ends. Uploads are not held back, since their bodies
// come out of such a GET, but what they are answered counts: the POSTs that
// begin them are. So nothing that is under way ever waits for a Limit.
type Limit struct {
	// Base sends each request.
	Base http.RoundTripper
	// Congestion is what is known of the hosts; several chains of a run share
	// one. Nil bounds nothing.
	Congestion *Congestion
}

// RoundTrip sends req when it is its turn.
func (l *Limit) RoundTrip(req *http.Request) (*http.Response, error) {
	c := l.Congestion
	if c == nil {
		return base(l.Base).RoundTrip(req)
	}
	kind := kindOf(req)
	w := c.window(req.URL.Host, kind)
	if kind != uploadCall {
		if err := w.enter(req.Context()); err != nil {
			closeBody(req)
			return nil, err
		}
	}
	began := c.now()
	resp, err := base(l.Base).RoundTrip(req)
	c.learn(w, req, kind, began, resp)
	switch {
	case kind == uploadCall:
	case kind == downloadCall && err == nil && resp.Body != nil && resp.Body != http.NoBody:
		resp.Body = &heldBody{ReadCloser: resp.Body, leave: w.leave}
	default:
		w.leave()
	}
	return resp, err
}

// callKind is a kind of call.
type callKind int

const (
	readCall callKind = iota
	writeCall
	downloadCall
	uploadCall
)

// kindOf sorts a call. A hop of a redirect leads to where blobs are stored;
// what else is outside of /v2/ are token calls.
func kindOf(req *http.Request) callKind {
	kind := endpoint.Parse(req.URL.Path).Kind
	switch {
	case req.Method == http.MethodGet && (req.Response != nil || kind == endpoint.KindBlob):
		return downloadCall
	case req.Method == http.MethodGet || req.Method == http.MethodHead:
		return readCall
	case hasBody(req) && kind != endpoint.KindManifest:
		return uploadCall
	}
	return writeCall
}

// learn takes the outcome of a call into account.
func (c *Congestion) learn(w *window, req *http.Request, kind callKind, began time.Time, resp *http.Response) {
	if resp == nil {
		return
	}
	now := c.now()
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		w.shrink(began, now)
	case kind == uploadCall:
	default:
		w.answered(began, now)
	}
	if left, ok := remaining(resp.Header); ok {
		c.runningLow(req.URL.Host, left)
	}
}

// heldBody is a body that leaves its window when it ends.
type heldBody struct {
	io.ReadCloser
	leave func()
	once  sync.Once
}

// Read leaves the window at the first error, io.EOF among them.
func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.once.Do(b.leave)
	}
	return n, err
}

// Close leaves the window too, where the body was not read to its end.
func (b *heldBody) Close() error {
	defer b.once.Do(b.leave)
	return b.ReadCloser.Close()
}

// enter waits until there is room in the window.
func (w *window) enter(ctx context.Context) error {
	turn := w.queue()
	if turn == nil {
		return nil
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		w.giveUp(turn)
		return context.Cause(ctx)
	}
}
