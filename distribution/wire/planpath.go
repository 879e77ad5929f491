package wire

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// endpointKind is what a path below /v2/ is about.
type endpointKind int

const (
	otherEndpoint    endpointKind = iota
	manifestEndpoint              // /v2/<name>/manifests/<reference>
	blobEndpoint                  // /v2/<name>/blobs/<digest>
	uploadEndpoint                // /v2/<name>/blobs/uploads/ and what is below
	tagsEndpoint                  // /v2/<name>/tags/list
)

// endpoint is a path of the registry's API, as far as a Plan tells them apart.
type endpoint struct {
	kind       endpointKind
	repository string
	reference  string // tag, digest or upload session
}

// endpointOf reads the path of a URL. A repository may have components that
// are called as the API's words, so the path is read from its end.
func endpointOf(u *url.URL) endpoint {
	path, ok := strings.CutPrefix(u.Path, "/v2/")
	end := strings.LastIndexByte(path, '/')
	if !ok || end < 0 {
		return endpoint{}
	}
	for _, kind := range []struct {
		suffix string
		kind   endpointKind
	}{{"/blobs/uploads", uploadEndpoint}, {"/blobs", blobEndpoint}, {"/manifests", manifestEndpoint}, {"/tags", tagsEndpoint}} {
		if name, ok := strings.CutSuffix(path[:end], kind.suffix); ok && name != "" {
			return endpoint{kind.kind, name, path[end+1:]}
		}
	}
	return endpoint{}
}

// in returns the content at an endpoint.
func (e endpoint) in(host string) content { return content{host, e.repository, e.reference} }

// leadsFromBlob reports whether a blob's GET has been redirected to req.
func leadsFromBlob(req *http.Request) bool {
	for from := req.Response; from != nil && from.Request != nil; from = from.Request.Response {
		if endpointOf(from.Request.URL).kind == blobEndpoint {
			return true
		}
	}
	return false
}

// isTokenRequest reports whether req is the POST of OAuth2 to a token server
// (RFC 6749, section 6), which is a form. No call of the registry's API is.
func isTokenRequest(req *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return err == nil && req.Method == http.MethodPost && mediaType == "application/x-www-form-urlencoded" &&
		endpointOf(req.URL).kind == otherEndpoint
}

// sessionless is Redact for a URL that may be that of a planned session.
func sessionless(u *url.URL) string {
	at := endpointOf(u)
	if at.kind != uploadEndpoint || at.reference == "" {
		return Redact(u)
	}
	return strings.Replace(Redact(u), "/blobs/uploads/"+at.reference, "/blobs/uploads/{session}", 1)
}
