package registry

import (
	"net/http"

	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/reference"
)

// operation serves one method of one kind of path. Its error becomes the response.
type operation func(h *Handler, w http.ResponseWriter, r *http.Request, at endpoint.Path) error

// operations has all methods of all kinds of paths, except HEAD, which is served like GET. The
// numbers are those of the distribution-spec's table "Endpoints".
var operations = map[endpoint.Kind]map[string]operation{
	endpoint.KindBase:    {"GET": (*Handler).base},    // end-1
	endpoint.KindCatalog: {"GET": (*Handler).catalog}, // CNCF distribution, "Listing Repositories"
	endpoint.KindBlob: {
		"GET":    (*Handler).getBlob,    // end-2
		"DELETE": (*Handler).deleteBlob, // end-10
	},
	endpoint.KindUploads: {"POST": (*Handler).startUpload}, // end-4a, end-4b, end-4c, end-11
	endpoint.KindSession: {
		"GET":    (*Handler).uploadStatus, // end-13
		"PATCH":  (*Handler).patchUpload,  // end-5
		"PUT":    (*Handler).closeUpload,  // end-6
		"DELETE": (*Handler).cancelUpload, // end-14
	},
	endpoint.KindManifest: {
		"GET":    (*Handler).getManifest,    // end-3
		"PUT":    (*Handler).putManifest,    // end-7a, end-7b
		"DELETE": (*Handler).deleteManifest, // end-9
	},
	endpoint.KindTags:      {"GET": (*Handler).tags},      // end-8a, end-8b
	endpoint.KindReferrers: {"GET": (*Handler).referrers}, // end-12a, end-12b
}

// parsePath parses a path and checks the repository's name.
func parsePath(path string) (endpoint.Path, error) {
	at := endpoint.Parse(path)
	if at.Repository != "" && !reference.ValidPath(at.Repository) {
		return endpoint.Path{}, badRequest(codeNameInvalid, "no repository can be called "+quote(at.Repository))
	}
	return at, nil
}
