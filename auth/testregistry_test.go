package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testRegistry is a registry and its token server on one loopback address. Its tokens are the
// encoded scopes. The functions may be replaced before the first request.
type testRegistry struct {
	*httptest.Server
	t *testing.T

	challenge     func(r *http.Request) string      // WWW-Authenticate of a 401
	requiredScope func(r *http.Request) Scope       // of a request under /v2/
	usedScopes    func(scopes []string) []string    // of the scope parameters
	writeToken    func(http.ResponseWriter, string) // sends a token
	authenticate  func(w http.ResponseWriter, r *http.Request) bool

	mu      sync.Mutex
	log     []string
	revoked map[string]bool
	issued  int
}

func newTestRegistry(t *testing.T) *testRegistry {
	reg := &testRegistry{t: t, revoked: map[string]bool{}}
	reg.challenge = func(r *http.Request) string {
		return fmt.Sprintf(`Bearer realm="%s/token",service="test",scope="%s"`, reg.URL, reg.requiredScope(r))
	}
	reg.requiredScope = scopeFor
	reg.usedScopes = func(scopes []string) []string { return scopes }
	reg.writeToken = func(rw http.ResponseWriter, token string) {
		json.NewEncoder(rw).Encode(map[string]any{"token": token, "expires_in": 300})
	}
	reg.authenticate = func(http.ResponseWriter, *http.Request) bool { return true }
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/", reg.serveRegistry)
	mux.HandleFunc("/token", reg.serveToken)
	reg.Server = httptest.NewServer(mux)
	t.Cleanup(reg.Close)
	return reg
}

// scopeFor returns the scope of a request, whose repository is the first segment of the path: pull,
// and for writes also push.
func scopeFor(r *http.Request) Scope {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return Repository(name, Pull)
	}
	return Repository(name, Pull, Push)
}

func (reg *testRegistry) serveRegistry(rw http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	header := r.Header.Get("Authorization")
	kind, secret, _ := strings.Cut(header, " ")
	reg.record("%s %s %s", r.Method, r.URL.Path, strings.ToLower(kind))
	text, _ := base64.RawURLEncoding.DecodeString(secret)
	_, scope, _ := strings.Cut(string(text), "|")
	if kind == "Bearer" && !reg.isRevoked(secret) && ParseScope(scope).Contains(reg.requiredScope(r)) {
		return
	}
	if challenge := reg.challenge(r); challenge != "" {
		rw.Header().Set("WWW-Authenticate", challenge)
	}
	rw.WriteHeader(http.StatusUnauthorized)
	io.WriteString(rw, "no entry")
}

func (reg *testRegistry) serveToken(rw http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	scopes := r.Form["scope"]
	if r.Method == http.MethodPost {
		scopes = strings.Fields(r.Form.Get("scope"))
	}
	reg.record("token %s %s", r.Method, strings.Join(scopes, " "))
	if !reg.authenticate(rw, r) {
		return
	}
	reg.mu.Lock()
	reg.issued++
	text := fmt.Sprintf("%d|%s", reg.issued, strings.Join(reg.usedScopes(scopes), " "))
	reg.mu.Unlock()
	reg.writeToken(rw, base64.RawURLEncoding.EncodeToString([]byte(text)))
}

func (reg *testRegistry) record(format string, args ...any) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	reg.log = append(reg.log, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (reg *testRegistry) isRevoked(token string) bool {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return reg.revoked["all"] || reg.revoked[token]
}

func (reg *testRegistry) host() string { return strings.TrimPrefix(reg.URL, "http://") }

// transport returns a new Transport with the given credentials.
func (reg *testRegistry) transport(c Credentials) *Transport {
	base := &http.Transport{}
	reg.t.Cleanup(base.CloseIdleConnections)
	return &Transport{Base: base, Credentials: c}
}

// request returns a request for a path of this registry.
func (reg *testRegistry) request(method, path string, scope Scope, body io.Reader) *http.Request {
	reg.t.Helper()
	ctx := WithScope(context.Background(), reg.host(), scope)
	req, err := http.NewRequestWithContext(ctx, method, reg.URL+path, body)
	if err != nil {
		reg.t.Fatal(err)
	}
	return req
}

// wantStatus sends a request without a body and checks the status of the response.
func (reg *testRegistry) wantStatus(rt http.RoundTripper, method, path string, scope Scope, status int) {
	reg.t.Helper()
	resp, err := rt.RoundTrip(reg.request(method, path, scope, nil))
	if err != nil {
		reg.t.Fatalf("%s %s: %v", method, path, err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		reg.t.Fatalf("%s %s: status %d, want %d", method, path, resp.StatusCode, status)
	}
}

// wantCalls checks the calls since the last wantCalls.
func (reg *testRegistry) wantCalls(want ...string) {
	reg.t.Helper()
	reg.mu.Lock()
	defer reg.mu.Unlock()
	if diff := cmp.Diff(want, reg.log); diff != "" {
		reg.t.Errorf("calls: -want +got\n%s", diff)
	}
	reg.log = nil
}

// requirePassword accepts only bob with the given password.
func requirePassword(want string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if user, got, ok := r.BasicAuth(); ok && user == "bob" && got == want {
			return true
		}
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"details":"incorrect username or password"}`)
		return false
	}
}

var bob = Static{Username: "bob", Password: "sesame", Source: "the test"}

// roundTripper implements http.RoundTripper by a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// newResponse returns a response to r; header has names and values in turn.
func newResponse(r *http.Request, status int, body string, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Request: r}
	resp.Body = io.NopCloser(strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		resp.Header.Add(header[i], header[i+1])
	}
	return resp
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
