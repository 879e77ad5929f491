package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/reference"
)

// tags serves GET of a repository's tags (end-8a, end-8b).
func (h *Handler) tags(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	repository, err := h.pulled(w, r, at)
	if err != nil {
		return err
	}
	all, err := repository.Tags(r.Context())
	if err != nil {
		return asNotFound(err, codeNameUnknown, "there is no such repository")
	}
	page, err := h.page(w, r, all)
	if err != nil {
		return err
	}
	return writeList(w, struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{at.Repository, page})
}

// catalog serves GET of the repositories' names, which is not in the OCI spec but in that of CNCF
// distribution ("Listing Repositories").
func (h *Handler) catalog(w http.ResponseWriter, r *http.Request, _ endpoint.Path) error {
	all, err := h.store().Repositories(r.Context())
	if err != nil {
		return err
	}
	// A store may have names that cannot be in a path, such as localhost:5000/x.
	all = slices.DeleteFunc(all, func(name string) bool { return !reference.ValidPath(name) })
	page, err := h.page(w, r, all)
	if err != nil {
		return err
	}
	return writeList(w, struct {
		Repositories []string `json:"repositories"`
	}{page})
}

// page returns the names of the requested page and sets the Link header if there is another page.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, names []string) ([]string, error) {
	query := r.URL.Query()
	size, err := h.pageSize(query)
	if err != nil {
		return nil, err
	}
	if last := query.Get("last"); last != "" {
		i, found := slices.BinarySearch(names, last)
		if found {
			i++
		}
		names = names[i:]
	}
	if 0 <= size && size < len(names) {
		names = names[:size]
		if size > 0 {
			linkNext(w, r, names[size-1])
		}
	}
	return append([]string{}, names...), nil // nil would encode as null
}

// pageSize returns the maximum number of entries in a response, -1 if there is none.
func (h *Handler) pageSize(query url.Values) (int, error) {
	size := -1
	if h.PageSize > 0 {
		size = h.PageSize
	}
	if !query.Has("n") {
		return size, nil
	}
	n, err := strconv.Atoi(query.Get("n"))
	if err != nil || n < 0 {
		return 0, badRequest(codeUnsupported, "n="+quote(query.Get("n"))+" is no number of entries")
	}
	if size < 0 || n < size {
		size = n
	}
	return size, nil
}

// linkNext sets the Link header to the page after last (RFC 8288).
func linkNext(w http.ResponseWriter, r *http.Request, last string) {
	query := r.URL.Query()
	query.Set("last", last)
	w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.EscapedPath(), query.Encode()))
}

func writeList(w http.ResponseWriter, list any) error {
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, append(body, '\n'))
	return nil
}
