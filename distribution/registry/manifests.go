package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// maxTags is how many tags one PUT may set. The spec asks for ten at least.
const maxTags = 100

// getManifest answers GET and HEAD (end-3). There is one document to a digest, whatever the client says it accepts.
func (h *Handler) getManifest(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	if err := checkReference(at.Reference); err != nil {
		return err
	}
	m, err := h.findManifest(r, at)
	if err != nil {
		return orUnknown(err, codeManifestUnknown, "this repository has no such manifest")
	}
	describe(w, m.Digest, cmp.Or(m.MediaType, "application/octet-stream"), m.Size)
	return h.send(w, r, bytes.NewReader(m.Raw), m.Size)
}

// findManifest reads no bytes for a HEAD.
func (h *Handler) findManifest(r *http.Request, at endpoint.Path) (m manifest.Manifest, err error) {
	if r.Method == http.MethodHead {
		m.Descriptor, err = h.repository(at.Repository).HeadManifest(r.Context(), at.Reference)
		return m, err
	}
	return h.repository(at.Repository).Manifest(r.Context(), at.Reference)
}

// checkReference refuses what is neither a tag nor a digest.
func checkReference(ref string) error {
	if reference.ValidTag(ref) {
		return nil
	}
	_, err := parseDigest(ref)
	return err
}

// putManifest answers PUT by tag or digest (end-7a), or by digest with tags as parameters (end-7b).
func (h *Handler) putManifest(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	tags, err := tagParameters(r, at.Reference)
	if err != nil {
		return err
	}
	m, err := readManifest(w, r, at.Reference)
	if err != nil {
		return err
	}
	subject, err := m.Subject()
	if err == nil && subject != nil {
		err = subject.Validate()
	}
	if err != nil {
		return badRequest(codeManifestInvalid, "subject: "+err.Error())
	}
	repository := h.repository(at.Repository)
	if err := h.checkReferences(r.Context(), repository, m); err != nil {
		return err
	}
	if err := repository.PutManifest(r.Context(), at.Reference, m); err != nil {
		return err
	}
	if len(tags) > 0 {
		if err := repository.Tag(r.Context(), m.Digest, tags...); err != nil {
			return err
		}
		w.Header().Set("OCI-Tag", strings.Join(tags, ", "))
	}
	if subject != nil {
		w.Header().Set("OCI-Subject", string(subject.Digest))
	}
	created(w, endpoint.Manifest(at.Repository, string(m.Digest)), m.Digest)
	return nil
}

// tagParameters returns the tags of the query, which are for pushes by digest.
func tagParameters(r *http.Request, ref string) ([]string, error) {
	if err := checkReference(ref); err != nil {
		return nil, err
	}
	tags := r.URL.Query()["tag"]
	switch {
	case len(tags) > 0 && reference.ValidTag(ref):
		return nil, badRequest(codeUnsupported, "tag parameters are for manifests pushed by digest")
	case len(tags) > maxTags:
		return nil, &apiError{status: http.StatusRequestURITooLong, code: codeUnsupported, message: "too many tags"}
	}
	for _, tag := range tags {
		if !reference.ValidTag(tag) {
			return nil, badRequest(codeManifestInvalid, quote(tag)+" is no tag")
		}
	}
	return tags, nil
}

// readManifest reads the body, checks the document, and holds it against the digest where ref is one.
func readManifest(w http.ResponseWriter, r *http.Request, ref string) (manifest.Manifest, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, manifest.MaxSize))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return manifest.Manifest{}, tooLarge(manifest.MaxSize)
	case err != nil:
		return manifest.Manifest{}, &apiError{status: http.StatusBadRequest, code: codeManifestInvalid, message: "the body broke off", cause: err}
	}
	m, err := manifest.Parse(r.Header.Get("Content-Type"), raw)
	if !reference.ValidTag(ref) {
		m.Digest = blob.Digest(ref)
		if err := blob.Verify(raw, m.Digest, int64(len(raw))); err != nil {
			return m, orMismatch(err)
		}
	}
	if err != nil {
		return m, badRequest(codeManifestInvalid, err.Error())
	}
	return m, nil
}

// checkReferences refuses a sparse manifest where the registry is set to. Layers that are not to be distributed need
// not be there.
func (h *Handler) checkReferences(ctx context.Context, repository Repository, m manifest.Manifest) error {
	if !h.RefuseSparse {
		return nil
	}
	refs, err := m.References()
	if err != nil {
		return err
	}
	var absent []any
	for _, d := range refs {
		if !d.Distributable() {
			continue
		}
		if manifest.IsIndex(m.MediaType) {
			_, err = repository.HeadManifest(ctx, string(d.Digest))
		} else {
			_, err = repository.HeadBlob(ctx, d.Digest)
		}
		if errors.Is(err, fs.ErrNotExist) {
			absent = append(absent, map[string]blob.Digest{"digest": d.Digest})
		} else if err != nil {
			return err
		}
	}
	if absent == nil {
		return nil
	}
	return &apiError{status: http.StatusNotFound, code: codeManifestBlobUnknown, details: absent,
		message: "the manifest refers to content that is unknown to this repository"}
}

// deleteManifest answers DELETE (end-9): of a tag, which leaves the manifest, or of a manifest with its tags.
func (h *Handler) deleteManifest(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	if err := checkReference(at.Reference); err != nil {
		return err
	}
	repository := h.repository(at.Repository)
	var err error
	if reference.ValidTag(at.Reference) {
		err = repository.Untag(r.Context(), at.Reference)
	} else {
		err = repository.DeleteManifest(r.Context(), blob.Digest(at.Reference))
	}
	if err != nil {
		return orUnknown(err, codeManifestUnknown, "this repository has no such manifest")
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}
