package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// basicRegistry accepts only bob with the password *want.
func basicRegistry(t *testing.T, want *string) *testRegistry {
	reg := &testRegistry{t: t}
	reg.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		user, got, ok := r.BasicAuth()
		reg.record("%s %v", r.Method, ok)
		if !ok || user != "bob" || got != *want {
			rw.Header().Set("WWW-Authenticate", `Basic realm="test, registry"`)
			rw.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(reg.Close)
	return reg
}

func TestBasic(t *testing.T) {
	want := "sesame"
	reg := basicRegistry(t, &want)
	rt := reg.transport(bob)
	reg.wantStatus(rt, "GET", "/v2/", Scope{}, 200)
	reg.wantCalls("GET false", "GET true")
	reg.wantStatus(rt, "GET", "/v2/", Scope{}, 200)
	reg.wantCalls("GET true")

	reg.wantStatus(reg.transport(nil), "GET", "/v2/", Scope{}, 401)
	reg.wantCalls("GET false")
	reg.wantStatus(reg.transport(Static{IdentityToken: "i"}), "GET", "/v2/", Scope{}, 401)
	reg.wantCalls("GET false")
}

func TestBasicRefused(t *testing.T) {
	want := "other"
	reg := basicRegistry(t, &want)
	resp, err := reg.transport(bob).RoundTrip(reg.request("GET", "/v2/", Scope{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	reg.wantCalls("GET false", "GET true")
	refusal := Refusal(resp)
	if refusal == nil || refusal.User != "bob" || refusal.Status != 401 || refusal.Host != reg.host() {
		t.Errorf("refusal: %v", refusal)
	}
}

// rotatingCredentials returns short-lived passwords, as the helpers of clouds do.
type rotatingCredentials struct {
	passwords    []string
	forgotten    int
	repositories []string
}

func (r *rotatingCredentials) Credential(_ context.Context, host, repository string) (Credential, error) {
	r.repositories = append(r.repositories, repository)
	return Credential{Username: "bob", Password: r.passwords[r.forgotten]}, nil
}

func (r *rotatingCredentials) Forget(string) { r.forgotten = min(r.forgotten+1, len(r.passwords)-1) }

func TestCredentialIsLookedUpAgain(t *testing.T) {
	want := "one"
	reg := basicRegistry(t, &want)
	source := &rotatingCredentials{passwords: []string{"one", "two"}}
	rt := reg.transport(source)
	reg.wantStatus(rt, "GET", "/v2/", Scope{}, 200)
	want = "two"
	reg.wantStatus(rt, "GET", "/v2/", Scope{}, 200)
	reg.wantCalls("GET false", "GET true", "GET true", "GET true")
	reg.wantStatus(rt, "GET", "/v2/", Scope{}, 200)
	reg.wantCalls("GET true")
	if len(source.repositories) != 2 {
		t.Errorf("%d lookups", len(source.repositories))
	}
}

func TestTokenServerCredentialIsLookedUpAgain(t *testing.T) {
	reg := newTestRegistry(t)
	reg.authenticate = requirePassword("two")
	reg.wantStatus(reg.transport(&rotatingCredentials{passwords: []string{"one", "two"}}), "GET", "/v2/a/x", Scope{}, 200)
	reg.wantCalls("GET /v2/a/x", "token GET repository:a:pull", "token GET repository:a:pull", "GET /v2/a/x bearer")
}

func TestCredentialsGetRepository(t *testing.T) {
	reg := newTestRegistry(t)
	source := &rotatingCredentials{passwords: []string{"one"}}
	rt := reg.transport(source)
	reg.wantStatus(rt, "GET", "/v2/a/x", Repository("a", Pull), 200)
	reg.wantStatus(rt, "GET", "/v2/a/x", Repository("a", Pull), 200)
	reg.wantStatus(rt, "GET", "/v2/b/x", Repository("b", Pull), 200)
	if got := strings.Join(source.repositories, " "); got != "a b" {
		t.Errorf("asked for %q", got)
	}
}

func TestGetTokenRequest(t *testing.T) {
	reg := newTestRegistry(t)
	reg.challenge = func(*http.Request) string {
		return `Bearer realm="/token?keep=a%2fb",service="the registry",scope="repository:a:pull"`
	}
	var query, client string
	reg.authenticate = func(rw http.ResponseWriter, r *http.Request) bool {
		query, client = r.URL.RawQuery, r.Header.Get("Authorization")
		return true
	}
	reg.wantStatus(reg.transport(bob), "GET", "/v2/a/x", Repository("b", Pull), 200)
	const want = "keep=a%2fb&account=bob&client_id=transship&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull&service=the+registry"
	if query != want || client != Credential(bob).basicHeader() {
		t.Errorf("query %s\nwant  %s\nauthorization %q", query, want, client)
	}
}

func TestIdentityToken(t *testing.T) {
	reg := newTestRegistry(t)
	var form string
	reg.authenticate = func(rw http.ResponseWriter, r *http.Request) bool {
		form = r.PostForm.Encode()
		return r.Header.Get("Authorization") == ""
	}
	job := Repository("a", Pull).Union(Repository("b", Pull))
	reg.wantStatus(reg.transport(Static{IdentityToken: "i"}), "GET", "/v2/a/x", job, 200)
	reg.wantCalls("GET /v2/a/x", "token POST repository:a:pull repository:b:pull", "GET /v2/a/x bearer")
	const want = "client_id=transship&grant_type=refresh_token&refresh_token=i&scope=repository%3Aa%3Apull+repository%3Ab%3Apull&service=test"
	if form != want {
		t.Errorf("form %s\nwant %s", form, want)
	}
}

// POST fails with 404 (GCR), 401 (Artifactory), 400 (ACR) or 405.
func TestPostFallsBackToGet(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405} {
		reg := newTestRegistry(t)
		reg.authenticate = func(rw http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet {
				return requirePassword("sesame")(rw, r)
			}
			rw.WriteHeader(status)
			return false
		}
		both := Static{Username: "bob", Password: "sesame", IdentityToken: "i"}
		reg.wantStatus(reg.transport(both), "GET", "/v2/a/x", Scope{}, 200)
		reg.wantCalls("GET /v2/a/x", "token POST repository:a:pull", "token GET repository:a:pull", "GET /v2/a/x bearer")

		_, err := reg.transport(Static{IdentityToken: "i"}).RoundTrip(reg.request("GET", "/v2/a/x", Scope{}, nil))
		var e *Error
		if !errors.As(err, &e) || e.Status != status || e.User != tokenUser {
			t.Errorf("%d without a password: %v", status, err)
		}
		reg.wantCalls("GET /v2/a/x", "token POST repository:a:pull")
	}
}

func TestRegistryToken(t *testing.T) {
	for _, challenge := range []string{`Bearer realm="/token"`, `Bearer`, `Basic realm="x"`} {
		var log []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			log = append(log, r.URL.Path+" "+r.Header.Get("Authorization"))
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
		}))
		reg := &testRegistry{Server: server, t: t}
		reg.wantStatus(reg.transport(Static{RegistryToken: "r"}), "GET", "/v2/", Scope{}, 401)
		server.Close()
		if got := strings.Join(log, ", "); got != "/v2/ , /v2/ Bearer r" {
			t.Errorf("%s: %s", challenge, got)
		}
	}
}

// A 401 of gcr.io can have no WWW-Authenticate.
func TestMissingChallengeIsTakenFromV2(t *testing.T) {
	reg := newTestRegistry(t)
	reg.challenge = func(r *http.Request) string {
		if r.URL.Path != "/v2/" {
			return ""
		}
		return `Bearer realm="token",scope="registry:catalog:*"` // relative to /v2/
	}
	reg.Config.Handler.(*http.ServeMux).HandleFunc("/v2/token", reg.serveToken)
	rt := reg.transport(nil)
	reg.wantStatus(rt, "GET", "/v2/a/x", Repository("a", Pull), 200)
	reg.wantCalls("GET /v2/a/x", "GET /v2/", "token GET repository:a:pull", "GET /v2/a/x bearer")
	reg.wantStatus(rt, "GET", "/v2/b/x", Repository("b", Pull), 200) // the challenge is known
	reg.wantStatus(rt, "GET", "/v2/b/x", Repository("c", Pull), 401) // and used for a 401 without one
	reg.wantCalls("token GET repository:b:pull", "GET /v2/b/x bearer", "token GET repository:c:pull", "GET /v2/b/x bearer")
}

func TestV2IsRequestedOnce(t *testing.T) {
	reg := newTestRegistry(t)
	reg.challenge = func(*http.Request) string { return "" }
	rt := reg.transport(bob)
	reg.wantStatus(rt, "GET", "/v2/a/x", Scope{}, 401)
	reg.wantStatus(rt, "GET", "/v2/a/x", Scope{}, 401)
	reg.wantCalls("GET /v2/a/x", "GET /v2/", "GET /v2/a/x")
}

func TestUnknownSchemeReturns401(t *testing.T) {
	reg := newTestRegistry(t)
	reg.challenge = func(*http.Request) string { return `Negotiate, Digest realm="x"` }
	resp, err := reg.transport(bob).RoundTrip(reg.request("GET", "/v2/a/x", Scope{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 401 || string(body) != "no entry" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	reg.wantCalls("GET /v2/a/x")
}

// Some token servers refuse a request for more than the account may have. By spec/auth/token they
// should grant less.
func TestDeniedScopeIsNarrowed(t *testing.T) {
	reg := newTestRegistry(t)
	reg.authenticate = func(rw http.ResponseWriter, r *http.Request) bool {
		if len(r.Form["scope"]) > 1 {
			rw.WriteHeader(http.StatusForbidden)
			return false
		}
		return true
	}
	rt := reg.transport(nil)
	job := Repository("a", Pull).Union(Repository("secret", Pull))
	reg.wantStatus(rt, "GET", "/v2/a/x", job, 200)
	reg.wantCalls("GET /v2/a/x", "token GET repository:a:pull repository:secret:pull",
		"token GET repository:a:pull", "GET /v2/a/x bearer")
	reg.wantStatus(rt, "GET", "/v2/a/x", job, 200)
	reg.wantCalls("GET /v2/a/x bearer")

	// The challenge is known; the request is sent without authorization to get its scope.
	other := Repository("b", Pull).Union(Repository("secret", Pull))
	reg.wantStatus(rt, "GET", "/v2/b/x", other, 200)
	reg.wantCalls("token GET repository:b:pull repository:secret:pull", "GET /v2/b/x",
		"token GET repository:b:pull", "GET /v2/b/x bearer")
}

func TestWrongPassword(t *testing.T) {
	reg := newTestRegistry(t)
	reg.authenticate = requirePassword("other")
	rt := reg.transport(bob)
	for range 2 { // a refusal is not cached
		_, err := rt.RoundTrip(reg.request("GET", "/v2/a/x", Repository("a", Pull), nil))
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v", err)
		}
		want := Error{
			Host: reg.host(), Realm: reg.URL + "/token", Scope: Repository("a", Pull), Status: 401,
			Message: "incorrect username or password", User: "bob", Source: "the test",
		}
		if *e != want {
			t.Errorf("got %+v", e)
		}
	}
	reg.wantCalls("GET /v2/a/x", "token GET repository:a:pull", "token GET repository:a:pull", "GET /v2/a/x")
}

func TestTokenServerMessageIsRedacted(t *testing.T) {
	reg := newTestRegistry(t)
	reg.authenticate = func(rw http.ResponseWriter, r *http.Request) bool {
		rw.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(rw, `{"message":"bad password sesame"}`)
		return false
	}
	_, err := reg.transport(bob).RoundTrip(reg.request("GET", "/v2/a/x", Scope{}, nil))
	if err == nil || strings.Contains(err.Error(), "sesame") || !strings.Contains(err.Error(), "bad password [redacted]") {
		t.Errorf("got %v", err)
	}
}

func TestFailedTokenRequestIsNotCached(t *testing.T) {
	reg := newTestRegistry(t)
	good := reg.writeToken
	for _, body := range []string{`{"token":"`, `{}`, `<html>`} {
		reg.writeToken = func(rw http.ResponseWriter, _ string) { io.WriteString(rw, body) }
		rt := reg.transport(bob)
		_, err := rt.RoundTrip(reg.request("GET", "/v2/a/x", Scope{}, nil))
		var e *Error
		if !errors.As(err, &e) || e.Err == nil || e.Status != 200 {
			t.Errorf("response %q: %v", body, err)
		}
		reg.writeToken = good
		reg.log = nil
		reg.wantStatus(rt, "GET", "/v2/a/x", Repository("a", Pull), 200)
		reg.wantCalls("token GET repository:a:pull", "GET /v2/a/x bearer")
	}
}

func TestCredentialsError(t *testing.T) {
	reg := newTestRegistry(t)
	broken := errors.New("broken")
	rt := reg.transport(failingCredentials{broken})
	_, err := rt.RoundTrip(reg.request("GET", "/v2/a/x", Scope{}, nil))
	var failed *CredentialsError
	if !errors.As(err, &failed) || failed.Host != reg.host() || !errors.Is(err, broken) ||
		!strings.Contains(err.Error(), reg.host()) {
		t.Errorf("got %v", err)
	}
	body := &closable{Reader: strings.NewReader("x")} // now it fails before anything is sent
	if _, err := rt.RoundTrip(reg.request("PUT", "/v2/a/x", Scope{}, body)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if !body.closed {
		t.Error("the request's body is still open")
	}
	reg.wantCalls("GET /v2/a/x")
}

type failingCredentials struct{ err error }

func (f failingCredentials) Credential(context.Context, string, string) (Credential, error) {
	return Credential{}, f.err
}

type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }
