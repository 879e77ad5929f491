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

// startUpload answers POST: it mounts (end-11), takes a whole blob (end-4b), or opens a session (end-4a, end-4c), into
// which a mount that cannot be done turns too.
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
		d, err := h.wholeBlob(w, r, at.Repository, query.Get("digest"))
		if err != nil {
			return err
		}
		blobCreated(w, at.Repository, d)
		return nil
	}
	s, err := h.openSession(r.Context(), at.Repository, query.Get("digest-algorithm"))
	if err != nil {
		return err
	}
	writeProgress(w, s)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// mount returns the digest of the blob that is in the repository now, "" where it could not be mounted.
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

// wholeBlob takes a blob that is the body of one POST.
func (h *Handler) wholeBlob(w http.ResponseWriter, r *http.Request, name, digest string) (blob.Digest, error) {
	d, err := parseDigest(digest)
	if err != nil {
		return "", err
	}
	upload, err := h.repository(name).NewUpload(r.Context(), d.Algorithm())
	if err != nil {
		return "", err
	}
	if err := h.receive(w, r, upload); err != nil {
		_ = upload.Cancel()
		return "", err
	}
	return d, orMismatch(upload.Commit(r.Context(), d))
}

func blobCreated(w http.ResponseWriter, name string, d blob.Digest) {
	created(w, endpoint.Blob(name, string(d)), d)
}

// openSession opens an upload session for a blob with a digest of that algorithm, sha256 where it is empty.
func (h *Handler) openSession(ctx context.Context, name, digestAlgorithm string) (*session, error) {
	algorithm := blob.Algorithm(cmp.Or(digestAlgorithm, string(blob.SHA256)))
	if !algorithm.Available() {
		return nil, badRequest(codeDigestInvalid, "digest algorithm "+quote(digestAlgorithm)+" is not supported, only sha256 and sha512")
	}
	upload, err := h.repository(name).NewUpload(ctx, algorithm)
	if err != nil {
		return nil, err
	}
	s, err := h.sessions.add(name, upload, cmp.Or(h.MaxUploads, defaultMaxUploads), cmp.Or(h.UploadTimeout, defaultUploadTimeout))
	if err != nil {
		_ = upload.Cancel()
	}
	return s, err
}

// uploadStatus answers GET (end-13).
func (h *Handler) uploadStatus(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	s, err := h.sessions.take(r.Context(), at.Repository, at.Reference)
	if err != nil {
		return err
	}
	defer h.sessions.release(s)
	writeProgress(w, s)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// patchUpload answers PATCH (end-5) with a Content-Range, or without one for a stream that goes on where the last ended.
func (h *Handler) patchUpload(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	s, err := h.sessions.take(r.Context(), at.Repository, at.Reference)
	if err != nil {
		return err
	}
	defer h.sessions.release(s)
	if err := h.chunk(w, r, s); err != nil {
		return h.orEnd(s, err)
	}
	writeProgress(w, s)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// closeUpload answers PUT (end-6), whose body is the whole blob, the last chunk or empty. A body that breaks off leaves
// the session as it is; a wrong digest ends it, as does a full disk.
func (h *Handler) closeUpload(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	d, err := parseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	s, err := h.sessions.take(r.Context(), at.Repository, at.Reference)
	if err != nil {
		return err
	}
	defer h.sessions.release(s)
	if err := h.rehash(r.Context(), s, d); err != nil {
		return err
	}
	if err := h.chunk(w, r, s); err != nil {
		return h.orEnd(s, err)
	}
	h.sessions.remove(s)
	if err := s.upload.Commit(r.Context(), d); err != nil {
		return orMismatch(err)
	}
	blobCreated(w, at.Repository, d)
	return nil
}

// orEnd ends a session when the disk is full, and all that no request has now: what came of their blobs would only keep
// it full, and for long, if their clients have given up.
func (h *Handler) orEnd(s *session, err error) error {
	if isFull(err) {
		h.sessions.remove(s)
		_ = s.upload.Cancel() // what cannot be removed now is swept later
		h.sessions.dropResting()
	}
	return err
}

// rehash begins the upload again where nothing has come yet, so that the blob is hashed with its own algorithm while it
// comes: most clients name the algorithm only now, by the digest.
func (h *Handler) rehash(ctx context.Context, s *session, d blob.Digest) error {
	if s.upload.Size() > 0 || d.Algorithm() == blob.SHA256 {
		return nil
	}
	upload, err := h.repository(s.name).NewUpload(ctx, d.Algorithm())
	if err != nil {
		return err
	}
	_ = s.upload.Cancel()
	s.upload = upload
	return nil
}

// cancelUpload answers DELETE (end-14).
func (h *Handler) cancelUpload(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	s, err := h.sessions.take(r.Context(), at.Repository, at.Reference)
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

// chunk appends the body if it belongs where the session stands.
func (h *Handler) chunk(w http.ResponseWriter, r *http.Request, s *session) error {
	header := r.Header.Get("Content-Range")
	if header == "" {
		return h.receive(w, r, s.upload)
	}
	part, err := parseContentRange(header)
	if err != nil {
		return badRequest(codeBlobUploadInvalid, "Content-Range "+quote(header)+": "+err.Error())
	}
	if r.ContentLength >= 0 && r.ContentLength != part.length {
		return badRequest(codeSizeInvalid, fmt.Sprintf("Content-Range has %d bytes, Content-Length %d", part.length, r.ContentLength))
	}
	if size := s.upload.Size(); part.start != size {
		writeProgress(w, s)
		return &apiError{status: http.StatusRequestedRangeNotSatisfiable, code: codeBlobUploadInvalid,
			message: fmt.Sprintf("the next byte is %d, not %d", size, part.start)}
	}
	return h.receive(w, r, s.upload)
}

// receive appends the body. What came before it broke off is kept, so that the client can go on from there.
func (h *Handler) receive(w http.ResponseWriter, r *http.Request, upload Upload) error {
	most := cmp.Or(h.MaxBlobSize, math.MaxInt64) - upload.Size()
	body := &bodyReader{body: http.MaxBytesReader(w, r.Body, most)}
	if r.ContentLength > most {
		return tooLarge(h.MaxBlobSize)
	}
	_, err := io.Copy(upload, body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(h.MaxBlobSize)
	case err != nil && err == body.err:
		return &apiError{status: http.StatusBadRequest, code: codeBlobUploadInvalid, message: "the body broke off", cause: err}
	}
	return err
}

// bodyReader remembers an error of the client's, to tell it from one of the store's.
type bodyReader struct {
	body io.Reader
	err  error
}

// Read implements io.Reader.
func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.err = err
	return n, err
}

// writeProgress sets the headers that say where a session is and how far it has come.
func writeProgress(w http.ResponseWriter, s *session) {
	header := w.Header()
	header.Set("Location", endpoint.Session(s.name, s.id).String())
	header.Set("Range", received(s.upload.Size()))
	header.Set("Docker-Upload-UUID", s.id)
}
