package audit

import (
	"net/url"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/endpoint"
	"github.com/hczjl/transship/distribution/wire"
)

// RowTitle names the calls of a row in two or three words, such as "pull blob" for end-2. It
// returns "other" for an unknown row.
func RowTitle(row string) string {
	switch row {
	case "end-1":
		return "check"
	case "end-2":
		return "pull blob"
	case "end-3":
		return "pull manifest"
	case "end-4a", "end-4c":
		return "open upload"
	case "end-4b":
		return "push blob at once"
	case "end-5":
		return "push chunk"
	case "end-6":
		return "push blob"
	case "end-7a", "end-7b":
		return "push manifest"
	case "end-8a", "end-8b":
		return "list tags"
	case "end-9":
		return "delete manifest"
	case "end-10":
		return "delete blob"
	case "end-11":
		return "mount blob"
	case "end-12a", "end-12b":
		return "list referrers"
	case "end-13":
		return "upload status"
	case "end-14":
		return "cancel upload"
	case wire.RowToken:
		return "get token"
	case wire.RowRedirect:
		return "follow redirect"
	case wire.RowCatalog:
		return "list repositories"
	}
	return "other"
}

// Blob returns the digest of the blob that a call transfers, mounts or asks for. It is empty for
// other calls.
func (e Entry) Blob() string {
	if e.Why.Blob != "" {
		return e.Why.Blob
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	if at := endpoint.ParseEnd(u.Path); at.Kind == endpoint.KindBlob && isDigest(at.Reference) {
		return at.Reference
	}
	query := u.Query()
	for _, name := range []string{"digest", "mount"} {
		if value := query.Get(name); isDigest(value) {
			return value
		}
	}
	return ""
}

func isDigest(text string) bool { return blob.Digest(text).Validate() == nil }
