package auth

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// maxRetries is how many times a refused request is sent again: with the scope of the caller, then
// with that of the challenge.
const maxRetries = 2

// exchange is one RoundTrip: it sends a request and answers its challenges.
type exchange struct {
	transport *Transport
	registry  *registry
	request   *http.Request
	host      string
	need      need
	started   time.Time

	triedScopes []Scope // scopes for which a new token was requested
	denied      error   // the token server's last refusal; nil once another scope got a token
}

// authorization is how a request is authorized. The zero value means not at all.
type authorization struct {
	header           string // of Authorization
	token            string // the access token in the header, if it is one
	scope            Scope  // what the token is needed for
	answersChallenge bool   // it answers a challenge to this very request
	cred             Credential
}

// run sends the request, and sends it again while there is a better authorization than the refused
// one.
func (x *exchange) run() (*http.Response, error) {
	a, err := x.prepare()
	if err != nil {
		wire.CloseBody(x.request)
		return nil, err
	}
	resp, err := x.send(x.request, a)
	for range maxRetries {
		if err != nil || !x.asksForAuthorization(resp) {
			break
		}
		next, answerErr := x.answerChallenge(resp, a)
		if answerErr != nil {
			wire.Drain(resp)
			return nil, answerErr
		}
		if next.header == "" {
			break
		}
		wire.Drain(resp)
		a = next
		resp, err = x.resend(a)
	}
	if err != nil {
		return nil, err
	}
	return x.finish(resp, a), nil
}

// prepare returns the authorization for the first attempt, which is none if the registry's
// challenge is not known yet. If the token server refuses the scope the request is sent without
// authorization, since the challenge may name a smaller scope.
func (x *exchange) prepare() (authorization, error) {
	known := x.registry.knownChallenge()
	if known.scheme == "" {
		return authorization{}, nil
	}
	a, err := x.authorize(known, x.registry.scopeFor(x.need))
	if denied(err) && replayable(x.request) {
		return authorization{}, nil
	}
	return a, err
}

func (x *exchange) send(req *http.Request, a authorization) (*http.Response, error) {
	if a.header != "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", a.header)
	}
	resp, err := x.transport.base().RoundTrip(req)
	if err != nil {
		return nil, redactError(err, a.redact)
	}
	if resp.Request == nil {
		resp.Request = req
	}
	if resp.Request.URL.Scheme == "https" {
		x.registry.markSecure()
	}
	return resp, nil
}

func (x *exchange) resend(a authorization) (*http.Response, error) {
	req := x.request.Clone(x.request.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, fmt.Errorf("%s: sending the body again: %w", x.host, err)
		}
		req.Body = body
	}
	return x.send(req, a)
}

// asksForAuthorization reports whether resp asks for another authorization. It is a 401, or a 403
// that asks for a wider scope (RFC 6750, section 3.1).
func (x *exchange) asksForAuthorization(resp *http.Response) bool {
	if resp.StatusCode != http.StatusForbidden {
		return resp.StatusCode == http.StatusUnauthorized
	}
	c, _ := chooseChallenge(resp.Header.Values("Www-Authenticate"), x.request.URL)
	return c.errorCode == insufficientScope
}

// answerChallenge returns a better authorization than a, which the registry has refused. If there
// is none it returns the zero value, and the token server's refusal if that is the reason.
func (x *exchange) answerChallenge(resp *http.Response, a authorization) (authorization, error) {
	x.registry.dropToken(a.token)
	c := x.challenge(resp)
	if c.scheme == "" || !replayable(x.request) {
		return authorization{}, nil
	}
	if a.header != "" && a.token == "" {
		x.forget(a.cred) // only another credential can help now
	}
	for _, scope := range x.candidateScopes(c, a) {
		if slices.Contains(x.triedScopes, scope) {
			continue
		}
		next, err := x.authorize(c, scope)
		if denied(err) {
			continue
		}
		if err != nil || next.header == a.header {
			return authorization{}, err
		}
		next.answersChallenge = true
		return next, nil
	}
	return authorization{}, x.denied
}

// challenge returns the challenge of a refusal. If it has none (gcr.io) the challenge is the one
// known before or that of GET /v2/.
func (x *exchange) challenge(resp *http.Response) challenge {
	lines := resp.Header.Values("Www-Authenticate")
	c, ok := chooseChallenge(lines, x.request.URL)
	switch {
	case ok:
		x.registry.storeChallenge(c)
	case len(lines) == 0:
		// After an error there is no challenge, and the caller gets the 401.
		c, _ = x.registry.ping(x.request.Context(), x.transport.base(), x.request.URL, x.request.UserAgent())
	}
	return c
}

// candidateScopes returns the scopes to try, in order, after a was refused with challenge c. The
// first is the scope that serves the caller's other requests too: that of the caller and of the
// challenge together, or the same scope again if the token was invalid. The second is exactly that
// of the challenge, for token servers that refuse the first or use only a part of it.
func (x *exchange) candidateScopes(c challenge, a authorization) []Scope {
	var scopes []Scope
	switch {
	case a.token == "":
		scopes = append(scopes, x.registry.scopeFor(x.need).Union(c.scope))
	case c.errorCode == invalidToken || c.scope.Empty():
		scopes = append(scopes, a.scope)
	case !a.scope.Contains(c.scope):
		scopes = append(scopes, a.scope.Union(c.scope))
	}
	if !c.scope.Empty() {
		scopes = append(scopes, c.scope)
	}
	return scopes
}

// authorize returns an authorization for the scope. If the token server refuses it the credential
// is looked up again, since it may have been a short-lived one.
func (x *exchange) authorize(c challenge, scope Scope) (authorization, error) {
	cred, err := x.credential()
	if err != nil {
		return authorization{}, err
	}
	a, err := x.authorizationFor(c, cred, scope)
	if denied(err) {
		x.forget(cred)
		renewed, credErr := x.credential()
		if credErr == nil && renewed != cred {
			a, err = x.authorizationFor(c, renewed, scope)
		}
	}
	x.denied = nil
	if denied(err) {
		x.triedScopes = append(x.triedScopes, scope)
		x.denied = err
	}
	return a, err
}

// authorizationFor returns the authorization that the challenge asks for. It returns the zero value
// if the credential has no secret of that kind.
func (x *exchange) authorizationFor(c challenge, cred Credential, scope Scope) (authorization, error) {
	a := authorization{scope: scope, cred: cred}
	switch {
	case cred.RegistryToken != "":
		a.header = "Bearer " + cred.RegistryToken
	case c.scheme == schemeBasic && cred.Username != "":
		a.header = cred.basicHeader()
	case c.realm != nil:
		t, err := x.registry.token(x.request.Context(), x.tokenServer(c), cred, scope)
		if err != nil {
			return authorization{}, err
		}
		if !t.obtained.Before(x.started) {
			x.triedScopes = append(x.triedScopes, t.scope)
		}
		a.token, a.header = t.value, "Bearer "+t.value
	}
	return a, nil
}

func (x *exchange) tokenServer(c challenge) *tokenServer {
	return &tokenServer{
		client:    &http.Client{Transport: x.transport.base(), CheckRedirect: followSameHost},
		host:      x.host,
		registry:  x.registryURL(),
		realm:     c.realm,
		service:   c.service,
		userAgent: x.request.UserAgent(),
		now:       x.transport.now,
		onSend:    x.reportTokenServer,
	}
}

// registryURL returns the request's URL with the scheme that the registry answered in. Base may use
// plain HTTP for an https URL, such as that of a registry on loopback.
func (x *exchange) registryURL() *url.URL {
	u := *x.request.URL
	if !x.registry.isSecure() {
		u.Scheme = "http"
	}
	return &u
}

// reportTokenServer reports that credentials are about to be sent to a token server, if it is on
// another host than the registry and for the first time.
func (x *exchange) reportTokenServer(realm *url.URL) {
	host := canonicalHost(realm.Scheme, realm.Host)
	if x.transport.OnTokenServer == nil || host == canonicalHost(x.request.URL.Scheme, x.request.URL.Host) {
		return
	}
	if x.registry.isNewTokenServer(host) {
		x.transport.OnTokenServer(x.host, displayURL(realm))
	}
}

func (x *exchange) credential() (Credential, error) {
	cred, err := x.registry.credential(x.request.Context(), x.transport.Credentials, x.host, x.need.repository)
	if err != nil {
		return Credential{}, &CredentialsError{x.host, err}
	}
	return cred, nil
}

func (x *exchange) forget(refused Credential) {
	x.registry.forgetCredential(x.transport.Credentials, x.host, x.need.repository, refused)
}

// finish prepares the last response for the caller and remembers which token or scope failed or
// worked.
func (x *exchange) finish(resp *http.Response, a authorization) *http.Response {
	refused := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	resp.Request = resp.Request.Clone(withSent(resp.Request.Context(), a))
	resp.Request.Header.Del("Authorization")
	switch {
	case refused:
		resp.Request = resp.Request.WithContext(withRefusal(resp.Request.Context(), x.refusal(resp, a)))
		if x.asksForAuthorization(resp) {
			x.registry.dropToken(a.token)
		}
	case a.answersChallenge && a.token != "" && a.scope != x.need.scope:
		x.registry.rememberScope(x.need, a.scope)
	}
	return resp
}

func (x *exchange) refusal(resp *http.Response, a authorization) *Error {
	return &Error{
		Host:   x.host,
		Scope:  a.scope,
		Status: resp.StatusCode,
		User:   a.cred.user(),
		Source: a.cred.Source,
	}
}
