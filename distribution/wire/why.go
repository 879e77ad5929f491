package wire

import (
	"context"
	"net/http"
	"net/url"
	"sync"

	"github.com/hczjl/transship/distribution/endpoint"
)

// Why is what a call is for. Callers say it by With, as far as they know;
// Record adds what it alone knows, the sequences.
type Why struct {
	Command    string // of the program, such as copy
	Image      string // the reference being worked on
	Manifest   string // digest
	Blob       string // digest
	RetryOf    int64  // sequence of the call that this repeats, 0 for none
	RedirectOf int64  // sequence of the call that was redirected here
	TokenFor   int64  // sequence of the call that a token was demanded for; 0 too where it is asked for ahead
}

type whyKey struct{}

// With returns a context whose calls are for what w says beside what ctx says
// already.
func With(ctx context.Context, w Why) context.Context {
	old := WhyOf(ctx)
	return context.WithValue(ctx, whyKey{}, Why{
		Command:  or(w.Command, old.Command),
		Image:    or(w.Image, old.Image),
		Manifest: or(w.Manifest, old.Manifest),
		Blob:     or(w.Blob, old.Blob),
	})
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// WhyOf returns what calls made with ctx are for, as far as With has said.
func WhyOf(ctx context.Context) Why {
	w, _ := ctx.Value(whyKey{}).(Why)
	return w
}

// links is what is known of the calls of one request.
type links struct {
	mu     sync.Mutex
	latest int64            // sequence of the last one to the registry
	calls  map[string]int64 // sequence by method and URL without its scheme
}

type linksKey struct{}

// Linked returns a context for one request. Record tells of the calls made
// with it, the request itself and what Retry, Loopback and auth send on its
// behalf, which of them repeats which, and which token is for which.
func Linked(ctx context.Context) context.Context {
	return context.WithValue(ctx, linksKey{}, &links{calls: map[string]int64{}})
}

// link adds to a call's reasons those that are other calls.
func link(req *http.Request, c *Call) {
	c.Why.RedirectOf = sequenceOf(req.Response)
	l, ok := req.Context().Value(linksKey{}).(*links)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := req.Method + " " + req.URL.Host + req.URL.RequestURI()
	c.Why.RetryOf = l.calls[key]
	l.calls[key] = c.Sequence
	if c.Row == RowToken {
		c.Why.TokenFor = l.latest
		return
	}
	l.latest = c.Sequence
}

type sequenceKey struct{}

// withSequence notes in an answer which call it is of.
func withSequence(resp *http.Response, sequence int64) {
	if resp.Request != nil {
		ctx := context.WithValue(resp.Request.Context(), sequenceKey{}, sequence)
		resp.Request = resp.Request.WithContext(ctx)
	}
}

// sequenceOf returns the call that an answer is of, 0 where it is not known.
func sequenceOf(resp *http.Response) int64 {
	if resp == nil || resp.Request == nil {
		return 0
	}
	n, _ := resp.Request.Context().Value(sequenceKey{}).(int64)
	return n
}

type rowKey struct{}

// place is a URL that a registry gave out, and the row of requests to it.
type place struct {
	url *url.URL
	row string
}

// WithRow says which row requests to a URL belong to that a registry gave out:
// the Location of an upload session, or the next page of a listing, need not
// look like the specification's.
func WithRow(ctx context.Context, u *url.URL, row string) context.Context {
	return context.WithValue(ctx, rowKey{}, place{u, row})
}

// rowOf returns the row that a request belongs to. What is neither the
// protocol's nor a redirect's is for a token server: a registry's client sends
// nothing else.
func rowOf(req *http.Request) string {
	if req.Response != nil {
		return RowRedirect
	}
	if row := endpoint.ID(req.Method, req.URL); row != "" {
		return row
	}
	at, ok := req.Context().Value(rowKey{}).(place)
	if ok && at.url.Host == req.URL.Host && at.url.Path == req.URL.Path {
		return at.row
	}
	return RowToken
}
