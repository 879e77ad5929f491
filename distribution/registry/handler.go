package registry

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/distribution/endpoint"
)

// Handler is a registry. The zero value keeps everything in memory. Its fields must not be changed once it serves, and
// it must not be copied.
type Handler struct {
	// Store keeps the content; nil is memory of the handler's own.
	Store Store
	// RefuseSparse refuses manifests that refer to blobs or manifests which the repository lacks, as other registries do.
	// The spec allows both.
	RefuseSparse bool
	// PageSize is the most tags, repositories or referrers in one answer. Zero is no bound but what is asked for.
	PageSize int
	// MaxBlobSize is the largest blob that is accepted, in bytes. Zero is no bound.
	MaxBlobSize int64
	// MaxUploads is how many upload sessions may be open at a time, 1,000 if zero.
	MaxUploads int
	// UploadTimeout is how long an upload session may rest before it is dropped to make room, one hour if zero.
	UploadTimeout time.Duration
	// OnError is told why a request failed, where that is more than the client learns. It may be nil.
	OnError func(r *http.Request, err error)

	memory   Memory
	sessions sessions
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	if err := h.serve(w, r); err != nil {
		h.fail(w, r, asAPIError(err))
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	at, err := parsePath(r.URL.Path)
	if err != nil {
		return err
	}
	methods := operations[at.Kind]
	if methods == nil {
		return &apiError{status: http.StatusNotFound, code: codeUnsupported, message: "there is no such path in a registry"}
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	serve := methods[method]
	if serve == nil {
		w.Header().Set("Allow", allowed(methods))
		return &apiError{status: http.StatusMethodNotAllowed, code: codeUnsupported, message: "that method is not for this path"}
	}
	return serve(h, w, r, at)
}

func allowed(methods map[string]operation) string {
	names := slices.Collect(maps.Keys(methods))
	if methods[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// fail answers with an error.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err *apiError) {
	if err.cause != nil && h.OnError != nil {
		h.OnError(r, err)
	}
	writeJSON(w, err.status, err.body())
}

// repository returns the repository of that name.
func (h *Handler) repository(name string) Repository {
	return h.store().Repository(name)
}

func (h *Handler) store() Store {
	if h.Store == nil {
		return &h.memory
	}
	return h.Store
}

// base answers GET /v2/: this is a registry.
func (h *Handler) base(w http.ResponseWriter, _ *http.Request, _ endpoint.Path) error {
	writeJSON(w, http.StatusOK, []byte("{}\n"))
	return nil
}
