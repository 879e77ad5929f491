package registry

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/hczjl/transship/distribution/endpoint"
)

// Basic requires HTTP Basic authentication (RFC 7617) for requests to another handler. Do not copy
// it.
type Basic struct {
	// Handler serves the requests that are allowed.
	Handler http.Handler
	// Realm is the realm of the challenge. Clients show it to users.
	Realm string
	// Check reports whether the password is the user's.
	Check func(ctx context.Context, user, password string) bool
	// AnonymousPull serves GET and HEAD without credentials too. Since docker and podman only send a
	// password to a registry whose answer to /v2/ asks for one, and then do not pull without one, it
	// makes Basic a token server too: /v2/ asks for a token, which clients get with a password or
	// without (CNCF distribution, "Token Authentication Specification").
	AnonymousPull bool
	// MayPush reports whether a user may push and delete. If it is nil every user may.
	MayPush func(user string) bool

	tokens tokens
}

// ServeHTTP implements http.Handler. A request without valid credentials gets 401 with the code
// UNAUTHORIZED (distribution-spec, "Error Codes") whatever its path, so that the response does not
// show what exists. A user who may not do it gets 403 with the code DENIED.
func (b *Basic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.AnonymousPull && r.URL.Path == tokenPath {
		b.serveToken(w, r)
		return
	}
	user, err := b.user(r)
	switch {
	case err != nil:
	case user == "" && !b.isAnonymous(r):
		err = newError(http.StatusUnauthorized, codeUnauthorized, "authentication required")
	case user != "" && !isRead(r) && b.MayPush != nil && !b.MayPush(user):
		err = newError(http.StatusForbidden, codeDenied, "user "+quote(user)+" may only pull")
	}
	if err != nil {
		b.refuse(w, r, err)
		return
	}
	if user != "" {
		r = withUser(r, user)
	}
	b.Handler.ServeHTTP(w, r)
}

// user returns whose credentials a request has, "" if it has none.
func (b *Basic) user(r *http.Request) (string, *apiError) {
	token, given := bearerToken(r)
	if !b.AnonymousPull || !given {
		return b.passwordUser(r)
	}
	user, valid := b.tokens.user(token)
	if !valid {
		return "", newError(http.StatusUnauthorized, codeUnauthorized, "the token is not valid, or not any more")
	}
	return user, nil
}

// bearerToken returns the token of a request (RFC 6750, section 2.1).
func bearerToken(r *http.Request) (token string, given bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return token, strings.EqualFold(scheme, "Bearer")
}

// passwordUser returns whose password a request has, "" if it has none.
func (b *Basic) passwordUser(r *http.Request) (string, *apiError) {
	user, password, given := r.BasicAuth()
	if given && !b.Check(r.Context(), user, password) {
		return "", newError(http.StatusUnauthorized, codeUnauthorized, "the user name or the password is wrong")
	}
	return user, nil
}

// isAnonymous reports whether a request is served without a user. /v2/ is only with a token, so that
// clients learn that there are tokens.
func (b *Basic) isAnonymous(r *http.Request) bool {
	asksForTokens := endpoint.Parse(r.URL.Path).Kind == endpoint.KindBase && r.Header.Get("Authorization") == ""
	return b.AnonymousPull && isRead(r) && !asksForTokens
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// refuse sends an error, and how to authenticate if that is what is missing.
func (b *Basic) refuse(w http.ResponseWriter, r *http.Request, err *apiError) {
	challenge := "Basic realm=" + strconv.Quote(b.Realm)
	if b.AnonymousPull && r.URL.Path != tokenPath {
		challenge = b.bearerChallenge(r)
	}
	if err.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	writeJSON(w, err.status, err.body())
}

// bearerChallenge asks for a token of this server, and says what is wrong with the one that came (RFC
// 6750, section 3): without that docker tries a push again for a minute. Tokens are good for all
// repositories; the scope is for clients that keep one for each.
func (b *Basic) bearerChallenge(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" { // set by a proxy that ends TLS
		scheme = "https"
	}
	challenge := "Bearer realm=" + strconv.Quote(scheme+"://"+r.Host+tokenPath) + ",service=" + strconv.Quote(r.Host)
	if repository := endpoint.Parse(r.URL.Path).Repository; repository != "" {
		action := "pull"
		if !isRead(r) {
			action = "pull,push"
		}
		challenge += ",scope=" + strconv.Quote("repository:"+repository+":"+action)
	}
	if token, given := bearerToken(r); given {
		reason := "invalid_token"
		if _, valid := b.tokens.user(token); valid {
			reason = "insufficient_scope"
		}
		challenge += ",error=" + strconv.Quote(reason)
	}
	return challenge
}
