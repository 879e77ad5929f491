package wire

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/endpoint"
)

// read makes a call for real, unless it is about what the plan itself has put.
func (l *planLayer) read(req *http.Request, at endpoint.Path) (*http.Response, error) {
	if resp := l.fromPlan(req, at); resp != nil {
		closeBody(req)
		l.noteAnswer(req, resp, false)
		return resp, nil
	}
	resp, err := l.send(req)
	if err != nil {
		return nil, err
	}
	if at.Kind == endpoint.KindTags {
		resp = l.withTags(req, at, resp)
	}
	// What Retry repeats is one call; that a registry is busy is not planned.
	if !transientStatus(resp.StatusCode) {
		l.noteAnswer(req, resp, true)
		l.learn(req, at, resp)
	}
	return resp, nil
}

// withTags is the answer to a listing of tags, also of a repository that is
// not there before the plan puts something into it.
func (p *Plan) withTags(req *http.Request, at endpoint.Path, resp *http.Response) *http.Response {
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
	discard(resp)
	return answered(req, http.StatusOK, int64(len(body)), io.NopCloser(bytes.NewReader(body)), "Content-Type", "application/json")
}

func (l *planLayer) noteAnswer(req *http.Request, resp *http.Response, made bool) {
	c := planned(req, resp.StatusCode)
	c.Made = made
	c.Received = resp.ContentLength
	if req.Method == http.MethodHead {
		c.Received = 0
	}
	l.note(c)
}

// learn keeps what a read says of a repository.
func (p *Plan) learn(req *http.Request, at endpoint.Path, resp *http.Response) {
	what := contentAt(req.URL.Host, at)
	switch {
	case at.Kind == endpoint.KindBlob && req.Method == http.MethodHead && isThere(resp):
		p.settle(what, ActionPresent, "", sizeIn(resp))
	case at.Kind == endpoint.KindManifest && resp.StatusCode == http.StatusOK:
		p.mu.Lock()
		defer p.mu.Unlock()
		set(&p.seen, what, true)
		what.reference = resp.Header.Get("Docker-Content-Digest")
		set(&p.seen, what, true)
	}
}

// isThere reports whether the answer to HEAD says that a blob is there; it may
// be somewhere else, as for a GET.
func isThere(resp *http.Response) bool {
	return resp.StatusCode == http.StatusOK || isRedirect(resp)
}

func isRedirect(resp *http.Response) bool {
	return resp.StatusCode/100 == 3 && resp.Header.Get("Location") != ""
}

// sizeIn is the size of a blob that is there, -1 where the answer does not say.
func sizeIn(resp *http.Response) int64 {
	if isRedirect(resp) {
		return -1
	}
	return resp.ContentLength
}

// set writes into a map that may not be there yet.
func set[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = make(map[K]V)
	}
	(*m)[key] = value
}

// settle writes down how a repository comes to have a blob, the first time
// only: afterwards it is there.
func (p *Plan) settle(what content, action PlannedAction, from string, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set(&p.there, what, size)
	if p.fates[what] != nil {
		return
	}
	b := &PlannedBlob{what.host, what.repository, what.reference, action, from, size}
	set(&p.fates, what, b)
	p.blobs = append(p.blobs, b)
}

// fromPlan answers a read of what the plan has put or deleted; nil is neither.
func (p *Plan) fromPlan(req *http.Request, at endpoint.Path) *http.Response {
	p.mu.Lock()
	defer p.mu.Unlock()
	what := contentAt(req.URL.Host, at)
	if b := p.fates[what]; at.Kind == endpoint.KindBlob && b != nil && b.Action != ActionPresent {
		return answered(req, http.StatusOK, b.Size, errorBody{errPlannedBlob}, "Docker-Content-Digest", b.Digest)
	}
	m := p.documents[what]
	switch {
	case at.Kind != endpoint.KindManifest || m == nil:
		return nil
	case m.deleted:
		return answered(req, http.StatusNotFound, 0, http.NoBody)
	}
	return answered(req, http.StatusOK, int64(len(m.Raw)), io.NopCloser(bytes.NewReader(m.Raw)),
		"Content-Type", m.MediaType, "Docker-Content-Digest", m.digest)
}

// download answers the GET of a blob by asking for its first byte (RFC 9110,
// section 14.2). So the plan shows where the registry keeps its blobs, by the
// redirects that the run meets too, and a blob that is not there stops it.
func (l *planLayer) download(req *http.Request, at endpoint.Path) (*http.Response, error) {
	if req.Header.Get("Range") != "" || l.fromPlan(req, at) != nil {
		return l.read(req, at)
	}
	ask := req.WithContext(req.Context())
	ask.Header = req.Header.Clone()
	ask.Header.Set("Range", "bytes=0-0")
	resp, err := l.question(ask)
	if err != nil {
		return nil, err
	}
	size := resp.ContentLength
	switch {
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable: // it has no first byte
		discard(resp)
		return l.read(req, at)
	case resp.StatusCode == http.StatusPartialContent:
		size = totalSize(resp.Header.Get("Content-Range"))
	case resp.StatusCode != http.StatusOK:
		resp.Request = req
		if !transientStatus(resp.StatusCode) {
			l.noteAnswer(req, resp, true)
		}
		return resp, nil
	}
	_ = resp.Body.Close()
	body := &laterBody{open: func() (*http.Response, error) { return base(l.base).RoundTrip(req) }}
	later := answered(req, http.StatusOK, size, body)
	l.noteAnswer(req, later, false)
	return later, nil
}

// totalSize reads the size in "bytes first-last/size", -1 where there is none.
func totalSize(contentRange string) int64 {
	_, total, _ := strings.Cut(contentRange, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if err != nil || size < 0 {
		return -1
	}
	return size
}
