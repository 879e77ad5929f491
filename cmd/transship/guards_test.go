package main

import (
	"fmt"
	"net/http"
	"strings"
)

// The account that requirePassword and tokenRegistry accept.
const (
	user     = "user"
	password = "password-" + secret
)

// requirePassword answers 401 to requests without the credentials of user.
func requirePassword(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, pass, _ := r.BasicAuth(); name != user || pass != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`,
				http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// tokenRegistry is a registry with a token server. The server gives tokens to user and, if public
// is set, pull tokens to anonymous clients.
type tokenRegistry struct {
	next    http.Handler
	public  bool
	expired bool // it refuses every token that it has issued
}

// ServeHTTP implements http.Handler.
func (h *tokenRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		h.serveToken(w, r)
		return
	}
	may := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer token-"+secret+"-")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !h.expired && (may == "push" || may == "pull" && reads) {
		h.next.ServeHTTP(w, r)
		return
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="registry"%s`, r.Host,
		h.challenge(r)))
	http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
}

// challenge returns the scope and error parameters of WWW-Authenticate for a request.
func (h *tokenRegistry) challenge(r *http.Request) string {
	text := ""
	if name, _, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/manifests/"); ok {
		text = fmt.Sprintf(`,scope="repository:%s:pull"`, name)
	}
	if r.Header.Get("Authorization") != "" {
		text += `,error="invalid_token"`
	}
	return text
}

func (h *tokenRegistry) serveToken(w http.ResponseWriter, r *http.Request) {
	name, pass, given := r.BasicAuth()
	switch {
	case name == user && pass == password:
		fmt.Fprintf(w, `{"token":"token-%s-push","expires_in":300}`, secret)
	case !given && h.public:
		fmt.Fprintf(w, `{"token":"token-%s-pull","expires_in":300}`, secret)
	default:
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"details":"incorrect username or password"}`)
	}
}
