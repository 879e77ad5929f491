package auth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// registry is what a Transport has learned about one registry.
type registry struct {
	mu          sync.Mutex
	secure      bool      // it has answered over https
	challenge   challenge // the last one, without its scope; zero if not known
	pinged      bool      // GET /v2/ was sent to get the challenge
	tokens      map[account][]token
	knownScopes map[need]Scope
	reported    map[string]bool // hosts of token servers that got credentials and were reported

	credentials   cache[string, Credential] // by repository
	tokenRequests group[tokenRequest, token]
	pings         group[struct{}, challenge]
}

// account is the owner of a token at a token server.
type account struct {
	realm   string
	service string
	cred    Credential
}

// tokenRequest is the key of a token request.
type tokenRequest struct {
	account account
	scope   Scope
}

// need is the scope that a caller wants and the repository of its request. The scope to request can
// differ from it if the token server uses only one of several scopes.
type need struct {
	scope      Scope
	repository string
}

func (r *registry) markSecure() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secure = true
}

func (r *registry) isSecure() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.secure
}

// isNewTokenServer reports whether a token server's host is a new one, and remembers it.
func (r *registry) isNewTokenServer(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reported[host] {
		return false
	}
	if r.reported == nil {
		r.reported = make(map[string]bool)
	}
	r.reported[host] = true
	return true
}

// downgraded reports whether u is plain HTTP although the registry has answered over HTTPS.
func (r *registry) downgraded(u *url.URL) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.secure && u.Scheme != "https"
}

func (r *registry) knownChallenge() challenge {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.challenge
}

// storeChallenge stores a challenge without its scope and error.
func (r *registry) storeChallenge(c challenge) {
	c.scope, c.errorCode = Scope{}, ""
	r.mu.Lock()
	defer r.mu.Unlock()
	r.challenge = c
}

// ping returns the challenge of GET /v2/, for a registry whose 401 had none (gcr.io). It sends the
// request only once.
func (r *registry) ping(ctx context.Context, base http.RoundTripper, at *url.URL, userAgent string) (challenge, error) {
	always := func(struct{}) bool { return true }
	return r.pings.do(ctx, struct{}{}, always, func(ctx context.Context) (challenge, error) {
		if known := r.knownChallenge(); known.scheme != "" || r.hasPinged() {
			return known, nil
		}
		u := &url.URL{Scheme: at.Scheme, Host: at.Host, Path: "/v2/"}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return challenge{}, err
		}
		setUserAgent(req, userAgent)
		resp, err := base.RoundTrip(req)
		if err != nil {
			return challenge{}, err
		}
		defer wire.Drain(resp)
		found, _ := chooseChallenge(resp.Header.Values("Www-Authenticate"), u)
		return r.storePing(found), nil
	})
}

func (r *registry) hasPinged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pinged
}

// storePing stores the challenge of a ping, if it had one, and returns the challenge to use.
func (r *registry) storePing(found challenge) challenge {
	if found.scheme != "" {
		r.storeChallenge(found)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pinged = true
	return r.challenge
}

// credential returns the credential for a repository. It is cached until forgetCredential.
func (r *registry) credential(ctx context.Context, from Credentials, host, repository string) (Credential, error) {
	if from == nil {
		return Credential{}, nil
	}
	return r.credentials.get(ctx, repository, func(ctx context.Context) (Credential, error) {
		return from.Credential(ctx, host, repository)
	})
}

// forgetCredential drops the cached credential if it is still the refused one.
func (r *registry) forgetCredential(from Credentials, host, repository string, refused Credential) {
	current := r.credentials.compareAndDelete(repository, refused)
	if forgetter, ok := from.(Forgetter); ok && current {
		forgetter.Forget(host)
	}
}

// token returns a token that contains the scope: a cached one, or the result of a token request,
// which concurrent callers share.
func (r *registry) token(ctx context.Context, from *tokenServer, cred Credential, scope Scope) (token, error) {
	owner := account{realm: from.realm.String(), service: from.service, cred: cred}
	if cached, ok := r.cachedToken(owner, scope, from.now()); ok {
		return cached, nil
	}
	matches := func(f tokenRequest) bool { return f.account == owner && f.scope.Contains(scope) }
	return r.tokenRequests.do(ctx, tokenRequest{owner, scope}, matches, func(ctx context.Context) (token, error) {
		if cached, ok := r.cachedToken(owner, scope, from.now()); ok {
			return cached, nil // another request has cached it meanwhile
		}
		t, err := from.token(ctx, cred, scope)
		if err == nil {
			r.cacheToken(owner, t)
		}
		return t, err
	})
}

func (r *registry) cachedToken(owner account, scope Scope, now time.Time) (token, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tokens[owner] {
		if now.Before(t.renewAt) && t.scope.Contains(scope) {
			return t, true
		}
	}
	return token{}, false
}

// cacheToken adds t and removes expired tokens and those whose scope t contains.
func (r *registry) cacheToken(owner account, t token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tokens == nil {
		r.tokens = make(map[account][]token)
	}
	rest := slices.DeleteFunc(r.tokens[owner], func(old token) bool {
		return !t.obtained.Before(old.renewAt) || t.scope.Contains(old.scope)
	})
	r.tokens[owner] = append(rest, t)
}

// dropToken removes a token that the registry has refused.
func (r *registry) dropToken(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for owner, list := range r.tokens {
		r.tokens[owner] = slices.DeleteFunc(list, func(t token) bool { return t.value == text })
	}
}

// scopeFor returns the scope to request for n.
func (r *registry) scopeFor(n need) Scope {
	r.mu.Lock()
	defer r.mu.Unlock()
	if scope, ok := r.knownScopes[n]; ok {
		return scope
	}
	return n.scope
}

// rememberScope stores the scope to request for n.
func (r *registry) rememberScope(n need, scope Scope) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.knownScopes == nil {
		r.knownScopes = make(map[need]Scope)
	}
	r.knownScopes[n] = scope
}
