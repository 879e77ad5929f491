package registry

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/manifest"
)

// referrers serves GET of the manifests that have a digest as their subject (end-12a, end-12b). The
// list of an unknown subject or repository is empty.
func (h *Handler) referrers(w http.ResponseWriter, r *http.Request, at endpoint.Path) error {
	d, err := parseDigest(at.Reference)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	artifactType := query.Get("artifactType")
	repository, err := h.pulled(w, r, at)
	if err != nil {
		return err
	}
	all, err := repository.Referrers(r.Context(), d, artifactType)
	if err != nil {
		return err
	}
	if artifactType != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	if last := query.Get("last"); last != "" {
		all = slices.DeleteFunc(all, func(d manifest.Descriptor) bool { return string(d.Digest) <= last })
	}
	size, err := h.pageSize(query)
	if err != nil {
		return err
	}
	body, n, err := referrersPage(all, size)
	if err != nil {
		return err
	}
	if 0 < n && n < len(all) {
		linkNext(w, r, string(all[n-1].Digest))
	}
	w.Header().Set("Content-Type", manifest.MediaTypeOCIIndex)
	writeJSON(w, http.StatusOK, body)
	return nil
}

// referrersPage encodes an index of at most n descriptors, of all if n is -1, and returns how many
// it has. The index is not larger than manifest.MaxSize, which is what clients read, unless the
// first descriptor alone is.
func referrersPage(all []manifest.Descriptor, n int) ([]byte, int, error) {
	if n < 0 || n > len(all) {
		n = len(all)
	}
	body := []byte(`{"schemaVersion":2,"mediaType":"` + manifest.MediaTypeOCIIndex + `","manifests":[`)
	for i, d := range all[:n] {
		entry, err := json.Marshal(d)
		if err != nil {
			return nil, 0, err
		}
		if i > 0 && len(body)+len(entry) > manifest.MaxSize-len(",]}") {
			n = i
			break
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, entry...)
	}
	return append(body, "]}"...), n, nil
}
