package registry

import (
	"context"
	"net/http"
	"strconv"
)

// Basic stands in front of a registry and lets only those through who have a password (RFC 7617).
type Basic struct {
	// Handler is the registry.
	Handler http.Handler
	// Realm is what users are told that the password is for.
	Realm string
	// Check tells whether a user has that password.
	Check func(ctx context.Context, user, password string) bool
}

// ServeHTTP implements http.Handler. Whoever has no right password gets 401 with the code UNAUTHORIZED (distribution-spec,
// "Error Codes"), whatever the path, so that nobody learns what there is.
func (b *Basic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, given := r.BasicAuth()
	if given && b.Check(r.Context(), user, password) {
		b.Handler.ServeHTTP(w, r)
		return
	}
	err := &apiError{status: http.StatusUnauthorized, code: codeUnauthorized, message: "authentication required"}
	if given {
		err.message = "the user name or the password is wrong"
	}
	w.Header().Set("WWW-Authenticate", "Basic realm="+strconv.Quote(b.Realm))
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	writeJSON(w, err.status, err.body())
}
