package auth

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// maxAnswers is how many times a refused request is sent again: with the scope
// that the caller wants, then with the one that the registry wants.
const maxAnswers = 2

// exchange is one request on its way through a Transport.
type exchange struct {
	transport *Transport
	registry  *registry
	request   *http.Request
	host      string
	need      need
	began     time.Time

	asked  []Scope // scopes for which this request has got a new token, or a No
	denied error   // the No, unless another scope brought a token since
}

// authorization is what a request is sent with. The zero value is nothing.
type authorization struct {
	header string // of Authorization
	token  string // the access token in the header, if it is one
	scope  Scope  // what the token is needed for
	answer bool   // it answers a challenge to this very request
	cred   Credential
}

// run sends the request, and sends it again for as long as the registry's
// refusal can be answered with something better.
func (x *exchange) run() (*http.Response, error) {
	a, err := x.prepare()
	if err != nil {
		closeBody(x.request)
		return nil, err
	}
	resp, err := x.send(x.request, a)
	for range maxAnswers {
		if err != nil || !x.unauthorized(resp) {
			break
		}
		next, failed := x.answer(resp, a)
		if failed != nil {
			discard(resp)
			return nil, failed
		}
		if next.header == "" {
			break
		}
		discard(resp)
		a = next
		resp, err = x.resend(a)
	}
	if err != nil {
		return nil, err
	}
	return x.finish(resp, a), nil
}

// prepare finds what to send at once to a registry whose ways are known. When
// its token server says No the request goes out bare all the same, for the
// challenge may be content with less.
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

// unauthorized reports whether resp asks for other authorization: a 401, or the
// 403 by which RFC 6750 (section 3.1) asks for a wider scope.
func (x *exchange) unauthorized(resp *http.Response) bool {
	if resp.StatusCode != http.StatusForbidden {
		return resp.StatusCode == http.StatusUnauthorized
	}
	c, _ := chooseChallenge(resp.Header.Values("Www-Authenticate"), x.request.URL)
	return c.problem == insufficientScope
}

// answer finds a better authorization than a, which the registry has refused.
// It returns none when there is none, and the token server's No when that is
// the reason.
func (x *exchange) answer(resp *http.Response, a authorization) (authorization, error) {
	x.registry.dropToken(a.token)
	c := x.challenge(resp)
	if c.scheme == "" || !replayable(x.request) {
		return authorization{}, nil
	}
	if a.header != "" && a.token == "" {
		x.forget(a.cred) // only another credential can help now
	}
	for _, scope := range x.candidates(c, a) {
		if slices.Contains(x.asked, scope) {
			continue
		}
		next, err := x.authorize(c, scope)
		if denied(err) {
			continue
		}
		if err != nil || next.header == a.header {
			return authorization{}, err
		}
		next.answer = true
		return next, nil
	}
	return authorization{}, x.denied
}

// challenge is the challenge of a refusal. One without a challenge (gcr.io)
// stands for the challenge known from before, or for that of GET /v2/.
func (x *exchange) challenge(resp *http.Response) challenge {
	lines := resp.Header.Values("Www-Authenticate")
	c, ok := chooseChallenge(lines, x.request.URL)
	switch {
	case ok:
		x.registry.keepChallenge(c)
	case len(lines) == 0:
		// An error leaves no challenge, and the caller with the 401.
		c, _ = x.registry.ping(x.request.Context(), x.transport.base(), x.request.URL, x.request.UserAgent())
	}
	return c
}

// candidates are the scopes worth asking for after c refused a, in order. First
// comes what serves the rest of the job as well: what the caller wants together
// with what the registry wants, or the same again if the token was no good.
// Then exactly what the registry wants, for token servers that deny the former,
// or heed only a part of it.
func (x *exchange) candidates(c challenge, a authorization) []Scope {
	var scopes []Scope
	switch {
	case a.token == "":
		scopes = append(scopes, x.registry.scopeFor(x.need).Union(c.scope))
	case c.problem == invalidToken || c.scope.Empty():
		scopes = append(scopes, a.scope)
	case !a.scope.Contains(c.scope):
		scopes = append(scopes, a.scope.Union(c.scope))
	}
	if !c.scope.Empty() {
		scopes = append(scopes, c.scope)
	}
	return scopes
}

// authorize makes an authorization for the scope. When the token server denies
// it, the credential may have been a short-lived one, and is looked up again.
func (x *exchange) authorize(c challenge, scope Scope) (authorization, error) {
	cred, err := x.credential()
	if err != nil {
		return authorization{}, err
	}
	a, err := x.present(c, cred, scope)
	if denied(err) {
		x.forget(cred)
		again, failed := x.credential()
		if failed == nil && again != cred {
			a, err = x.present(c, again, scope)
		}
	}
	x.denied = nil
	if denied(err) {
		x.asked = append(x.asked, scope)
		x.denied = err
	}
	return a, err
}

// present puts a credential into the form that the challenge asks for. It
// returns nothing when the credential does not have it.
func (x *exchange) present(c challenge, cred Credential, scope Scope) (authorization, error) {
	a := authorization{scope: scope, cred: cred}
	switch {
	case cred.RegistryToken != "":
		a.header = "Bearer " + cred.RegistryToken
	case c.scheme == schemeBasic && cred.Username != "":
		a.header = cred.basic()
	case c.realm != nil:
		t, err := x.registry.token(x.request.Context(), x.server(c), cred, scope)
		if err != nil {
			return authorization{}, err
		}
		if !t.obtained.Before(x.began) {
			x.asked = append(x.asked, t.scope)
		}
		a.token, a.header = t.text, "Bearer "+t.text
	}
	return a, nil
}

func (x *exchange) server(c challenge) *tokenServer {
	return &tokenServer{
		client:   &http.Client{Transport: x.transport.base(), CheckRedirect: followOnHost},
		host:     x.host,
		registry: x.request.URL,
		realm:    c.realm,
		service:  c.service,
		agent:    x.request.UserAgent(),
		now:      x.transport.now,
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

// finish draws the lesson from the last response and makes it fit to be handed
// out.
func (x *exchange) finish(resp *http.Response, a authorization) *http.Response {
	refused := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
	resp.Request = resp.Request.Clone(withSent(resp.Request.Context(), a))
	resp.Request.Header.Del("Authorization")
	switch {
	case refused:
		resp.Request = resp.Request.WithContext(withRefusal(resp.Request.Context(), x.refusal(resp, a)))
		if x.unauthorized(resp) {
			x.registry.dropToken(a.token)
		}
	case a.answer && a.token != "" && a.scope != x.need.scope:
		x.registry.learn(x.need, a.scope)
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
