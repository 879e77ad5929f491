package wire

import (
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/hczjl/transship/distribution/endpoint"
)

// Planner finds out which calls a run would make, without making those that change anything. The
// code above it, up to the engine of a copy, works as in a real run. So the plan is what that code
// does, not what other code assumes about it.
//
// Reads are sent, with two exceptions. The GET of a blob, and of the URL it redirects to, asks only
// for the first byte; its body sends the real request when it is read, which a copy does only with
// a config that it must inspect. And a read of what the plan has put is answered from the plan.
//
// Writes are not sent. The Plan answers a mount like a registry that supports mounts: it asks with
// HEAD whether the repository that the query names in from has the blob. It accepts upload
// sessions, chunks and manifests itself. It does not read a body that has a method Skip() error,
// which opens the body's source and skips the bytes. A POST to a token server is not a write. Any
// other call that is not a read fails with a *[PlanError].
//
// The zero value is ready. One Plan serves all chains of a run; its methods may be called
// concurrently.
type Planner struct {
	mu         sync.Mutex
	calls      []PlannedCall
	probes     int
	sessions   map[string]*plannedUpload // by the last part of their path
	blobs      []*PlannedBlob
	outcomes   map[content]*PlannedBlob // the elements of blobs
	blobSizes  map[content]int64        // of blobs that a repository has, -1 if the size is unknown
	found      map[content]bool         // manifests that a repository has, by tag and digest
	manifests  []*PlannedManifest
	documents  map[content]*PlannedManifest // what was put or deleted, by tag and digest
	referrers  map[string]bool              // by host: whether it has the referrers API
	challenges map[string][]string          // by host: of those that demand credentials
}

// content identifies a blob or manifest in a repository; a manifest by tag or digest.
type content struct{ host, repository, reference string }

// PlannedCall is a call that the run makes.
type PlannedCall struct {
	Method string // such as GET
	// URL is the result of Redact. The registry chooses the URL of an upload session, so {session}
	// replaces it.
	URL        string
	Host       string // host, with its port if the URL has one
	Write      bool   // it changes something at the registry
	Authorized bool   // it carries credentials or a token
	Made       bool   // the plan has made it too; else StatusCode is the expected one
	StatusCode int
	Sent       int64 // bytes of the request's body
	Received   int64 // bytes of the response's body, -1 if unknown
}

// PlannedBlob says how a repository gets a blob.
type PlannedBlob struct {
	Host       string
	Repository string
	Digest     string // such as sha256:...
	Action     PlannedAction
	From       string // the repository that it is mounted from
	Size       int64  // in bytes, -1 if the registry does not say
}

// PlannedAction is how a repository gets a blob.
type PlannedAction string

// The actions.
const (
	ActionPresent PlannedAction = "present" // the repository has it already
	ActionMount   PlannedAction = "mount"   // the registry mounts it from another of its repositories
	ActionUpload  PlannedAction = "upload"  // its bytes are sent
)

// PlannedManifest is a manifest that is put.
type PlannedManifest struct {
	Host       string
	Repository string
	Reference  string // the tag or digest in the URL
	MediaType  string
	Raw        []byte // its exact bytes

	digest  string
	deleted bool
}

// PlanError is the error for a call that a Plan can neither answer nor send.
type PlanError struct {
	Method string
	URL    string // as Redact shows it
}

// Error names the call.
func (e *PlanError) Error() string {
	return fmt.Sprintf("%s %s: a plan cannot know the response, and does not send what may change the registry",
		e.Method, e.URL)
}

// Over returns a layer that answers requests, or sends them through base. Its position is between
// Headers and Record: a request that it gets has the scheme and the credentials of a call, and one
// that Record sees has been on the wire.
func (p *Planner) Over(base http.RoundTripper) http.RoundTripper { return &planLayer{p, base} }

// Calls returns the calls so far, in the order of the run. ExtraCalls counts those of the plan's
// own.
func (p *Planner) Calls() []PlannedCall {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// ExtraCalls returns how many calls the plan has made that the run does not make.
func (p *Planner) ExtraCalls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.probes
}

// Blobs returns the blobs so far that a repository has or gets.
func (p *Planner) Blobs() []PlannedBlob {
	p.mu.Lock()
	defer p.mu.Unlock()
	return values(p.blobs)
}

// Manifests returns the manifests so far that are put, in order.
func (p *Planner) Manifests() []PlannedManifest {
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

// HasManifest reports whether the run has found a manifest in a repository, by tag or digest.
func (p *Planner) HasManifest(host, repository, reference string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.found[content{host, repository, reference}]
}

// planLayer is a Plan in one chain.
type planLayer struct {
	*Planner
	base http.RoundTripper
}

// RoundTrip sends req or answers it.
func (l *planLayer) RoundTrip(req *http.Request) (*http.Response, error) {
	at := endpoint.Parse(req.URL.Path)
	_, aboutBlob := blobOf(req)
	switch writes := isWrite(req); {
	case writes && l.mustAuthorize(req):
		CloseBody(req)
		return l.unauthorized(req), nil
	case at.Kind == endpoint.KindUploads || at.Kind == endpoint.KindSession:
		defer CloseBody(req)
		return l.upload(req, at)
	case req.Method == http.MethodGet && aboutBlob:
		return l.download(req, at)
	case !writes:
		return l.read(req, at)
	case at.Kind == endpoint.KindManifest && req.Method == http.MethodPut:
		defer CloseBody(req)
		return l.putManifest(req, at)
	case at.Kind == endpoint.KindManifest && req.Method == http.MethodDelete:
		defer CloseBody(req)
		return l.deleteManifest(req, at), nil
	}
	CloseBody(req)
	return nil, &PlanError{Method: req.Method, URL: Redact(req.URL)}
}

// isWrite reports whether req may change something at a registry.
func isWrite(req *http.Request) bool { return !isRead(req) && !isTokenRequest(req) }

// addCall adds a call to the plan.
func (p *Planner) addCall(c PlannedCall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
}

// newPlannedCall returns the call that req makes, as it is known before its response.
func newPlannedCall(req *http.Request, status int) PlannedCall {
	return PlannedCall{
		Method:     req.Method,
		URL:        endpoint.ReplaceSession(Redact(req.URL), "{session}"),
		Host:       req.URL.Host,
		Write:      isWrite(req),
		Authorized: req.Header.Get("Authorization") != "",
		StatusCode: status,
		Sent:       max(req.ContentLength, 0),
		Received:   -1,
	}
}
