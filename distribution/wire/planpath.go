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

// leadsFromBlob reports whether the GET of a blob was redirected to req.
func leadsFromBlob(req *http.Request) bool {
	for from := req.Response; from != nil && from.Request != nil; from = from.Request.Response {
		if endpoint.Parse(from.Request.URL.Path).Kind == endpoint.KindBlob {
			return true
		}
	}
	return false
}

// isTokenRequest reports whether req is the POST of OAuth2 to a token server (RFC 6749, section 6),
// which is a form. No call of the registry's API is a form.
func isTokenRequest(req *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return err == nil && req.Method == http.MethodPost && mediaType == "application/x-www-form-urlencoded" &&
		endpoint.Parse(req.URL.Path).Kind == endpoint.KindNone
}
