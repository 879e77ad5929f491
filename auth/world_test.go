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

// world is a registry and its token server on one loopback address. Its tokens
// spell out their scopes. The functions may be replaced before the first
// request.
type world struct {
	*httptest.Server
	t *testing.T

	challenge func(r *http.Request) string      // WWW-Authenticate of a 401
	need      func(r *http.Request) Scope       // what a request under /v2/ takes
	heed      func(scopes []string) []string    // which scope parameters count
	token     func(http.ResponseWriter, string) // sends a token
	login     func(w http.ResponseWriter, r *http.Request) bool

	mu      sync.Mutex
	log     []string
	revoked map[string]bool
	issued  int
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, revoked: map[string]bool{}}
	w.challenge = func(r *http.Request) string {
		return fmt.Sprintf(`Bearer realm="%s/token",service="test",scope="%s"`, w.URL, w.need(r))
	}
	w.need = needOf
	w.heed = func(scopes []string) []string { return scopes }
	w.token = func(rw http.ResponseWriter, token string) {
		json.NewEncoder(rw).Encode(map[string]any{"token": token, "expires_in": 300})
	}
	w.login = func(http.ResponseWriter, *http.Request) bool { return true }
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/", w.serveRegistry)
	mux.HandleFunc("/token", w.serveToken)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	return w
}

// needOf is pull for reading and push for writing, in the repository whose name
// is the first segment of the path.
func needOf(r *http.Request) Scope {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return Repository(name, Pull)
	}
	return Repository(name, Pull, Push)
}

func (w *world) serveRegistry(rw http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	header := r.Header.Get("Authorization")
	kind, secret, _ := strings.Cut(header, " ")
	w.note("%s %s %s", r.Method, r.URL.Path, strings.ToLower(kind))
	text, _ := base64.RawURLEncoding.DecodeString(secret)
	_, scope, _ := strings.Cut(string(text), "|")
	if kind == "Bearer" && !w.isRevoked(secret) && ParseScope(scope).Contains(w.need(r)) {
		return
	}
	if challenge := w.challenge(r); challenge != "" {
		rw.Header().Set("WWW-Authenticate", challenge)
	}
	rw.WriteHeader(http.StatusUnauthorized)
	io.WriteString(rw, "no entry")
}

func (w *world) serveToken(rw http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	scopes := r.Form["scope"]
	if r.Method == http.MethodPost {
		scopes = strings.Fields(r.Form.Get("scope"))
	}
	w.note("token %s %s", r.Method, strings.Join(scopes, " "))
	if !w.login(rw, r) {
		return
	}
	w.mu.Lock()
	w.issued++
	text := fmt.Sprintf("%d|%s", w.issued, strings.Join(w.heed(scopes), " "))
	w.mu.Unlock()
	w.token(rw, base64.RawURLEncoding.EncodeToString([]byte(text)))
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (w *world) isRevoked(token string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.revoked["all"] || w.revoked[token]
}

func (w *world) host() string { return strings.TrimPrefix(w.URL, "http://") }

// transport is a fresh Transport with the given credentials.
func (w *world) transport(c Credentials) *Transport {
	base := &http.Transport{}
	w.t.Cleanup(base.CloseIdleConnections)
	return &Transport{Base: base, Credentials: c}
}

// request makes a request for a path of this registry.
func (w *world) request(method, path string, scope Scope, body io.Reader) *http.Request {
	w.t.Helper()
	ctx := WithScope(context.Background(), w.host(), scope)
	req, err := http.NewRequestWithContext(ctx, method, w.URL+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return req
}

// expect sends a request without a body and checks its status.
func (w *world) expect(rt http.RoundTripper, method, path string, scope Scope, status int) {
	w.t.Helper()
	resp, err := rt.RoundTrip(w.request(method, path, scope, nil))
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	resp.Body.Close()
	if resp.StatusCode != status {
		w.t.Fatalf("%s %s: status %d, want %d", method, path, resp.StatusCode, status)
	}
}

// calls checks what the servers have seen since the last time.
func (w *world) calls(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(want, w.log); diff != "" {
		w.t.Errorf("calls: -want +got\n%s", diff)
	}
	w.log = nil
}

// password lets in bob with the given password only.
func password(want string) func(http.ResponseWriter, *http.Request) bool {
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

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is a response made by hand.
func answer(r *http.Request, status int, body string, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
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
