package registry

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
)

// Handler is a registry. The zero value keeps everything in memory. Do not copy it, and do not
// change its fields after the first request.
type Handler struct {
	// Store keeps the content. The default is a Memory of the handler's own.
	Store Store
	// RefuseSparse refuses manifests that refer to blobs or manifests which the repository does not
	// have, as some registries do. The spec allows both.
	RefuseSparse bool
	// PageSize is the maximum number of tags, repositories or referrers in one response. Zero means
	// as many as the client asks for, or all.
	PageSize int
	// MaxBlobSize is the maximum size of a blob in bytes. Zero means no maximum.
	MaxBlobSize int64
	// MaxUploads is the maximum number of open upload sessions. Another one drops the session that
	// has been idle for longest, or is refused if requests use all of them. The default is 1,000.
	MaxUploads int
	// MaxUploadsPerClient is MaxUploads for those of one client: a user that [Basic] has checked,
	// else an IP address, of IPv6 its /64 network. The default is a quarter of MaxUploads.
	MaxUploadsPerClient int
	// UploadTimeout is how long an upload session may be idle before it is dropped when another one
	// opens. The default is one hour.
	UploadTimeout time.Duration
	// OnError, if not nil, gets the causes of failed requests that clients do not see, such as
	// errors of the store.
	OnError func(r *http.Request, err error)

	memory   Memory
	sessions sessions
	buffers  blob.Buffers // for bodies
	deletion sync.RWMutex // held for writing while a blob is deleted, for reading while a manifest that may need it is put
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	if err := h.serve(w, r); err != nil {
		h.writeError(w, r, asAPIError(err))
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	at, err := parsePath(r.URL.Path)
	if err != nil {
		return err
	}
	methods := operations[at.Kind]
	if methods == nil {
		return newError(http.StatusNotFound, codeUnsupported, "there is no such path in a registry")
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	serve := methods[method]
	if serve == nil {
		w.Header().Set("Allow", allowed(methods))
		return newError(http.StatusMethodNotAllowed, codeUnsupported, "that method is not for this path")
	}
	return serve(h, w, r, at)
}

// allowed returns the value of the Allow header.
func allowed(methods map[string]operation) string {
	names := slices.Collect(maps.Keys(methods))
	if methods[http.MethodGet] != nil {
		names = append(names, http.MethodHead)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (h *Handler) writeError(w http.ResponseWriter, r *http.Request, err *apiError) {
	if err.cause != nil && h.OnError != nil {
		h.OnError(r, err)
	}
	writeJSON(w, err.status, err.body())
}

func (h *Handler) repository(name string) Repository { return h.store().Repository(name) }

func (h *Handler) store() Store {
	if h.Store == nil {
		return &h.memory
	}
	return h.Store
}

// base serves GET /v2/ (end-1), by which clients find out whether a host is a registry.
func (h *Handler) base(w http.ResponseWriter, _ *http.Request, _ endpoint.Path) error {
	writeJSON(w, http.StatusOK, []byte("{}\n"))
	return nil
}
