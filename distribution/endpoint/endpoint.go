// Package endpoint builds and parses the paths of the OCI Distribution API, and numbers them as the
// specification does. Start from [Parse], or from a constructor such as [Manifest]. The client, the
// embedded registry and all readers of recorded calls use it, so that they cannot disagree about a
// path.
//
// A repository may be named like the API's words: a/blobs/b, a/tags/list, uploads. So a path is
// parsed from its end, where these words have fixed positions.
package endpoint

import "strings"

// Kind is the kind of a path.
type Kind int

// The kinds. Paths are those of distribution-spec, "Endpoints", and the catalog of CNCF
// distribution ("Listing Repositories").
const (
	KindNone      Kind = iota // not a path of the API
	KindBase                  // /v2/
	KindCatalog               // /v2/_catalog
	KindManifest              // /v2/<name>/manifests/<reference>
	KindBlob                  // /v2/<name>/blobs/<digest>
	KindUploads               // /v2/<name>/blobs/uploads/
	KindSession               // /v2/<name>/blobs/uploads/<session>
	KindTags                  // /v2/<name>/tags/list
	KindReferrers             // /v2/<name>/referrers/<digest>
)

// Path is a path of the API.
type Path struct {
	Kind       Kind
	Repository string // its name; empty for KindNone, KindBase and KindCatalog
	Reference  string // a tag, a digest, or the identifier of an upload session
}

// Base is the path that shows whether a host is a registry.
func Base() Path { return Path{Kind: KindBase} }

// Catalog is the path that lists repositories.
func Catalog() Path { return Path{Kind: KindCatalog} }

// Manifest is the path of a manifest, by tag or digest.
func Manifest(repository, reference string) Path {
	return Path{KindManifest, repository, reference}
}

// Blob is the path of a blob.
func Blob(repository, digest string) Path { return Path{KindBlob, repository, digest} }

// Uploads is the path that opens upload sessions.
func Uploads(repository string) Path { return Path{Kind: KindUploads, Repository: repository} }

// Session is the path of an upload session in most registries. The specification does not define
// it: a client must use the Location that the registry sent.
func Session(repository, id string) Path { return Path{KindSession, repository, id} }

// Tags is the path that lists tags.
func Tags(repository string) Path { return Path{Kind: KindTags, Repository: repository} }

// Referrers is the path that lists the manifests whose subject is a digest.
func Referrers(repository, digest string) Path { return Path{KindReferrers, repository, digest} }

// String returns the path without escapes, as in [net/url.URL.Path]. It is empty for KindNone.
func (p Path) String() string {
	switch p.Kind {
	case KindBase:
		return "/v2/"
	case KindCatalog:
		return "/v2/_catalog"
	case KindManifest:
		return "/v2/" + p.Repository + "/manifests/" + p.Reference
	case KindBlob:
		return "/v2/" + p.Repository + "/blobs/" + p.Reference
	case KindUploads, KindSession:
		return "/v2/" + p.Repository + "/blobs/uploads/" + p.Reference
	case KindTags:
		return "/v2/" + p.Repository + "/tags/list"
	case KindReferrers:
		return "/v2/" + p.Repository + "/referrers/" + p.Reference
	}
	return ""
}

// Parse parses a path without escapes, such as [net/url.URL.Path]. It returns the zero Path if that
// is not a path of the API. It does not validate names and references. The slash at the end of
// KindBase and KindUploads may be missing.
func Parse(path string) Path {
	rest, ok := strings.CutPrefix(path, "/v2/")
	switch {
	case path == "/v2" || ok && rest == "":
		return Base()
	case !ok:
		return Path{}
	case rest == "_catalog":
		return Catalog()
	}
	if p := parseEnd(rest); p.Repository != "" {
		return p
	}
	return Path{}
}

// ParseEnd is Parse for a path on any host: all that precedes the API's words is the Repository.
// Storage hosts have such paths (GHCR: /ghcr1/blobs/<digest>), and registries that send Locations
// below a prefix. It knows neither /v2/ nor the catalog, which have no such words.
func ParseEnd(path string) Path { return parseEnd(strings.TrimPrefix(path, "/")) }

func parseEnd(path string) Path {
	if name, ok := strings.CutSuffix(path, "/blobs/uploads"); ok {
		return Uploads(name)
	}
	above, last := cutLast(path)
	name, word := cutLast(above)
	switch word {
	case "uploads":
		name, ok := strings.CutSuffix(name, "/blobs")
		switch {
		case !ok:
			return Path{}
		case last == "":
			return Uploads(name)
		}
		return Session(name, last)
	case "manifests":
		return Manifest(name, last)
	case "blobs":
		return Blob(name, last)
	case "referrers":
		return Referrers(name, last)
	case "tags":
		if last == "list" {
			return Tags(name)
		}
	}
	return Path{}
}

// cutLast splits at the last slash.
func cutLast(s string) (before, after string) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

// ReplaceSession replaces the identifier of the upload session in a URL or path by mark. Any other
// URL it returns unchanged.
func ReplaceSession(url, mark string) string {
	path, _, _ := strings.Cut(url, "?")
	p := ParseEnd(path)
	if p.Kind != KindSession {
		return url
	}
	return strings.TrimSuffix(path, p.Reference) + mark + url[len(path):]
}
