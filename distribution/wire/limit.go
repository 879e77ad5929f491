package wire

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/hczjl/transship/distribution/endpoint"
)

// Limiter bounds how many calls of a kind are in flight to a host, by what the host accepts: see
// [Congestion]. More calls wait for their turn.
//
// There are four kinds, and none waits for another. Calls that read (HEADs, GETs of documents,
// token calls) and calls that write (POSTs, manifests, DELETEs) count until their response's header
// arrives, GETs of blobs until the body ends; those of
// large ones (WithLargeBody) are a kind of their own, since how late they are answered tells of the
// link that they fill more than of the host. Uploads never wait, because their bodies come from
// such a GET. Instead the POSTs that begin them wait, and a 429 or 503 for an upload reduces how
// many of those are sent at once. So nothing that has begun ever waits for a Limit.
type Limiter struct {
	// Base sends each request.
	Base http.RoundTripper
	// Congestion holds what is known of the hosts. Several chains of a run share one. Nil bounds
	// nothing.
	Congestion *Congestion
}

// RoundTrip sends req when its turn has come.
func (l *Limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	c := l.Congestion
	if c == nil {
		return base(l.Base).RoundTrip(req)
	}
	kind := kindOf(req)
	w := c.window(req.URL.Host, kind)
	if kind != uploadCall {
		if err := w.acquire(req.Context()); err != nil {
			CloseBody(req)
			return nil, err
		}
	}
	began := time.Now()
	resp, err := base(l.Base).RoundTrip(req)
	c.observe(w, req, kind, began, resp)
	switch {
	case kind == uploadCall:
	case (kind == downloadCall || kind == largeCall) && err == nil && hasContent(resp):
		resp.Body = &windowBody{ReadCloser: resp.Body, release: w.release}
	default:
		w.release()
	}
	return resp, err
}

// callKind is a kind of call that Limit counts.
type callKind int

const (
	readCall callKind = iota
	writeCall
	downloadCall
	largeCall // a download of a large body
	uploadCall
)

// kindOf returns the kind of a call. A hop of a redirect leads to where blobs are stored. Other
// calls outside of /v2/ are token calls.
func kindOf(req *http.Request) callKind {
	kind := endpoint.Parse(req.URL.Path).Kind
	switch {
	case req.Method == http.MethodGet && (req.Response != nil || kind == endpoint.KindBlob):
		if large, _ := req.Context().Value(largeBodyKey{}).(bool); large {
			return largeCall
		}
		return downloadCall
	case req.Method == http.MethodGet || req.Method == http.MethodHead:
		return readCall
	case hasBody(req) && kind != endpoint.KindManifest:
		return uploadCall
	}
	return writeCall
}

// windowBody is a body that releases its window when it ends.
type windowBody struct {
	io.ReadCloser
	release func()
	once    sync.Once
}

// Read releases the window at the first error, io.EOF included.
func (b *windowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.once.Do(b.release)
	}
	return n, err
}

// Close releases the window if the body was not read to its end.
func (b *windowBody) Close() error {
	defer b.once.Do(b.release)
	return b.ReadCloser.Close()
}
