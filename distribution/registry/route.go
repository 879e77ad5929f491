package registry

import (
	"net/http"
	"strings"

	"github.com/hczjl/transship/distribution/reference"
)

// kind is what a path leads to.
type kind int

const (
	kindNone kind = iota
	kindBase
	kindCatalog
	kindBlob
	kindUploads
	kindUpload
	kindManifest
	kindTags
	kindReferrers
)

// route is a path taken apart.
type route struct {
	kind kind
	name string // of the repository
	ref  string // a digest, a tag or the id of an upload session; not checked
}

// endpoint answers one method of one kind of path. An error it returns becomes the answer.
type endpoint func(h *Handler, w http.ResponseWriter, r *http.Request, rt route) error

// endpoints has every method of every kind; HEAD is answered as GET is. The numbers are the rows of the
// distribution-spec's table, "Endpoints".
var endpoints = map[kind]map[string]endpoint{
	kindBase:    {"GET": (*Handler).base},    // end-1
	kindCatalog: {"GET": (*Handler).catalog}, // distribution's, "Listing Repositories"
	kindBlob: {
		"GET":    (*Handler).getBlob,    // end-2
		"DELETE": (*Handler).deleteBlob, // end-10
	},
	kindUploads: {"POST": (*Handler).startUpload}, // end-4a, end-4b, end-4c, end-11
	kindUpload: {
		"GET":    (*Handler).uploadStatus, // end-13
		"PATCH":  (*Handler).patchUpload,  // end-5
		"PUT":    (*Handler).closeUpload,  // end-6
		"DELETE": (*Handler).cancelUpload, // end-14
	},
	kindManifest: {
		"GET":    (*Handler).getManifest,    // end-3
		"PUT":    (*Handler).putManifest,    // end-7a, end-7b
		"DELETE": (*Handler).deleteManifest, // end-9
	},
	kindTags:      {"GET": (*Handler).tags},      // end-8a, end-8b
	kindReferrers: {"GET": (*Handler).referrers}, // end-12a, end-12b
}

// parseRoute takes a path apart from its end, since a repository's name may hold words such as "blobs". It checks the
// name; an unknown path is kindNone.
func parseRoute(path string) (route, error) {
	rest, ok := strings.CutPrefix(path, "/v2")
	switch {
	case !ok:
		return route{}, nil
	case rest == "" || rest == "/":
		return route{kind: kindBase}, nil
	case rest == "/_catalog":
		return route{kind: kindCatalog}, nil
	}
	rt := cutRoute(strings.TrimPrefix(rest, "/"))
	if rt.kind != kindNone && !reference.ValidPath(rt.name) {
		return route{}, &apiError{status: http.StatusBadRequest, code: codeNameInvalid, message: "no repository can be called " + quote(rt.name)}
	}
	return rt, nil
}

func cutRoute(rest string) route {
	if name, ok := strings.CutSuffix(rest, "/blobs/uploads"); ok {
		return route{kindUploads, name, ""}
	}
	above, ref := cutLast(rest)
	name, word := cutLast(above)
	switch {
	case word == "uploads" && strings.HasSuffix(name, "/blobs"):
		name = strings.TrimSuffix(name, "/blobs")
		if ref == "" {
			return route{kindUploads, name, ""}
		}
		return route{kindUpload, name, ref}
	case word == "blobs":
		return route{kindBlob, name, ref}
	case word == "manifests":
		return route{kindManifest, name, ref}
	case word == "referrers":
		return route{kindReferrers, name, ref}
	case word == "tags" && ref == "list":
		return route{kindTags, name, ""}
	}
	return route{}
}

// cutLast splits at the last slash.
func cutLast(s string) (before, after string) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}
