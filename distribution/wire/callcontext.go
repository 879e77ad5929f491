package wire

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"sync"

	"github.com/hczjl/transship/distribution/endpoint"
)

// Purpose is the purpose of a call. Callers state what they know of it by [WithPurpose]. [Recorder]
// adds the sequences, which only it knows.
type Purpose struct {
	Command    string // of the program, such as copy
	Image      string // reference of the image that the call is made for
	Manifest   string // digest
	Blob       string // digest
	Probe      bool   // it asks whether something is there: 404 is an answer, no failure
	RetryOf    int64  // sequence of the call that this repeats, 0 for none
	RedirectOf int64  // sequence of the call that was redirected here
	TokenFor   int64  // sequence of the call that needed this token, 0 also for one got in advance
}

type whyKey struct{}

// WithPurpose returns a context whose calls have the purpose w. What w leaves empty is taken from
// ctx; the sequences are ignored.
func WithPurpose(ctx context.Context, w Purpose) context.Context {
	old := PurposeOf(ctx)
	return context.WithValue(ctx, whyKey{}, Purpose{
		Command:  cmp.Or(w.Command, old.Command),
		Image:    cmp.Or(w.Image, old.Image),
		Manifest: cmp.Or(w.Manifest, old.Manifest),
		Blob:     cmp.Or(w.Blob, old.Blob),
		Probe:    w.Probe || old.Probe,
	})
}

// PurposeOf returns the purpose of calls made with ctx, as [WithPurpose] has set it.
func PurposeOf(ctx context.Context) Purpose {
	w, _ := ctx.Value(whyKey{}).(Purpose)
	return w
}

// callLinks are the calls that were made for one request.
type callLinks struct {
	mu     sync.Mutex
	latest int64            // sequence of the last call to the registry
	calls  map[string]int64 // sequence of the last call by method and URL without its scheme
}

type linksKey struct{}

// WithCallLinks returns a context for one request. The calls made with it are the request itself
// and what Retry, Loopback and auth send for it; Record notes which of them repeats which, and
// which call a token is for.
func WithCallLinks(ctx context.Context) context.Context {
	return context.WithValue(ctx, linksKey{}, new(callLinks))
}

// setLinks sets the sequences in the purpose of c, the call that req makes.
func setLinks(req *http.Request, c *Call) {
	c.Why.RedirectOf = sequenceOf(req.Response)
	l, ok := req.Context().Value(linksKey{}).(*callLinks)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := req.Method + " " + req.URL.Host + req.URL.RequestURI()
	c.Why.RetryOf = l.calls[key]
	set(&l.calls, key, c.Sequence)
	if c.Endpoint == RowToken {
		c.Why.TokenFor = l.latest
		return
	}
	l.latest = c.Sequence
}

type sequenceKey struct{}

// setSequence stores the sequence of a call in its response, for sequenceOf.
func setSequence(resp *http.Response, sequence int64) {
	if resp.Request != nil {
		ctx := context.WithValue(resp.Request.Context(), sequenceKey{}, sequence)
		resp.Request = resp.Request.WithContext(ctx)
	}
}

// sequenceOf returns the sequence of the call that resp belongs to, 0 if unknown.
func sequenceOf(resp *http.Response) int64 {
	if resp == nil || resp.Request == nil {
		return 0
	}
	n, _ := resp.Request.Context().Value(sequenceKey{}).(int64)
	return n
}

type rowKey struct{}

// rowOfURL is a URL that a registry returned, and the row of requests to it.
type rowOfURL struct {
	url *url.URL
	row string
}

// WithRow returns a context in which requests to u belong to row. It is for a URL that a registry
// returned, such as the Location of an upload session or the next page of a listing: such a URL
// need not look like the specification's, so endpoint.ID cannot read it.
func WithRow(ctx context.Context, u *url.URL, row string) context.Context {
	return context.WithValue(ctx, rowKey{}, rowOfURL{u, row})
}

// rowOf returns the row that a request belongs to. A request that is neither the protocol's nor a
// redirect's goes to a token server: a registry's client sends nothing else.
func rowOf(req *http.Request) string {
	if req.Response != nil {
		return RowRedirect
	}
	if row := endpoint.ID(req.Method, req.URL); row != "" {
		return row
	}
	known, ok := req.Context().Value(rowKey{}).(rowOfURL)
	if ok && known.url.Host == req.URL.Host && known.url.Path == req.URL.Path {
		return known.row
	}
	return RowToken
}
