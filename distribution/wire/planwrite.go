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

// extend adds bytes to a session. It returns the new size, and the headers of a response that
// reports it (distribution-spec, "Pushing a blob in chunks").
func (p *Planner) extend(s *plannedUpload, by int64) (size int64, header []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.size += by
	return s.size, []string{"Location", s.path, "Range", fmt.Sprintf("0-%d", max(s.size-1, 0))}
}

// upload answers a call to the uploads of a repository.
func (l *planLayer) upload(req *http.Request, at endpoint.Path) (*http.Response, error) {
	if req.Method == http.MethodPost && at.Reference == "" {
		return l.beginUpload(req, at)
	}
	l.mu.Lock()
	s := l.sessions[at.Reference]
	l.mu.Unlock()
	if s == nil {
		return nil, &PlanError{Method: req.Method, URL: Redact(req.URL)}
	}
	switch req.Method {
	case http.MethodPatch, http.MethodPut:
		return l.receiveUpload(req, at, s)
	case http.MethodDelete: // end-14
		return l.accept(req, http.StatusNoContent), nil
	}
	_, header := l.extend(s, 0)
	return l.accept(req, http.StatusNoContent, header...), nil // end-13
}

// accept adds a write to the plan, and answers it.
func (l *planLayer) accept(req *http.Request, status int, header ...string) *http.Response {
	l.addCall(newPlannedCall(req, status))
	return newResponse(req, status, 0, http.NoBody, header...)
}

// beginUpload answers the POST that mounts a blob (end-11), sends all of it (end-4b), or opens a
// session (end-4a).
func (l *planLayer) beginUpload(req *http.Request, at endpoint.Path) (*http.Response, error) {
	query := req.URL.Query()
	if at.Reference = query.Get("mount"); at.Reference != "" {
		resp, err := l.mount(req, at, query.Get("from"))
		if resp != nil || err != nil {
			return resp, err
		}
	}
	if at.Reference = query.Get("digest"); at.Reference != "" {
		return l.receiveUpload(req, at, new(plannedUpload))
	}
	_, header := l.extend(l.newSession(at.Repository), 0)
	return l.accept(req, http.StatusAccepted, header...), nil
}

func (p *Planner) newSession(repository string) *plannedUpload {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := fmt.Sprint("planned-", len(p.sessions)+1)
	s := &plannedUpload{path: endpoint.Session(repository, id).String()}
	set(&p.sessions, id, s)
	return s
}

// mount answers 201 if the other repository has the blob. If not, it returns nil, and a session has
// to be opened.
func (l *planLayer) mount(req *http.Request, at endpoint.Path, from string) (*http.Response, error) {
	target := contentAt(req.URL.Host, at)
	source := target
	if from != "" {
		source.repository = from
	}
	result, err := l.hasBlob(req, source)
	if err == nil && result.found && source != target {
		var own probeResult
		if own, err = l.hasBlob(req, target); own.found {
			source = target // nothing has to be mounted
		}
		result.response = own.response
	}
	switch {
	case err != nil:
		return nil, err
	case result.response != nil:
		if !IsTransientStatus(result.response.StatusCode) {
			l.addCall(newPlannedCall(req, result.response.StatusCode))
		}
		return result.response, nil
	case !result.found:
		return nil, nil
	case source == target:
		l.setBlob(target, ActionPresent, "", result.size)
	default:
		l.setBlob(target, ActionMount, from, result.size)
	}
	return l.accept(req, http.StatusCreated, created(target)...), nil
}

// created returns the headers of a response that says that a blob exists.
func created(blob content) []string {
	return []string{
		"Location", endpoint.Blob(blob.repository, blob.reference).String(),
		"Docker-Content-Digest", blob.reference,
	}
}

// receiveUpload answers a chunk (end-5), and the call that completes a blob (end-6, end-4b). It
// adds the call before it opens the source of the body, which may make calls of its own: net/http
// sends the header of a request before it reads the body.
func (l *planLayer) receiveUpload(req *http.Request, at endpoint.Path, s *plannedUpload) (*http.Response, error) {
	status := http.StatusCreated
	if req.Method == http.MethodPatch {
		status = http.StatusAccepted
	}
	l.addCall(newPlannedCall(req, status))
	size, err := skipBody(req)
	if err != nil {
		return nil, err
	}
	size, header := l.extend(s, size)
	if req.Method != http.MethodPatch {
		at.Reference = req.URL.Query().Get("digest")
		blob := contentAt(req.URL.Host, at)
		l.setBlob(blob, ActionUpload, "", size)
		header = created(blob)
	}
	return newResponse(req, status, 0, http.NoBody, header...), nil
}

// skipBody skips the body of req and returns its size in bytes.
func skipBody(req *http.Request) (int64, error) {
	if !hasBody(req) {
		return 0, nil
	}
	body, ok := req.Body.(interface{ Skip() error })
	if !ok || req.ContentLength < 0 {
		return io.Copy(io.Discard, req.Body)
	}
	return req.ContentLength, body.Skip()
}

// putManifest answers the PUT of a manifest (end-7a), as a registry that sets the tags of the query,
// if there are any (end-7b).
func (l *planLayer) putManifest(req *http.Request, at endpoint.Path) (*http.Response, error) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	m := PlannedManifest{Host: req.URL.Host, Repository: at.Repository, Reference: at.Reference,
		MediaType: req.Header.Get("Content-Type"), Raw: raw, digest: digestOf(at.Reference, raw)}
	header := []string{"Location", endpoint.Manifest(at.Repository, m.digest).String(), "Docker-Content-Digest", m.digest}
	references := []string{at.Reference}
	if tags := req.URL.Query()["tag"]; len(tags) > 0 {
		references = tags
		header = append(header, "OCI-Tag", strings.Join(tags, ", "))
	}
	if subject := subjectOf(raw); subject != "" {
		referrers, err := l.hasReferrers(req, at.Repository, subject)
		if err != nil || referrers.response != nil {
			return referrers.response, err
		}
		if referrers.found {
			header = append(header, "OCI-Subject", subject)
		}
	}
	l.mu.Lock()
	for _, reference := range references {
		under := m
		under.Reference = reference
		l.manifests = append(l.manifests, &under)
		for _, reference := range []string{reference, m.digest} {
			set(&l.documents, content{m.Host, m.Repository, reference}, &under)
		}
	}
	l.mu.Unlock()
	return l.accept(req, http.StatusCreated, header...), nil
}

// digestOf returns the digest by which a registry identifies a manifest.
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

// deleteManifest answers the DELETE of a manifest or a tag (end-9).
func (l *planLayer) deleteManifest(req *http.Request, at endpoint.Path) *http.Response {
	l.mu.Lock()
	set(&l.documents, contentAt(req.URL.Host, at), &PlannedManifest{deleted: true})
	l.mu.Unlock()
	return l.accept(req, http.StatusAccepted)
}
