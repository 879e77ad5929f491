package registry

import (
	"context"
	"net/http"
	"strconv"
)

// Basic requires HTTP Basic authentication (RFC 7617) for every request to another handler.
type Basic struct {
	// Handler serves the authenticated requests.
	Handler http.Handler
	// Realm is the realm of the challenge. Clients show it to users.
	Realm string
	// Check reports whether the password is the user's.
	Check func(ctx context.Context, user, password string) bool
}

// ServeHTTP implements http.Handler. A request without valid credentials gets 401 with the code
// UNAUTHORIZED (distribution-spec, "Error Codes") whatever its path, so that the response does not
// show what exists.
func (b *Basic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, given := r.BasicAuth()
	if given && b.Check(r.Context(), user, password) {
		b.Handler.ServeHTTP(w, withUser(r, user))
		return
	}
	err := newError(http.StatusUnauthorized, codeUnauthorized, "authentication required")
	if given {
		err.message = "the user name or the password is wrong"
	}
	w.Header().Set("WWW-Authenticate", "Basic realm="+strconv.Quote(b.Realm))
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	writeJSON(w, err.status, err.body())
}
