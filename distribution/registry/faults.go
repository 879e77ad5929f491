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

// Faults is an [http.Handler] in front of a registry that records requests and injects faults by
// rules. It is for tests of clients. Some rules:
//
//	{Match: "^GET", Times: 2, Status: 429, Header: map[string]string{"Retry-After": "1"}}  // slow down, twice
//	{Match: "mount=", Status: 401}                                        // mounts are refused
//	{Match: "mount=", DropQuery: []string{"mount", "from"}}               // mounts are ignored
//	{Match: "^PATCH", LongerThan: 4 << 20, Status: 416}                   // chunks of 4 MiB at most
//	{Match: "^POST", Header: map[string]string{"OCI-Chunk-Min-Length": "1048576"}}
//	{Match: "^GET .*/blobs/", Skip: 1, Times: 1, Cut: CutResponse, After: 1000}  // the second download is truncated
//	{Match: "^PUT .*/manifests/", Times: 1, Cut: CutResponse}               // done, but the response is lost
//	{Edit: func(h http.Header) { h.Del("Docker-Content-Digest") }}     // on every response
type Faults struct {
	// Handler is the registry.
	Handler http.Handler

	mu       sync.Mutex
	rules    []*activeRule
	requests []Request
}

// Request is a recorded request.
type Request struct {
	Method string
	URL    string // path and query
	Header http.Header
	Length int64 // of the body, in bytes; -1 if unknown
}

// Rule is a fault and the requests it applies to. The zero value applies to all and changes
// nothing.
type Rule struct {
	// Match is a regular expression that must match in "METHOD /path?query".
	Match string
	// LongerThan, if not zero, restricts the rule to requests whose body has more bytes than that.
	LongerThan int64
	// Skip is the number of matching requests before the first that the rule applies to, and Times
	// the number it then applies to. Times zero means all.
	Skip, Times int

	// Delay is waited before anything else.
	Delay time.Duration
	// DropQuery are query parameters that are removed before the registry gets the request.
	DropQuery []string
	// Status, if not zero, is the status of a response with Body. The registry does not get the
	// request; its body is read and dropped.
	Status int
	Body   string
	// Header is set on the response, whether it is the rule's or the registry's.
	Header map[string]string
	// Edit, if not nil, changes the header of the response, after Header.
	Edit func(http.Header)
	// Pause is waited before each byte of the response's body.
	Pause time.Duration
	// Corrupt changes the first byte of the response's body.
	Corrupt bool
	// Cut is what happens after After bytes of a body, or at its end if it is shorter.
	Cut   Cut
	After int64
}

// Cut is a way to truncate a request or a response.
type Cut int

const (
	// CutNone truncates nothing.
	CutNone Cut = iota
	// CutRequest closes the connection after the registry got the first After bytes of the
	// request's body. There is no response.
	CutRequest
	// CutResponse closes the connection after the client got the header and the first After bytes
	// of the response's body. If After is zero the client does not even get a header, although the
	// registry has processed the request.
	CutResponse
	// CutSilently ends the response's body early but without an error, and removes the
	// Content-Length that would show it.
	CutSilently
)

// activeRule is a Rule with its state.
type activeRule struct {
	Rule
	on      *regexp.Regexp
	matched int // number of requests
}

// Set replaces the rules. If several apply to a request all take effect; the first one sees the
// request first. Like regexp.MustCompile it panics if a Match is not a regular expression.
func (f *Faults) Set(rules ...Rule) {
	active := make([]*activeRule, len(rules))
	for i, r := range rules {
		active[i] = &activeRule{Rule: r, on: regexp.MustCompile(r.Match)}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = active
}

// Requests returns the recorded requests in order.
func (f *Faults) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Count returns the number of recorded requests for which on, a regular expression, matches in
// "METHOD /path?query".
func (f *Faults) Count(on string) int {
	pattern, n := regexp.MustCompile(on), 0
	for _, r := range f.Requests() {
		if pattern.MatchString(r.Method + " " + r.URL) {
			n++
		}
	}
	return n
}

// ResetRequests deletes the recorded requests.
func (f *Faults) ResetRequests() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = nil
}

// ServeHTTP implements http.Handler.
func (f *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	next := f.Handler
	for _, rule := range slices.Backward(f.record(r)) {
		next = rule.wrap(next)
	}
	next.ServeHTTP(w, r)
}

// record records a request and returns the rules that apply to it.
func (f *Faults) record(r *http.Request) []*activeRule {
	f.mu.Lock()
	f.requests = append(f.requests, Request{r.Method, r.URL.RequestURI(), r.Header.Clone(), r.ContentLength})
	rules := f.rules
	f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(rules), func(rule *activeRule) bool {
		return !rule.on.MatchString(r.Method+" "+r.URL.RequestURI()) || !longerThan(r, rule.LongerThan) || !f.countMatch(rule)
	})
}

// longerThan reports whether the body has more than n bytes. If its length is unknown it reads up
// to n+1 bytes and puts them back.
func longerThan(r *http.Request, n int64) bool {
	if n == 0 || r.ContentLength >= 0 {
		return n == 0 || r.ContentLength > n
	}
	head, _ := io.ReadAll(io.LimitReader(r.Body, n+1)) // the registry gets the error when it reads on
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	return int64(len(head)) > n
}

// countMatch counts a matching request and reports whether Skip and Times let the rule apply to it.
func (f *Faults) countMatch(rule *activeRule) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	rule.matched++
	n := rule.matched - rule.Skip
	return n > 0 && (rule.Times == 0 || n <= rule.Times)
}

// wrap returns a handler that applies the rule to next.
func (rule *activeRule) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait(r, rule.Delay)
		if rule.Cut == CutRequest {
			r.Body = &truncatedBody{r.Body, rule.After}
			next.ServeHTTP(&discardWriter{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}
		faulty := &faultyWriter{ResponseWriter: w, request: r, rule: rule, left: rule.After}
		rule.respond(faulty, r, next)
		faulty.end()
	})
}

// wait waits for d, or until the client is gone. Without a delay it makes no timer: Go 1.26's race detector
// crashes if two that are due at once are read by goroutines of one bubble of testing/synctest.
func wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

// respond writes the rule's response if it has one, otherwise next's.
func (rule *activeRule) respond(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if rule.Status == 0 {
		next.ServeHTTP(w, dropQuery(r, rule.DropQuery))
		return
	}
	// A server that closes a connection with unread bytes resets it, which can hide the response
	// from the client.
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(rule.Status)
	_, _ = io.WriteString(w, rule.Body)
}

// dropQuery returns the request without those query parameters.
func dropQuery(r *http.Request, parameters []string) *http.Request {
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
