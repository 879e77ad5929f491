package wire

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/hczjl/transship/distribution/endpoint"
)

// Plan finds out which calls a run would make, without making those that
// change anything. What stands above it, up to the engine of a copy, works as
// in any other run, so that the plan is what that code does and not what
// another piece of code believes that it does.
//
// Reads are made for real, with two exceptions. The GET of a blob, and of
// where it redirects to, asks only for the first byte; its body makes the real
// call when it is read, which a copy does with a config that it must look into
// and with nothing else. And what the plan has put is read from the plan.
//
// Writes go no further. A mount is answered as the registry would if it does
// mounts: by asking, with HEAD, whether the repository named by from has the
// blob. Upload sessions, chunks and manifests are taken by the plan. Their
// bodies are not read where they have a method Skip() error, which opens what
// they come from and passes over the bytes. A POST to a token server is no
// write. Any other call that is not a read is a *[PlanError].
//
// The zero value is ready. One Plan serves all chains of a run; its methods
// may be called concurrently.
type Plan struct {
	mu        sync.Mutex
	calls     []PlannedCall
	questions int
	sessions  map[string]*plannedUpload // by the last part of their path
	fates     map[content]*PlannedBlob
	blobs     []*PlannedBlob
	there     map[content]int64 // sizes of blobs that are in a repository, -1 where it does not say
	seen      map[content]bool  // manifests that are in a repository, by tag and digest
	documents map[content]*PlannedManifest
	manifests []*PlannedManifest
	referrers map[string]bool     // whether a host has the referrers API
	refusals  map[string][]string // challenges of hosts that want credentials
}

// content is a blob or manifest in a repository, a manifest by tag or digest.
type content struct{ host, repository, reference string }

// PlannedCall is a call that the run makes.
type PlannedCall struct {
	Method string // such as GET
	// URL is what Redact shows. Where an upload goes on is the registry's own
	// affair, for which {session} stands.
	URL        string
	Host       string // host, with its port if the URL has one
	Write      bool   // it changes something at the registry
	Authorized bool   // it carries credentials or a token
	Made       bool   // the plan has made it too, and StatusCode is its answer; else it is the one expected
	StatusCode int
	Sent       int64 // bytes of the request's body
	Received   int64 // bytes of the response's body, -1 where that is not known
}

// PlannedBlob says how a repository comes to have a blob.
type PlannedBlob struct {
	Host       string
	Repository string
	Digest     string // such as sha256:...
	Action     PlannedAction
	From       string // the repository that it is mounted from
	Size       int64  // in bytes, -1 where the registry does not say
}

// PlannedAction is a way for a repository to have a blob.
type PlannedAction string

// The actions.
const (
	ActionPresent PlannedAction = "present" // it is there
	ActionMount   PlannedAction = "mount"   // the registry takes it over from another of its repositories
	ActionUpload  PlannedAction = "upload"  // its bytes are sent
)

// PlannedManifest is a manifest that is put.
type PlannedManifest struct {
	Host       string
	Repository string
	Reference  string // the tag or digest in the URL
	MediaType  string
	Raw        []byte // its bytes, as they go out

	digest  string
	deleted bool
}

// PlanError is a call that a plan cannot take and must not make.
type PlanError struct {
	Method string
	URL    string // as Redact shows it
}

// Error names the call.
func (e *PlanError) Error() string {
	return fmt.Sprintf("%s %s: a plan cannot tell what the registry would answer, and does not ask it to change anything", e.Method, e.URL)
}

// Over returns the layer of a chain that sends through base what may go out.
// It belongs between Headers and Record: what it is given has the scheme and
// the credentials of a call, and what Record sees has been on the wire.
func (p *Plan) Over(base http.RoundTripper) http.RoundTripper { return &planLayer{p, base} }

// Calls returns the calls so far, in the order of the run. What the plan has
// asked beyond them is not among them.
func (p *Plan) Calls() []PlannedCall {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// Questions returns how many calls were made that the run does not make.
func (p *Plan) Questions() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.questions
}

// Blobs returns the blobs so far that a repository has, or comes to have.
func (p *Plan) Blobs() []PlannedBlob {
	p.mu.Lock()
	defer p.mu.Unlock()
	return values(p.blobs)
}

// Manifests returns the manifests so far that are put, in order.
func (p *Plan) Manifests() []PlannedManifest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return values(p.manifests)
}

func values[T any](list []*T) []T {
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = *v
	}
	return out
}

// HasManifest reports whether the run has found a manifest in a repository, by
// tag or digest.
func (p *Plan) HasManifest(host, repository, reference string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[content{host, repository, reference}]
}

// planLayer is a Plan in a chain.
type planLayer struct {
	*Plan
	base http.RoundTripper
}

// RoundTrip sends req or answers it.
func (l *planLayer) RoundTrip(req *http.Request) (*http.Response, error) {
	at := endpoint.Parse(req.URL.Path)
	switch reads := req.Method == http.MethodGet || req.Method == http.MethodHead; {
	case !reads && !isTokenRequest(req) && l.refuses(req):
		closeBody(req)
		return l.refuse(req), nil
	case at.Kind == endpoint.KindUploads || at.Kind == endpoint.KindSession:
		defer closeBody(req)
		return l.upload(req, at)
	case req.Method == http.MethodGet && (at.Kind == endpoint.KindBlob || leadsFromBlob(req)):
		return l.download(req, at)
	case reads || isTokenRequest(req):
		return l.read(req, at)
	case at.Kind == endpoint.KindManifest && req.Method == http.MethodPut:
		defer closeBody(req)
		return l.putManifest(req, at)
	case at.Kind == endpoint.KindManifest && req.Method == http.MethodDelete:
		defer closeBody(req)
		return l.removeManifest(req, at), nil
	}
	closeBody(req)
	return nil, &PlanError{Method: req.Method, URL: Redact(req.URL)}
}

// note writes a call down.
func (p *Plan) note(c PlannedCall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
}

// planned is the call of a request, with what is known before its answer.
func planned(req *http.Request, status int) PlannedCall {
	return PlannedCall{
		Method:     req.Method,
		URL:        endpoint.ReplaceSession(Redact(req.URL), "{session}"),
		Host:       req.URL.Host,
		Write:      req.Method != http.MethodGet && req.Method != http.MethodHead && !isTokenRequest(req),
		Authorized: req.Header.Get("Authorization") != "",
		StatusCode: status,
		Sent:       max(req.ContentLength, 0),
		Received:   -1,
	}
}
