package registry

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Faults stands in front of a registry, writes down what is asked, and makes things go wrong by rules. It is for tests
// of clients. Some rules:
//
//	{On: "^GET", Times: 2, Status: 429, Header: map[string]string{"Retry-After": "1"}}  // slow down, twice
//	{On: "mount=", Status: 401}                                        // mounts are refused
//	{On: "mount=", DropQuery: []string{"mount", "from"}}               // mounts are ignored
//	{On: "^PATCH", LongerThan: 4 << 20, Status: 416}                   // chunks of 4 MiB at most
//	{On: "^POST", Header: map[string]string{"OCI-Chunk-Min-Length": "1048576"}}
//	{On: "^GET .*/blobs/", Skip: 1, Times: 1, Cut: CutAnswer, After: 1000}  // the second download breaks off
//	{On: "^PUT .*/manifests/", Times: 1, Cut: CutAnswer}               // done, but the answer is lost
//	{Edit: func(h http.Header) { h.Del("Docker-Content-Digest") }}     // on every answer
type Faults struct {
	// Handler is the registry.
	Handler http.Handler

	mu       sync.Mutex
	rules    []*rule
	requests []Request
}

// Request is one that came in.
type Request struct {
	Method string
	URL    string // path and query
	Header http.Header
	Length int64 // of the body, in bytes; -1 where it was not announced
}

// Rule says what goes wrong with some requests. Its zero value lets everything pass.
type Rule struct {
	// On is a regular expression that is looked for in "METHOD /path?query"; an empty one is in every request.
	On string
	// LongerThan, if not zero, restricts the rule to requests whose body has more bytes.
	LongerThan int64
	// Skip is how many such requests pass before the first that the rule is for, and Times for how many it is then; zero
	// is for all.
	Skip, Times int

	// Delay is waited before anything else.
	Delay time.Duration
	// DropQuery are query parameters that the registry does not get to see.
	DropQuery []string
	// Status, if not zero, is the answer, with Body. The registry is not asked; what the client sends is thrown away.
	Status int
	Body   string
	// Header is set on the answer, whosever it is.
	Header map[string]string
	// Edit changes the header of the answer, after Header. It may be nil.
	Edit func(http.Header)
	// Corrupt changes the first byte of the answer's body.
	Corrupt bool
	// Cut says what breaks off After so many bytes of a body, or at its end where it is shorter.
	Cut   Cut
	After int64
}

// Cut is a way for a connection to end.
type Cut int

const (
	// CutNothing lets both bodies through.
	CutNothing Cut = iota
	// CutRequest closes the connection when the registry has got the first bytes of the request's body. Nothing is
	// answered.
	CutRequest
	// CutAnswer closes the connection when the client has got the header and the first bytes of the answer's body; with
	// After zero it gets not even a header, although the registry has done what was asked.
	CutAnswer
	// CutLength ends the answer's body early and in good order, without a Content-Length that would tell.
	CutLength
)

// rule is a Rule at work.
type rule struct {
	Rule
	on   *regexp.Regexp
	seen int // requests that matched
}

// Set replaces the rules. A request that several are for meets them all, the first of them first. An On that is no
// regular expression panics, as regexp.MustCompile does.
func (f *Faults) Set(rules ...Rule) {
	compiled := make([]*rule, len(rules))
	for i, r := range rules {
		compiled[i] = &rule{Rule: r, on: regexp.MustCompile(r.On)}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = compiled
}

// Requests returns what came in so far, in order.
func (f *Faults) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Count returns how many requests had on, a regular expression, in "METHOD /path?query".
func (f *Faults) Count(on string) int {
	pattern, n := regexp.MustCompile(on), 0
	for _, r := range f.Requests() {
		if pattern.MatchString(r.Method + " " + r.URL) {
			n++
		}
	}
	return n
}

// Forget empties the list of requests.
func (f *Faults) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = nil
}

// ServeHTTP implements http.Handler.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	next := f.Handler
	for _, u := range slices.Backward(f.meet(r)) {
		next = u.over(next)
	}
	next.ServeHTTP(w, r)
}

// meet writes the request down and returns the rules that are for it.
func (f *Faults) meet(r *http.Request) []*rule {
	f.mu.Lock()
	f.requests = append(f.requests, Request{r.Method, r.URL.RequestURI(), r.Header.Clone(), r.ContentLength})
	rules := f.rules
	f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(rules), func(u *rule) bool {
		return !u.on.MatchString(r.Method+" "+r.URL.RequestURI()) || !longer(r, u.LongerThan) || !f.due(u)
	})
}

// longer tells whether the body has more than n bytes, reading as many where its length was not announced.
func longer(r *http.Request, n int64) bool {
	if n == 0 || r.ContentLength >= 0 {
		return n == 0 || r.ContentLength > n
	}
	head, _ := io.ReadAll(io.LimitReader(r.Body, n+1)) // an error comes again when the registry reads on
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	return int64(len(head)) > n
}

// due counts one more matching request, and tells whether the rule is for it.
func (f *Faults) due(u *rule) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	u.seen++
	return u.seen > u.Skip && (u.Times == 0 || u.seen <= u.Skip+u.Times)
}

// over puts the rule in front of next.
func (u *rule) over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.wait(r)
		if u.Cut == CutRequest {
			r.Body = &shortBody{r.Body, u.After}
			next.ServeHTTP(&nowhere{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}
		answer := &faultyWriter{ResponseWriter: w, rule: u, left: u.After}
		u.answer(answer, r, next)
		answer.end()
	})
}

func (u *rule) wait(r *http.Request) {
	select {
	case <-time.After(u.Delay):
	case <-r.Context().Done():
	}
}

// answer gives the rule's own answer or the registry's.
func (u *rule) answer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if u.Status == 0 {
		next.ServeHTTP(w, without(r, u.DropQuery))
		return
	}
	// A server that closes with bytes unread resets the connection, and then the client may not see the answer.
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(u.Status)
	_, _ = io.WriteString(w, u.Body)
}

// without returns the request without those query parameters.
func without(r *http.Request, parameters []string) *http.Request {
	if len(parameters) == 0 {
		return r
	}
	out := r.Clone(r.Context())
	query := out.URL.Query()
	for _, p := range parameters {
		query.Del(p)
	}
	out.URL.RawQuery = query.Encode()
	return out
}
