package registry

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/manifest"
)

// getBlob answers GET and HEAD (end-2) with the blob or one range of it.
func (h *Handler) getBlob(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	d, err := parseDigest(at.Reference)
	if err != nil {
		return err
	}
	repository := h.repository(at.Repository)
	size, err := repository.HeadBlob(r.Context(), d)
	if err != nil {
		return orUnknown(err, codeBlobUnknown, "this repository has no such blob")
	}
	part, partial, err := wanted(r, d, size)
	if err != nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		return &apiError{status: http.StatusRequestedRangeNotSatisfiable, code: codeSizeInvalid, message: err.Error()}
	}
	content, err := repository.Blob(r.Context(), manifest.Descriptor{Digest: d, Size: size}, part.start)
	if err != nil {
		return orUnknown(err, codeBlobUnknown, "this repository has no such blob")
	}
	defer content.Close()
	describe(w, d, "application/octet-stream", part.length)
	w.Header().Set("Accept-Ranges", "bytes")
	if partial {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.start, part.start+part.length-1, size))
		w.WriteHeader(http.StatusPartialContent)
	}
	return h.send(w, r, content, part.length)
}

// wanted reads the Range header of a GET. With an If-Range that names something else, all is wanted (RFC 9110, section
// 13.1.5).
func wanted(r *http.Request, d blob.Digest, size int64) (span, bool, error) {
	condition := r.Header.Get("If-Range")
	if r.Method == http.MethodHead || condition != "" && condition != entityTag(d) {
		return span{0, size}, false, nil
	}
	return parseRange(r.Header.Get("Range"), size)
}

// send writes the body of an answer. Once it has begun, all that can be done about an error is to break off: the
// server then closes the connection, and the client misses bytes.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, content io.Reader, length int64) error {
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := io.CopyN(w, content, length)
	if err != nil && h.OnError != nil {
		h.OnError(r, err)
	}
	return nil
}

// deleteBlob answers DELETE (end-10).
func (h *Handler) deleteBlob(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	d, err := parseDigest(at.Reference)
	if err != nil {
		return err
	}
	if err := h.repository(at.Repository).DeleteBlob(r.Context(), d); err != nil {
		return orUnknown(err, codeBlobUnknown, "this repository has no such blob")
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// describe sets the headers of an answer whose body has that digest.
func describe(w http.ResponseWriter, d blob.Digest, mediaType string, length int64) {
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("Content-Length", strconv.FormatInt(length, 10))
	header.Set("Docker-Content-Digest", string(d))
	header.Set("Etag", entityTag(d))
}

func entityTag(d blob.Digest) string { return `"` + string(d) + `"` }

// created answers that a blob or manifest is there, and where.
func created(w http.ResponseWriter, location endpoint.Path, d blob.Digest) {
	w.Header().Set("Location", location.String())
	w.Header().Set("Docker-Content-Digest", string(d))
	w.WriteHeader(http.StatusCreated)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}
