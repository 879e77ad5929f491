package endpoint

import (
	"net/http"
	"net/url"
)

// IDCatalog is what ID returns for the catalog, which the specification does not number.
const IDCatalog = "catalog"

// ID returns the ID of a call's endpoint in the table of distribution-spec, "Endpoints": "end-1" to
// "end-14", with a letter where the query decides. It is IDCatalog for the catalog, and empty for
// another path or a method that the path does not have.
func ID(method string, u *url.URL) string {
	p := Parse(u.Path)
	reads := method == http.MethodGet || method == http.MethodHead
	switch p.Kind {
	case KindManifest:
		return manifestID(method, u)
	case KindBlob:
		return blobID(method)
	case KindUploads:
		return uploadsID(method, u)
	case KindSession:
		return SessionID(method)
	}
	switch query := u.Query(); {
	case !reads:
		return ""
	case p.Kind == KindBase:
		return "end-1"
	case p.Kind == KindCatalog:
		return IDCatalog
	case p.Kind == KindTags && (query.Has("n") || query.Has("last")):
		return "end-8b"
	case p.Kind == KindTags:
		return "end-8a"
	case p.Kind == KindReferrers && query.Has("artifactType"):
		return "end-12b"
	case p.Kind == KindReferrers:
		return "end-12a"
	}
	return ""
}

func manifestID(method string, u *url.URL) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return "end-3"
	case http.MethodPut:
		if u.Query().Has("tag") {
			return "end-7b"
		}
		return "end-7a"
	case http.MethodDelete:
		return "end-9"
	}
	return ""
}

func blobID(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return "end-2"
	case http.MethodDelete:
		return "end-10"
	}
	return ""
}

func uploadsID(method string, u *url.URL) string {
	query := u.Query()
	switch {
	case method != http.MethodPost:
		return ""
	case query.Has("mount"):
		return "end-11"
	case query.Has("digest"):
		return "end-4b"
	case query.Has("digest-algorithm"):
		return "end-4c"
	}
	return "end-4a"
}

// SessionID is ID for a call to an upload session. Registries may give out an address for it that is not
// the specification's.
func SessionID(method string) string {
	switch method {
	case http.MethodPatch:
		return "end-5"
	case http.MethodPut:
		return "end-6"
	case http.MethodGet, http.MethodHead:
		return "end-13"
	case http.MethodDelete:
		return "end-14"
	}
	return ""
}
