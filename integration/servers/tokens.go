package servers

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// issuer and leeway are what a registry with token authentication expects: the name in each token, and for how long
// distribution accepts one after its end (registry/auth/token, Leeway).
const (
	issuer = "transship test tokens"
	leeway = 60 * time.Second
)

// TokenOptions say what a token server grants. Users get what they ask for.
type TokenOptions struct {
	Users         map[string]string // name to password
	Anonymous     []string          // actions that anybody gets on every repository, such as pull
	Lifetime      time.Duration     // of an access token; 5 minutes if 0
	OAuth2        bool              // answer POST (spec/auth/oauth); without it POST gives 404
	RefreshTokens bool              // hand out refresh tokens (docker calls them identity tokens) on request
}

// TokenServer issues the tokens of a registry's bearer authentication (distribution spec/auth/token and spec/auth/oauth):
// JWTs signed with ES256, with the certificate in x5c, which the registry verifies.
type TokenServer struct {
	Realm   string // the URL to ask for tokens
	Service string // the service that registries name in their challenge

	options  TokenOptions
	key      *identity
	certFile string // PEM, what the registry trusts

	mu       sync.Mutex
	requests []TokenRequest
	refresh  map[string]string // refresh token to user
}

// TokenRequest is a request that a token server has answered.
type TokenRequest struct {
	Method string
	User   string     // of Basic authentication or the form's username; empty for anonymous
	Scopes []string   // one for each resource, in the order asked
	Params url.Values // everything in the query or form, password included
	Status int
}

// Tokens starts a token server.
func Tokens(t testing.TB, o TokenOptions) *TokenServer {
	t.Helper()
	if o.Lifetime == 0 {
		o.Lifetime = 5 * time.Minute
	}
	s := &TokenServer{
		Service:  "transship test registry",
		options:  o,
		key:      newIdentity(t, issuer, nil),
		certFile: filepath.Join(t.TempDir(), "tokens.crt"),
		refresh:  map[string]string{},
	}
	writePEM(t, s.certFile, "CERTIFICATE", s.key.cert.Raw)
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.Realm = server.URL + "/token"
	return s
}

// Requests lists what clients have asked since the start or the last ForgetRequests.
func (s *TokenServer) Requests() []TokenRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ForgetRequests makes Requests begin anew.
func (s *TokenServer) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// RefreshToken issues a refresh token for a user, as a login would have done.
func (s *TokenServer) RefreshToken(user string) string {
	token := rawToken()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refresh[token] = user
	return token
}

// tokenReply is an answer of the token endpoint. GET has both names of the token, POST access_token only.
type tokenReply struct {
	Token        string    `json:"token,omitempty"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token,omitempty"`
	ExpiresIn    int       `json:"expires_in"`
	IssuedAt     time.Time `json:"issued_at"`
	Scope        string    `json:"scope,omitempty"`
}

func (s *TokenServer) serve(w http.ResponseWriter, req *http.Request) {
	_ = req.ParseForm() // what cannot be read is missing below
	asked := TokenRequest{Method: req.Method, Params: req.Form, Scopes: scopesOf(req.Form["scope"])}
	var reply tokenReply
	switch {
	case req.URL.Path != "/token":
		asked.Status = http.StatusNotFound
	case req.Method == http.MethodGet:
		reply, asked = s.get(req, asked)
	case req.Method == http.MethodPost && s.options.OAuth2:
		reply, asked = s.post(req, asked)
	default:
		asked.Status = http.StatusNotFound
	}
	s.record(asked)
	answer(w, asked.Status, reply)
}

func (s *TokenServer) record(asked TokenRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, asked)
}

func answer(w http.ResponseWriter, status int, reply tokenReply) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if status == http.StatusOK {
		_ = json.NewEncoder(w).Encode(reply)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
}

// get answers GET as spec/auth/token says: who asks is in Basic authentication.
func (s *TokenServer) get(req *http.Request, asked TokenRequest) (tokenReply, TokenRequest) {
	user, password, _ := req.BasicAuth()
	asked.User = user
	if asked.Status = http.StatusOK; user != "" && !s.knows(user, password) {
		asked.Status = http.StatusUnauthorized
		return tokenReply{}, asked
	}
	reply := s.issue(user, asked.Scopes, s.options.Lifetime)
	reply.Token = reply.AccessToken
	if s.options.RefreshTokens && user != "" && req.Form.Get("offline_token") == "true" {
		reply.RefreshToken = s.RefreshToken(user)
	}
	return reply, asked
}

// post answers POST as spec/auth/oauth says: who asks is in the form.
func (s *TokenServer) post(req *http.Request, asked TokenRequest) (tokenReply, TokenRequest) {
	form := req.PostForm
	ok := false
	switch form.Get("grant_type") {
	case "password":
		asked.User = form.Get("username")
		ok = s.knows(asked.User, form.Get("password"))
	case "refresh_token":
		asked.User, ok = s.owner(form.Get("refresh_token"))
	}
	if !ok {
		asked.Status = http.StatusUnauthorized
		return tokenReply{}, asked
	}
	asked.Status = http.StatusOK
	reply := s.issue(asked.User, asked.Scopes, s.options.Lifetime)
	reply.Scope = strings.Join(asked.Scopes, " ")
	if s.options.RefreshTokens && form.Get("access_type") == "offline" {
		reply.RefreshToken = s.RefreshToken(asked.User)
	}
	return reply, asked
}

func (s *TokenServer) knows(user, password string) bool {
	want, ok := s.options.Users[user]
	return ok && want == password
}

// owner is the user of a refresh token.
func (s *TokenServer) owner(refresh string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, ok := s.refresh[refresh]
	return user, ok
}

// scopesOf splits scope parameters, each of which may hold several scopes.
func scopesOf(params []string) []string {
	return strings.Fields(strings.Join(params, " "))
}

// issue signs an access token for what user may do of scopes. The registry accepts tokens for leeway after their end, so
// the token says an end that lies so much earlier.
func (s *TokenServer) issue(user string, scopes []string, lifetime time.Duration) tokenReply {
	now := time.Now()
	return tokenReply{
		AccessToken: s.key.sign(claims{
			Issuer:    issuer,
			Subject:   user,
			Audience:  s.Service,
			Expires:   now.Add(lifetime - leeway).Unix(),
			NotBefore: now.Add(-leeway).Unix(),
			IssuedAt:  now.Unix(),
			ID:        rawToken(),
			Access:    s.grant(user, scopes),
		}),
		ExpiresIn: int(lifetime.Seconds()),
		IssuedAt:  now.UTC(),
	}
}

// grant is the part of scopes that user may do.
func (s *TokenServer) grant(user string, scopes []string) []access {
	granted := []access{}
	for _, scope := range scopes {
		a, ok := parseScope(scope)
		if !ok {
			continue
		}
		if user == "" {
			a.Actions = slices.DeleteFunc(a.Actions, func(action string) bool {
				return a.Type != "repository" || !slices.Contains(s.options.Anonymous, action)
			})
		}
		granted = append(granted, a)
	}
	return granted
}

// parseScope reads type:name:action,action (spec/auth/scope). The name may hold colons.
func parseScope(scope string) (access, bool) {
	kind, rest, ok := strings.Cut(scope, ":")
	colon := strings.LastIndex(rest, ":")
	if !ok || colon < 0 {
		return access{}, false
	}
	return access{kind, rest[:colon], strings.Split(rest[colon+1:], ",")}, true
}

// repositoryPath is the repository's name in a path of the distribution API.
var repositoryPath = regexp.MustCompile(`^/v2/(.+)/(?:blobs|manifests|tags|referrers)/`)

// authorize lets a request of the harness do everything it may want, without asking the server.
func (s *TokenServer) authorize(req *http.Request) {
	scopes := []string{"registry:catalog:*"}
	if m := repositoryPath.FindStringSubmatch(req.URL.Path); m != nil {
		scopes = append(scopes, "repository:"+m[1]+":pull,push,delete")
	}
	req.Header.Set("Authorization", "Bearer "+s.issue(harness, scopes, time.Hour).AccessToken)
}
