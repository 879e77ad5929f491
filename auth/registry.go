package auth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// registry is what a Transport has learned about one registry.
type registry struct {
	mu        sync.Mutex
	secure    bool      // it has answered over https
	challenge challenge // how it wants to be authenticated; zero: not known
	pinged    bool      // GET /v2/ has been asked for the challenge
	tokens    map[account][]token
	learned   map[need]Scope

	credentials cache[string, Credential] // by repository
	fetches     group[fetch, token]
	pings       group[struct{}, challenge]
}

// account is who a token is for, and where.
type account struct {
	realm   string
	service string
	cred    Credential
}

// fetch is one token request.
type fetch struct {
	account account
	scope   Scope
}

// need is what a caller wanted, and for which repository's URLs. What has to be
// asked for to get it can differ, on a token server that heeds one scope only.
type need struct {
	scope      Scope
	repository string
}

func (r *registry) markSecure() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secure = true
}

// downgraded reports whether a request to u would send in the clear what the
// registry takes over https.
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

// keepChallenge remembers how to authenticate, but not what for.
func (r *registry) keepChallenge(c challenge) {
	c.scope, c.problem = Scope{}, ""
	r.mu.Lock()
	defer r.mu.Unlock()
	r.challenge = c
}

// ping gets the challenge of GET /v2/ for a registry whose 401 had none
// (gcr.io). It is asked once.
func (r *registry) ping(ctx context.Context, base http.RoundTripper, at *url.URL, agent string) (challenge, error) {
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
		setAgent(req, agent)
		resp, err := base.RoundTrip(req)
		if err != nil {
			return challenge{}, err
		}
		defer discard(resp)
		found, _ := chooseChallenge(resp.Header.Values("Www-Authenticate"), u)
		return r.keepPing(found), nil
	})
}

func (r *registry) hasPinged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pinged
}

// keepPing remembers the answer to a ping and returns the challenge to use.
func (r *registry) keepPing(found challenge) challenge {
	if found.scheme != "" {
		r.keepChallenge(found)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pinged = true
	return r.challenge
}

// credential looks up the credential for a repository, once until forget.
func (r *registry) credential(ctx context.Context, from Credentials, host, repository string) (Credential, error) {
	if from == nil {
		return Credential{}, nil
	}
	return r.credentials.get(ctx, repository, func(ctx context.Context) (Credential, error) {
		return from.Credential(ctx, host, repository)
	})
}

// forgetCredential makes the next lookup ask anew, if the credential is still
// the refused one.
func (r *registry) forgetCredential(from Credentials, host, repository string, refused Credential) {
	current := r.credentials.forget(repository, refused)
	if forgetter, ok := from.(Forgetter); ok && current {
		forgetter.Forget(host)
	}
}

// token returns a token that serves the scope: a kept one, or else a new one,
// for which those who need it at the same time wait together.
func (r *registry) token(ctx context.Context, from *tokenServer, cred Credential, scope Scope) (token, error) {
	who := account{realm: from.realm.String(), service: from.service, cred: cred}
	if kept, ok := r.keptToken(who, scope, from.now()); ok {
		return kept, nil
	}
	serves := func(f fetch) bool { return f.account == who && f.scope.Contains(scope) }
	return r.fetches.do(ctx, fetch{who, scope}, serves, func(ctx context.Context) (token, error) {
		if kept, ok := r.keptToken(who, scope, from.now()); ok {
			return kept, nil // it came between the look above and this one
		}
		t, err := from.token(ctx, cred, scope)
		if err == nil {
			r.keepToken(who, t)
		}
		return t, err
	})
}

func (r *registry) keptToken(who account, scope Scope, now time.Time) (token, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tokens[who] {
		if now.Before(t.renew) && t.scope.Contains(scope) {
			return t, true
		}
	}
	return token{}, false
}

// keepToken puts t in the place of the tokens that it makes superfluous.
func (r *registry) keepToken(who account, t token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tokens == nil {
		r.tokens = make(map[account][]token)
	}
	rest := slices.DeleteFunc(r.tokens[who], func(old token) bool {
		return !t.obtained.Before(old.renew) || t.scope.Contains(old.scope)
	})
	r.tokens[who] = append(rest, t)
}

// dropToken forgets a token that the registry has refused.
func (r *registry) dropToken(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for who, list := range r.tokens {
		r.tokens[who] = slices.DeleteFunc(list, func(t token) bool { return t.text == text })
	}
}

// scopeFor is what to ask for so as to satisfy n.
func (r *registry) scopeFor(n need) Scope {
	r.mu.Lock()
	defer r.mu.Unlock()
	if scope, ok := r.learned[n]; ok {
		return scope
	}
	return n.scope
}

// learn remembers that asking for scope is what satisfies n.
func (r *registry) learn(n need, scope Scope) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.learned == nil {
		r.learned = make(map[need]Scope)
	}
	r.learned[n] = scope
}
