package wire

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Rows of calls that are none of the specification's.
const (
	RowToken    = "token"    // a request to a token server
	RowRedirect = "redirect" // a hop that a redirect asked for
	RowCatalog  = "catalog"  // docker's extension GET /v2/_catalog
)

// Row returns the row of the endpoint table of the OCI distribution
// specification, "end-1" to "end-14", that a request to a registry belongs to,
// by its method, path and query, RowCatalog for docker's extension, and "" for
// anything else: a token server, a storage host, an upload Location that does
// not look like the specification's.
func Row(method string, u *url.URL) string {
	rest, ok := strings.CutPrefix(u.Path, "/v2/")
	reads := method == http.MethodGet || method == http.MethodHead
	switch {
	case reads && (u.Path == "/v2" || ok && rest == ""):
		return "end-1"
	case reads && ok && rest == "_catalog":
		return RowCatalog
	case !ok:
		return ""
	}
	words := strings.Split(rest, "/")
	n := len(words)
	ends := func(want ...string) bool { // a name, then the words, "" for any
		tail := words[max(0, n-len(want)):]
		return n > len(want) && slices.EqualFunc(tail, want, func(have, want string) bool { return want == "" || have == want })
	}
	switch {
	case ends("blobs", "uploads", "") && words[n-1] != "":
		return sessionRow(method)
	case ends("blobs", "uploads", ""), ends("blobs", "uploads"):
		return uploadRow(method, u.Query())
	case ends("tags", "list") && reads:
		return either(u.Query().Has("n") || u.Query().Has("last"), "end-8b", "end-8a")
	case ends("referrers", "") && reads:
		return either(u.Query().Has("artifactType"), "end-12b", "end-12a")
	case ends("manifests", ""):
		return contentRow(method, "end-3", either(u.Query().Has("tag"), "end-7b", "end-7a"), "end-9")
	case ends("blobs", ""):
		return contentRow(method, "end-2", "", "end-10")
	}
	return ""
}

func either(is bool, then, otherwise string) string {
	if is {
		return then
	}
	return otherwise
}

// contentRow chooses among the rows of one path.
func contentRow(method, read, put, del string) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return read
	case http.MethodPut:
		return put
	case http.MethodDelete:
		return del
	}
	return ""
}

// uploadRow is the row of a request that opens an upload.
func uploadRow(method string, query url.Values) string {
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

// sessionRow is the row of a request to an open upload session.
func sessionRow(method string) string {
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
