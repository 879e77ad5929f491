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

// maxTags is the maximum number of tags that one PUT may set. The spec requires at least ten.
const maxTags = 100

// getManifest serves GET and HEAD (end-3). It ignores the Accept header: a digest has one document.
func (h *Handler) getManifest(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	if err := checkReference(at.Reference); err != nil {
		return err
	}
	repository, err := h.pulled(w, r, at)
	if err != nil {
		return err
	}
	m, err := findManifest(r, repository, at.Reference)
	if err != nil {
		return asNotFound(err, codeManifestUnknown, "this repository has no such manifest")
	}
	setContentHeaders(w, m.Digest, cmp.Or(m.MediaType, "application/octet-stream"), m.Size)
	return h.send(w, r, bytes.NewReader(m.Raw), m.Size)
}

// findManifest returns only the descriptor for a HEAD request.
func findManifest(r *http.Request, repository Repository, ref string) (m manifest.Manifest, err error) {
	if r.Method == http.MethodHead {
		m.Descriptor, err = repository.HeadManifest(r.Context(), ref)
		return m, err
	}
	return repository.Manifest(r.Context(), ref)
}

// checkReference returns an error if ref is neither a tag nor a digest.
func checkReference(ref string) error {
	if reference.ValidTag(ref) {
		return nil
	}
	_, err := parseDigest(ref)
	return err
}

// putManifest serves PUT by tag or digest (end-7a), and by digest with tags as parameters (end-7b).
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
	if err := h.storeManifest(r.Context(), repository, at.Reference, m); err != nil {
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

// storeManifest checks what a manifest refers to and stores it. In between no blob is deleted, and no
// process prunes the store.
func (h *Handler) storeManifest(ctx context.Context, repository Repository, ref string, m manifest.Manifest) error {
	h.deletion.RLock()
	defer h.deletion.RUnlock()
	release, err := hold(h.store())
	if err != nil {
		return err
	}
	defer release()
	if err := h.checkReferences(ctx, repository, m); err != nil {
		return err
	}
	return repository.PutManifest(ctx, ref, m)
}

// tagParameters returns the tag parameters of the query, which are only for a PUT by digest.
func tagParameters(r *http.Request, ref string) ([]string, error) {
	if err := checkReference(ref); err != nil {
		return nil, err
	}
	tags := r.URL.Query()["tag"]
	switch {
	case len(tags) > 0 && reference.ValidTag(ref):
		return nil, badRequest(codeUnsupported, "tag parameters are for manifests pushed by digest")
	case len(tags) > maxTags:
		return nil, newError(http.StatusRequestURITooLong, codeUnsupported, "too many tags")
	}
	for _, tag := range tags {
		if !reference.ValidTag(tag) {
			return nil, badRequest(codeManifestInvalid, quote(tag)+" is no tag")
		}
	}
	return tags, nil
}

// readManifest reads the body and checks the document and, if ref is a digest, its digest.
func readManifest(w http.ResponseWriter, r *http.Request, ref string) (manifest.Manifest, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, manifest.MaxSize))
	if err != nil {
		return manifest.Manifest{}, bodyError(err, manifest.MaxSize, codeManifestInvalid)
	}
	m, err := manifest.Parse(r.Header.Get("Content-Type"), raw)
	if !reference.ValidTag(ref) {
		m.Digest = blob.Digest(ref)
		if err := blob.Verify(raw, m.Digest, int64(len(raw))); err != nil {
			return m, asDigestInvalid(err)
		}
	}
	if err != nil {
		return m, badRequest(codeManifestInvalid, err.Error())
	}
	return m, nil
}

// checkReferences returns an error for a sparse manifest if the handler refuses these. Layers that
// are not distributable may be missing.
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
		err := find(ctx, repository, d, manifest.IsIndex(m.MediaType))
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

// find returns fs.ErrNotExist if a repository lacks content that a manifest refers to. An entry of an
// index may be a blob, as in a BuildKit cache.
func find(ctx context.Context, repository Repository, d manifest.Descriptor, inIndex bool) error {
	if inIndex && !manifest.IsBlob(d.MediaType) {
		if _, err := repository.HeadManifest(ctx, string(d.Digest)); !d.MayBeBlob(err) {
			return err
		}
	}
	_, err := repository.HeadBlob(ctx, d.Digest)
	return err
}

// deleteManifest serves DELETE (end-9) of a tag, which keeps the manifest, or of a manifest with
// all its tags.
func (h *Handler) deleteManifest(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	if err := checkReference(at.Reference); err != nil {
		return err
	}
	repository := h.repository(at.Repository)
	var err error
	if reference.ValidTag(at.Reference) {
		err = repository.DeleteTag(r.Context(), at.Reference)
	} else {
		err = repository.DeleteManifest(r.Context(), blob.Digest(at.Reference))
	}
	if err != nil {
		return asNotFound(err, codeManifestUnknown, "this repository has no such manifest")
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}
