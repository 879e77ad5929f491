package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"net/url"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/reference"
)

// startUpload serves POST: a mount (end-11), a whole blob (end-4b), or the start of a session
// (end-4a, end-4c). A mount that is not possible starts a session too.
func (h *Handler) startUpload(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	query := r.URL.Query()
	if query.Get("mount") != "" {
		d, err := h.mount(r.Context(), at.Repository, query)
		if err != nil {
			return err
		}
		if d != "" {
			blobCreated(w, at.Repository, d)
			return nil
		}
	}
	if query.Get("digest") != "" {
		d, err := h.putWholeBlob(w, r, at.Repository, query.Get("digest"))
		if err != nil {
			return err
		}
		blobCreated(w, at.Repository, d)
		return nil
	}
	s, err := h.openSession(r, at.Repository, query.Get("digest-algorithm"))
	if err != nil {
		return err
	}
	setSessionHeaders(w, s)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// mount returns the digest of the mounted blob, or "" if it could not be mounted.
func (h *Handler) mount(ctx context.Context, name string, query url.Values) (blob.Digest, error) {
	d, err := parseDigest(query.Get("mount"))
	if err != nil {
		return "", err
	}
	from := query.Get("from")
	if from != "" && !reference.ValidPath(from) {
		return "", nil
	}
	err = h.repository(name).Mount(ctx, d, from)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return d, err
}

// putWholeBlob stores a blob that is the body of one POST.
func (h *Handler) putWholeBlob(w http.ResponseWriter, r *http.Request, name, digest string) (blob.Digest, error) {
	d, err := parseDigest(digest)
	if err != nil {
		return "", err
	}
	upload, err := h.repository(name).NewUpload(r.Context(), d.Algorithm())
	if err != nil {
		return "", err
	}
	if err := h.appendBody(w, r, upload); err != nil {
		_ = upload.Cancel()
		return "", err
	}
	return d, asDigestInvalid(upload.Commit(r.Context(), d))
}

func blobCreated(w http.ResponseWriter, name string, d blob.Digest) {
	created(w, endpoint.Blob(name, string(d)), d)
}

// openSession opens an upload session for a digest of that algorithm, sha256 if it is empty.
func (h *Handler) openSession(r *http.Request, name, digestAlgorithm string) (*session, error) {
	algorithm := blob.Algorithm(cmp.Or(digestAlgorithm, string(blob.SHA256)))
	if !algorithm.Available() {
		message := "digest algorithm " + quote(digestAlgorithm) + " is not supported, only sha256 and sha512"
		return nil, badRequest(codeDigestInvalid, message)
	}
	upload, err := h.repository(name).NewUpload(r.Context(), algorithm)
	if err != nil {
		return nil, err
	}
	s, err := h.sessions.add(clientOf(r), name, upload, h.sessionLimits())
	if err != nil {
		_ = upload.Cancel()
	}
	return s, err
}

func (h *Handler) sessionLimits() sessionLimits {
	all := cmp.Or(h.MaxUploads, defaultMaxUploads)
	return sessionLimits{
		all:       all,
		perClient: cmp.Or(h.MaxUploadsPerClient, max(1, all/4)),
		timeout:   cmp.Or(h.UploadTimeout, defaultUploadTimeout),
	}
}

// uploadStatus serves GET (end-13).
func (h *Handler) uploadStatus(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	s, err := h.sessions.acquire(r.Context(), at.Repository, at.Reference)
	if err != nil {
		return err
	}
	defer h.sessions.release(s)
	setSessionHeaders(w, s)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// patchUpload serves PATCH (end-5). Without a Content-Range the body is appended.
func (h *Handler) patchUpload(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	s, err := h.sessions.acquire(r.Context(), at.Repository, at.Reference)
	if err != nil {
		return err
	}
	defer h.sessions.release(s)
	if err := h.appendChunk(w, r, s); err != nil {
		return h.endIfFull(s, err)
	}
	setSessionHeaders(w, s)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// closeUpload serves PUT (end-6), whose body is the whole blob, the last chunk, or empty. A
// truncated body keeps the session open; a wrong digest or a full disk ends it.
func (h *Handler) closeUpload(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	d, err := parseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	s, err := h.sessions.acquire(r.Context(), at.Repository, at.Reference)
	if err != nil {
		return err
	}
	defer h.sessions.release(s)
	if err := h.useAlgorithm(r.Context(), s, d.Algorithm()); err != nil {
		return err
	}
	if err := h.appendChunk(w, r, s); err != nil {
		return h.endIfFull(s, err)
	}
	h.sessions.remove(s)
	if err := s.upload.Commit(r.Context(), d); err != nil {
		return asDigestInvalid(err)
	}
	blobCreated(w, at.Repository, d)
	return nil
}

// endIfFull ends a session and all idle ones if the disk is full. Their bytes would keep it full
// until UploadTimeout if the clients have given up.
func (h *Handler) endIfFull(s *session, err error) error {
	if isFull(err) {
		h.sessions.remove(s)
		_ = s.upload.Cancel() // files that cannot be removed now are swept later
		h.sessions.dropAllIdle()
	}
	return err
}

// useAlgorithm restarts an upload that is still empty, so that its bytes are hashed with that
// algorithm while they are received. Most clients name the algorithm only in the PUT's digest.
func (h *Handler) useAlgorithm(ctx context.Context, s *session, algorithm blob.Algorithm) error {
	if s.upload.Size() > 0 || algorithm == blob.SHA256 {
		return nil
	}
	upload, err := h.repository(s.name).NewUpload(ctx, algorithm)
	if err != nil {
		return err
	}
	_ = s.upload.Cancel()
	s.upload = upload
	return nil
}

// cancelUpload serves DELETE (end-14).
func (h *Handler) cancelUpload(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	s, err := h.sessions.acquire(r.Context(), at.Repository, at.Reference)
	if err != nil {
		return err
	}
	defer h.sessions.release(s)
	h.sessions.remove(s)
	if err := s.upload.Cancel(); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// appendChunk appends the body if its Content-Range, if any, starts where the upload ends.
func (h *Handler) appendChunk(w http.ResponseWriter, r *http.Request, s *session) error {
	header := r.Header.Get("Content-Range")
	if header == "" {
		return h.appendBody(w, r, s.upload)
	}
	rng, err := parseContentRange(header)
	if err != nil {
		return badRequest(codeBlobUploadInvalid, "Content-Range "+quote(header)+": "+err.Error())
	}
	if r.ContentLength >= 0 && r.ContentLength != rng.length {
		message := fmt.Sprintf("Content-Range has %d bytes, Content-Length %d", rng.length, r.ContentLength)
		return badRequest(codeSizeInvalid, message)
	}
	if size := s.upload.Size(); rng.start != size {
		setSessionHeaders(w, s)
		message := fmt.Sprintf("the next byte is %d, not %d", size, rng.start)
		return newError(http.StatusRequestedRangeNotSatisfiable, codeBlobUploadInvalid, message)
	}
	return h.appendBody(w, r, s.upload)
}

// appendBody appends the body. The bytes of a truncated body are kept, so that the client can
// resume.
func (h *Handler) appendBody(w http.ResponseWriter, r *http.Request, upload Upload) error {
	left := cmp.Or(h.MaxBlobSize, math.MaxInt64) - upload.Size()
	if r.ContentLength > left {
		return tooLarge(h.MaxBlobSize)
	}
	_, err := h.buffers.Copy(upload, &bodyReader{http.MaxBytesReader(w, r.Body, left), h.MaxBlobSize})
	return err
}

// bodyReader turns the errors of a request's body into responses, which tells them apart from
// errors of the store.
type bodyReader struct {
	body        io.Reader
	maxBlobSize int64
}

// Read implements io.Reader.
func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil && err != io.EOF {
		err = bodyError(err, b.maxBlobSize, codeBlobUploadInvalid)
	}
	return n, err
}

// setSessionHeaders sets the headers with a session's location and progress.
func setSessionHeaders(w http.ResponseWriter, s *session) {
	header := w.Header()
	header.Set("Location", endpoint.Session(s.name, s.id).String())
	header.Set("Range", uploadRange(s.upload.Size()))
	header.Set("Docker-Upload-UUID", s.id)
}
