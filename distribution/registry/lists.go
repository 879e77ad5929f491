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

// tags answers GET of a repository's tags (end-8a, end-8b).
func (h *Handler) tags(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	all, err := h.repository(at.Repository).Tags(r.Context())
	if err != nil {
		return orUnknown(err, codeNameUnknown, "there is no such repository")
	}
	some, err := h.page(w, r, all)
	if err != nil {
		return err
	}
	return writeList(w, struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{at.Repository, some})
}

// catalog answers GET of the repositories' names, which is no part of the OCI's spec but of distribution's ("Listing
// Repositories").
func (h *Handler) catalog(w http.ResponseWriter, r *http.Request, _ endpoint.Path) error {
	all, err := h.store().Repositories(r.Context())
	if err != nil {
		return err
	}
	// A store may know names that no path can hold, such as localhost:5000/x.
	all = slices.DeleteFunc(all, func(name string) bool { return !reference.ValidPath(name) })
	some, err := h.page(w, r, all)
	if err != nil {
		return err
	}
	return writeList(w, struct {
		Repositories []string `json:"repositories"`
	}{some})
}

// page returns the n names after last, and links to the next page where there is one.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, names []string) ([]string, error) {
	query := r.URL.Query()
	most, err := h.pageSize(query)
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
	if 0 <= most && most < len(names) {
		names = names[:most]
		if most > 0 {
			linkNext(w, r, names[most-1])
		}
	}
	return append([]string{}, names...), nil // an empty list is no null
}

// pageSize returns how many entries an answer may have, -1 for any number.
func (h *Handler) pageSize(query url.Values) (int, error) {
	most := -1
	if h.PageSize > 0 {
		most = h.PageSize
	}
	if !query.Has("n") {
		return most, nil
	}
	n, err := strconv.Atoi(query.Get("n"))
	if err != nil || n < 0 {
		return 0, badRequest(codeUnsupported, "n="+quote(query.Get("n"))+" is no number of entries")
	}
	if most < 0 || n < most {
		most = n
	}
	return most, nil
}

// linkNext points to the page after last (RFC 8288).
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
