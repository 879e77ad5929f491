package wire

import (
	"mime"
	"net/http"

	"github.com/hczjl/transship/distribution/endpoint"
)

// contentAt returns the content at a path of a host.
func contentAt(host string, at endpoint.Path) content {
	return content{host, at.Repository, at.Reference}
}

// blobOf returns the blob that req, or the call that was redirected to it, asks for.
func blobOf(req *http.Request) (what content, ok bool) {
	for {
		if at := endpoint.Parse(req.URL.Path); at.Kind == endpoint.KindBlob {
			return contentAt(req.URL.Host, at), true
		}
		if req.Response == nil || req.Response.Request == nil {
			return content{}, false
		}
		req = req.Response.Request
	}
}

// isTokenRequest reports whether req is the POST of OAuth2 to a token server (RFC 6749, section 6),
// which is a form. No call of the registry's API is a form.
func isTokenRequest(req *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return err == nil && req.Method == http.MethodPost && mediaType == "application/x-www-form-urlencoded" &&
		endpoint.Parse(req.URL.Path).Kind == endpoint.KindNone
}
