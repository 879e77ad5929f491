package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/hczjl/transship/distribution/endpoint"
)

// plannedUpload is an upload session of a Plan.
type plannedUpload struct {
	path string
	size int64 // bytes so far
}

// grow adds bytes to a session and returns how many it has, and the headers
// that say so (distribution-spec, "Pushing a blob in chunks").
func (p *Plan) grow(s *plannedUpload, by int64) (size int64, progress []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.size += by
	return s.size, []string{"Location", s.path, "Range", fmt.Sprintf("0-%d", max(s.size-1, 0))}
}

// upload answers a call to the uploads of a repository.
func (l *planLayer) upload(req *http.Request, at endpoint.Path) (*http.Response, error) {
	if req.Method == http.MethodPost && at.Reference == "" {
		return l.begin(req, at)
	}
	l.mu.Lock()
	s := l.sessions[at.Reference]
	l.mu.Unlock()
	if s == nil {
		return nil, &PlanError{Method: req.Method, URL: Redact(req.URL)}
	}
	switch req.Method {
	case http.MethodPatch, http.MethodPut:
		return l.receive(req, at, s)
	case http.MethodDelete: // end-14
		return l.take(req, http.StatusNoContent), nil
	}
	_, progress := l.grow(s, 0)
	return l.take(req, http.StatusNoContent, progress...), nil // end-13
}

// take notes a write and answers it.
func (l *planLayer) take(req *http.Request, status int, header ...string) *http.Response {
	l.note(planned(req, status))
	return answered(req, status, 0, http.NoBody, header...)
}

// begin answers the POST that mounts a blob (end-11), sends it whole (end-4b),
// or opens a session (end-4a).
func (l *planLayer) begin(req *http.Request, at endpoint.Path) (*http.Response, error) {
	query := req.URL.Query()
	if at.Reference = query.Get("mount"); at.Reference != "" {
		resp, err := l.mount(req, at, query.Get("from"))
		if resp != nil || err != nil {
			return resp, err
		}
	}
	if at.Reference = query.Get("digest"); at.Reference != "" {
		return l.receive(req, at, new(plannedUpload))
	}
	_, progress := l.grow(l.session(at.Repository), 0)
	return l.take(req, http.StatusAccepted, progress...), nil
}

// session makes an upload session.
func (p *Plan) session(repository string) *plannedUpload {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := fmt.Sprint("planned-", len(p.sessions)+1)
	s := &plannedUpload{path: endpoint.Session(repository, id).String()}
	set(&p.sessions, id, s)
	return s
}

// mount answers 201 where the other repository has the blob, and nothing where
// it does not: then a session is opened.
func (l *planLayer) mount(req *http.Request, at endpoint.Path, from string) (*http.Response, error) {
	here := contentAt(req.URL.Host, at)
	there := here
	if from != "" {
		there.repository = from
	}
	found, err := l.hasBlob(req, there)
	if err == nil && found.yes && there != here {
		var own finding
		if own, err = l.hasBlob(req, here); own.yes {
			there = here // it is only to be said that nothing had to be mounted
		}
		found.answer = own.answer
	}
	switch {
	case err != nil:
		return nil, err
	case found.answer != nil:
		if !transientStatus(found.answer.StatusCode) {
			l.note(planned(req, found.answer.StatusCode))
		}
		return found.answer, nil
	case !found.yes:
		return nil, nil
	case there == here:
		l.settle(here, ActionPresent, "", found.size)
	default:
		l.settle(here, ActionMount, from, found.size)
	}
	return l.take(req, http.StatusCreated, created(here)...), nil
}

// created are the headers of an answer that a blob is there.
func created(blob content) []string {
	location := endpoint.Blob(blob.repository, blob.reference).String()
	return []string{"Location", location, "Docker-Content-Digest", blob.reference}
}

// receive answers a chunk (end-5), and the call with which all of a blob is at
// the registry (end-6, end-4b). It is noted before what opening the source of
// its body takes: net/http sends the header of a request ahead of such a body.
func (l *planLayer) receive(req *http.Request, at endpoint.Path, s *plannedUpload) (*http.Response, error) {
	status := http.StatusCreated
	if req.Method == http.MethodPatch {
		status = http.StatusAccepted
	}
	l.note(planned(req, status))
	size, err := skip(req)
	if err != nil {
		return nil, err
	}
	size, header := l.grow(s, size)
	if req.Method != http.MethodPatch {
		at.Reference = req.URL.Query().Get("digest")
		here := contentAt(req.URL.Host, at)
		l.settle(here, ActionUpload, "", size)
		header = created(here)
	}
	return answered(req, status, 0, http.NoBody, header...), nil
}

// skip passes over the body of req and returns its size in bytes.
func skip(req *http.Request) (int64, error) {
	if !hasBody(req) {
		return 0, nil
	}
	body, ok := req.Body.(interface{ Skip() error })
	if !ok || req.ContentLength < 0 {
		return io.Copy(io.Discard, req.Body)
	}
	return req.ContentLength, body.Skip()
}

// putManifest takes a manifest (end-7a).
func (l *planLayer) putManifest(req *http.Request, at endpoint.Path) (*http.Response, error) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	m := &PlannedManifest{Host: req.URL.Host, Repository: at.Repository, Reference: at.Reference,
		MediaType: req.Header.Get("Content-Type"), Raw: raw, digest: digestOf(at.Reference, raw)}
	header := []string{"Location", endpoint.Manifest(at.Repository, m.digest).String(), "Docker-Content-Digest", m.digest}
	if subject := subjectOf(raw); subject != "" {
		found, err := l.hasReferrers(req, at.Repository, subject)
		if err != nil || found.answer != nil {
			return found.answer, err
		}
		if found.yes {
			header = append(header, "OCI-Subject", subject)
		}
	}
	l.mu.Lock()
	l.manifests = append(l.manifests, m)
	for _, reference := range []string{m.Reference, m.digest} {
		set(&l.documents, content{m.Host, m.Repository, reference}, m)
	}
	l.mu.Unlock()
	return l.take(req, http.StatusCreated, header...), nil
}

// digestOf is the digest that a registry calls a manifest by.
func digestOf(reference string, raw []byte) string {
	if strings.Contains(reference, ":") {
		return reference
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// subjectOf returns the digest of a manifest's subject, "" if it has none.
func subjectOf(raw []byte) string {
	var m struct {
		Subject struct {
			Digest string `json:"digest"`
		} `json:"subject"`
	}
	if json.Unmarshal(raw, &m) != nil {
		return ""
	}
	return m.Subject.Digest
}

// removeManifest takes the DELETE of a manifest or a tag (end-9).
func (l *planLayer) removeManifest(req *http.Request, at endpoint.Path) *http.Response {
	l.mu.Lock()
	set(&l.documents, contentAt(req.URL.Host, at), &PlannedManifest{deleted: true})
	l.mu.Unlock()
	return l.take(req, http.StatusAccepted)
}
