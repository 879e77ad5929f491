package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/endpoint"
)

// read sends a request, unless it is for what the plan itself has put or deleted.
func (l *planLayer) read(req *http.Request, at endpoint.Path) (*http.Response, error) {
	if resp := l.fromPlan(req, at); resp != nil {
		CloseBody(req)
		l.addRead(req, resp, false)
		return resp, nil
	}
	resp, err := l.send(req)
	if err != nil {
		return nil, err
	}
	if at.Kind == endpoint.KindTags {
		resp = l.withPlannedTags(req, at, resp)
	}
	// What Retry repeats is one call: a plan does not include that a registry is busy.
	if !IsTransientStatus(resp.StatusCode) {
		l.addRead(req, resp, true)
		l.noteFound(req, at, resp)
	}
	return resp, nil
}

// withPlannedTags returns the response to a listing of tags. For a repository that does not exist
// yet it lists the tags that the plan has put there.
func (p *Planner) withPlannedTags(req *http.Request, at endpoint.Path, resp *http.Response) *http.Response {
	if resp.StatusCode != http.StatusNotFound {
		return resp
	}
	var list struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.manifests {
		if m.Host == req.URL.Host && m.Repository == at.Repository && !strings.Contains(m.Reference, ":") {
			list.Tags = append(list.Tags, m.Reference)
		}
	}
	list.Name = at.Repository
	body, err := json.Marshal(list)
	if err != nil || len(list.Tags) == 0 {
		return resp
	}
	Drain(resp)
	return newResponse(req, http.StatusOK, int64(len(body)), io.NopCloser(bytes.NewReader(body)),
		"Content-Type", "application/json")
}

// addRead adds a read to the plan. made reports whether the plan has sent it.
func (l *planLayer) addRead(req *http.Request, resp *http.Response, made bool) {
	c := newPlannedCall(req, resp.StatusCode)
	c.Made = made
	c.Received = resp.ContentLength
	if req.Method == http.MethodHead {
		c.Received = 0
	}
	l.addCall(c)
}

// noteFound notes the blob or manifest that a read has found in a repository.
func (p *Planner) noteFound(req *http.Request, at endpoint.Path, resp *http.Response) {
	what := contentAt(req.URL.Host, at)
	switch {
	case at.Kind == endpoint.KindBlob && req.Method == http.MethodHead && blobExists(resp):
		p.setBlob(what, ActionPresent, "", blobSize(resp))
	case asksFirstByte(req) && resp.StatusCode == http.StatusOK:
		p.setBlobOf(req, resp.ContentLength)
	case asksFirstByte(req) && resp.StatusCode == http.StatusPartialContent:
		p.setBlobOf(req, totalSize(resp.Header.Get("Content-Range")))
	case at.Kind == endpoint.KindManifest && resp.StatusCode == http.StatusOK:
		p.mu.Lock()
		defer p.mu.Unlock()
		set(&p.found, what, true)
		what.reference = resp.Header.Get("Docker-Content-Digest")
		set(&p.found, what, true)
	}
}

// firstByteRange is the range of a GET that only asks whether a blob can be read.
const firstByteRange = "bytes=0-0"

func asksFirstByte(req *http.Request) bool { return req.Header.Get("Range") == firstByteRange }

// setBlobOf notes that the repository has the blob that req has read the first byte of.
func (p *Planner) setBlobOf(req *http.Request, size int64) {
	if what, ok := blobOf(req); ok {
		p.setBlob(what, ActionPresent, "", size)
	}
}

// blobExists reports whether the response to a HEAD says that the registry has a blob. As for a GET
// it may redirect to where the blob is stored.
func blobExists(resp *http.Response) bool {
	return resp.StatusCode == http.StatusOK || isRedirect(resp)
}

func isRedirect(resp *http.Response) bool {
	return resp.StatusCode/100 == 3 && resp.Header.Get("Location") != ""
}

// blobSize returns the size of a blob that exists, -1 if the response does not say.
func blobSize(resp *http.Response) int64 {
	if isRedirect(resp) {
		return -1
	}
	return resp.ContentLength
}

// setBlob sets how a repository gets a blob. Only the first outcome counts: after that the
// repository has it.
func (p *Planner) setBlob(what content, action PlannedAction, from string, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set(&p.blobSizes, what, size)
	if p.outcomes[what] != nil {
		return
	}
	b := &PlannedBlob{what.host, what.repository, what.reference, action, from, size}
	set(&p.outcomes, what, b)
	p.blobs = append(p.blobs, b)
}

// fromPlan answers a read of what the plan has put or deleted. For any other read it returns nil.
func (p *Planner) fromPlan(req *http.Request, at endpoint.Path) *http.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := contentAt(req.URL.Host, at)
	if b := p.outcomes[what]; at.Kind == endpoint.KindBlob && b != nil && b.Action != ActionPresent {
		if asksFirstByte(req) && b.Size > 0 {
			return newResponse(req, http.StatusPartialContent, 1, io.NopCloser(strings.NewReader("\x00")),
				"Content-Range", fmt.Sprintf("bytes 0-0/%d", b.Size), "Docker-Content-Digest", b.Digest)
		}
		return newResponse(req, http.StatusOK, b.Size, errorBody{errPlannedBlob}, "Docker-Content-Digest", b.Digest)
	}
	m := p.documents[what]
	switch {
	case at.Kind != endpoint.KindManifest || m == nil:
		return nil
	case m.deleted:
		return newResponse(req, http.StatusNotFound, 0, http.NoBody)
	}
	return newResponse(req, http.StatusOK, int64(len(m.Raw)), io.NopCloser(bytes.NewReader(m.Raw)),
		"Content-Type", m.MediaType, "Docker-Content-Digest", m.digest)
}

// download answers the GET of a blob by asking for its first byte (RFC 9110, section 14.2). So the
// plan shows where the registry stores its blobs, with the redirects that the run meets, and a blob
// that does not exist fails the plan.
func (l *planLayer) download(req *http.Request, at endpoint.Path) (*http.Response, error) {
	if req.Header.Get("Range") != "" || l.fromPlan(req, at) != nil {
		return l.read(req, at)
	}
	ask := req.WithContext(req.Context())
	ask.Header = req.Header.Clone()
	ask.Header.Set("Range", firstByteRange)
	resp, err := l.probe(ask)
	if err != nil {
		return nil, err
	}
	size := resp.ContentLength
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable: // the blob is empty
		Drain(resp)
		return l.read(req, at)
	case resp.StatusCode == http.StatusPartialContent:
		size = totalSize(resp.Header.Get("Content-Range"))
	case resp.StatusCode != http.StatusOK:
		resp.Request = req
		if !IsTransientStatus(resp.StatusCode) {
			l.addRead(req, resp, true)
		}
		return resp, nil
	}
	_ = resp.Body.Close()
	body := &lazyBody{open: func() (*http.Response, error) { return base(l.base).RoundTrip(req) }}
	planned := newResponse(req, http.StatusOK, size, body)
	l.addRead(req, planned, false)
	return planned, nil
}

// totalSize returns the size in "bytes first-last/size", -1 if there is none.
func totalSize(contentRange string) int64 {
	_, total, _ := strings.Cut(contentRange, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if err != nil || size < 0 {
		return -1
	}
	return size
}
