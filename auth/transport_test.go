package auth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAnonymousPull(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(nil)
	pull := Repository("a", Pull)
	reg.wantStatus(rt, "GET", "/v2/a/manifests/1", pull, 200)
	reg.wantCalls("GET /v2/a/manifests/1", "token GET repository:a:pull", "GET /v2/a/manifests/1 bearer")
	reg.wantStatus(rt, "GET", "/v2/a/blobs/x", pull, 200)
	reg.wantCalls("GET /v2/a/blobs/x bearer")
}

func TestWholeScopeIsRequestedOnce(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(nil)
	job := Repository("a", Pull, Push)
	reg.wantStatus(rt, "HEAD", "/v2/a/manifests/1", job, 200)
	reg.wantStatus(rt, "POST", "/v2/a/blobs/uploads/", job, 200)
	reg.wantCalls("HEAD /v2/a/manifests/1", "token GET repository:a:pull,push",
		"HEAD /v2/a/manifests/1 bearer", "POST /v2/a/blobs/uploads/ bearer")

	// The token is used for a smaller scope too. Another repository needs a new token, but no 401.
	reg.wantStatus(rt, "GET", "/v2/a/tags/list", Repository("a", Pull), 200)
	reg.wantStatus(rt, "GET", "/v2/b/tags/list", Repository("b", Pull), 200)
	reg.wantCalls("GET /v2/a/tags/list bearer", "token GET repository:b:pull", "GET /v2/b/tags/list bearer")
}

func TestChallengeAddsToTheScope(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(nil)
	reg.wantStatus(rt, "GET", "/v2/a/x", Scope{}, 200)
	reg.wantCalls("GET /v2/a/x", "token GET repository:a:pull", "GET /v2/a/x bearer")

	reg.wantStatus(rt, "GET", "/v2/a/x", Repository("b", Pull), 200) // the token for b is refused
	reg.wantCalls("token GET repository:b:pull", "GET /v2/a/x bearer",
		"token GET repository:a:pull repository:b:pull", "GET /v2/a/x bearer")
	reg.wantStatus(rt, "GET", "/v2/a/x", Repository("b", Pull), 200) // the scope is remembered
	reg.wantCalls("GET /v2/a/x bearer")
}

func TestInsufficientScope(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(nil)
	pull := Repository("a", Pull)
	reg.wantStatus(rt, "GET", "/v2/a/x", pull, 200)
	reg.wantCalls("GET /v2/a/x", "token GET repository:a:pull", "GET /v2/a/x bearer")
	reg.wantStatus(rt, "PUT", "/v2/a/x", pull, 200)
	reg.wantCalls("PUT /v2/a/x bearer", "token GET repository:a:pull,push", "PUT /v2/a/x bearer")
	reg.wantStatus(rt, "PUT", "/v2/a/x", pull, 200) // the scope is remembered
	reg.wantCalls("PUT /v2/a/x bearer")
}

// Some token servers use only the first scope, GitLab's only the last (manifest-tool #53).
func TestTokenServerThatUsesOneScope(t *testing.T) {
	for name, usedScopes := range map[string]func([]string) []string{
		"first": func(s []string) []string { return s[:1] },
		"last":  func(s []string) []string { return s[len(s)-1:] },
	} {
		t.Run(name, func(t *testing.T) {
			reg := newTestRegistry(t)
			reg.usedScopes = usedScopes
			rt := reg.transport(nil)
			job := Repository("b", Pull, Push).Union(Repository("a", Pull)).Union(Repository("c", Pull))
			reg.wantStatus(rt, "GET", "/v2/b/x", job, 200)
			reg.wantCalls("GET /v2/b/x", "token GET repository:a:pull repository:b:pull,push repository:c:pull",
				"GET /v2/b/x bearer", "token GET repository:b:pull", "GET /v2/b/x bearer")
			reg.wantStatus(rt, "POST", "/v2/b/x", job, 200)
			reg.wantCalls("POST /v2/b/x bearer", "token GET repository:b:pull,push", "POST /v2/b/x bearer")
			reg.wantStatus(rt, "POST", "/v2/b/x", job, 200)
			reg.wantStatus(rt, "GET", "/v2/b/x", job, 200)
			reg.wantCalls("POST /v2/b/x bearer", "GET /v2/b/x bearer")
		})
	}
}

func TestUndeclaredScopeTakesThreeSends(t *testing.T) {
	reg := newTestRegistry(t)
	reg.usedScopes = func(s []string) []string { return s[:1] }
	rt := reg.transport(nil)
	want := Repository("a", Pull)
	reg.wantStatus(rt, "GET", "/v2/a/x", want, 200)
	reg.wantCalls("GET /v2/a/x", "token GET repository:a:pull", "GET /v2/a/x bearer")
	reg.wantStatus(rt, "GET", "/v2/b/x", want, 200) // not in the caller's scope
	reg.wantCalls("GET /v2/b/x bearer", "token GET repository:a:pull repository:b:pull",
		"GET /v2/b/x bearer", "token GET repository:b:pull", "GET /v2/b/x bearer")
	reg.wantStatus(rt, "GET", "/v2/b/x", want, 200)
	reg.wantCalls("GET /v2/b/x bearer") // the scope is remembered
}

// By RFC 6750 a token with too small a scope gets 403.
func TestForbiddenWithChallenge(t *testing.T) {
	var log []string
	var realm string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			log = append(log, "token "+r.FormValue("scope"))
			io.WriteString(w, `{"token":"`+strings.ReplaceAll(r.FormValue("scope"), ":", ".")+`"}`)
			return
		}
		have := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		log = append(log, have)
		switch have {
		case "":
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",scope="repository:a:pull"`)
			w.WriteHeader(http.StatusUnauthorized)
		case "repository.a.pull":
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",scope="repository:a:push",error="insufficient_scope"`)
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	realm = server.URL + "/token"
	reg := &testRegistry{Server: server, t: t}
	reg.wantStatus(reg.transport(nil), "PUT", "/v2/a/x", Repository("a", Pull), 200)
	want := []string{
		"", "token repository:a:pull", "repository.a.pull", "token repository:a:pull,push", "repository.a.pull,push",
	}
	if !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
}

func TestRefusedTokenIsNotRequestedAgain(t *testing.T) {
	reg := newTestRegistry(t)
	reg.revoked["all"] = true
	rt := reg.transport(bob)
	push := Repository("a", Pull, Push)
	reg.wantStatus(rt, "PUT", "/v2/a/x", push, 401) // the same scope is not requested again
	reg.wantCalls("PUT /v2/a/x", "token GET repository:a:pull,push", "PUT /v2/a/x bearer")

	reg.wantStatus(rt, "GET", "/v2/a/x", push, 401) // the refused token is not sent again
	reg.wantCalls("token GET repository:a:pull,push", "GET /v2/a/x bearer",
		"token GET repository:a:pull", "GET /v2/a/x bearer")
}

func TestRetriesAreLimited(t *testing.T) {
	reg := newTestRegistry(t)
	n := 0
	reg.revoked["all"] = true
	reg.requiredScope = func(*http.Request) Scope { // another scope for each request
		n++
		return Repository(strings.Repeat("x", n), Pull)
	}
	rt := reg.transport(nil)
	reg.wantStatus(rt, "GET", "/v2/a/x", Scope{}, 401)
	if n := len(reg.log); n != 5 {
		t.Errorf("%d calls: %q", n, reg.log)
	}
	for _, kept := range rt.registry(reg.host()).tokens {
		if len(kept) > 0 {
			t.Errorf("refused tokens are cached: %v", kept)
		}
	}
}

func TestRevokedTokenIsRenewed(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(nil)
	job := Repository("a", Pull, Push)
	plain := reg.challenge
	reg.challenge = func(r *http.Request) string {
		if r.Header.Get("Authorization") != "" {
			return plain(r) + `,error="invalid_token"`
		}
		return plain(r)
	}
	var last string
	reg.writeToken = func(rw http.ResponseWriter, token string) {
		last = token
		io.WriteString(rw, `{"token":"`+token+`","expires_in":300}`)
	}
	reg.wantStatus(rt, "GET", "/v2/a/x", job, 200)
	reg.wantCalls("GET /v2/a/x", "token GET repository:a:pull,push", "GET /v2/a/x bearer")
	reg.revoked[last] = true
	reg.wantStatus(rt, "GET", "/v2/a/x", job, 200) // a token for the whole scope again
	reg.wantCalls("GET /v2/a/x bearer", "token GET repository:a:pull,push", "GET /v2/a/x bearer")
}

// An upload can take longer than a token's lifetime (moby #33558): every chunk is sent with a valid
// token.
func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(nil)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rt.clock = func() time.Time { return now }
	push := Repository("a", Pull, Push)
	reg.wantStatus(rt, "POST", "/v2/a/blobs/uploads/", push, 200)
	reg.wantCalls("POST /v2/a/blobs/uploads/", "token GET repository:a:pull,push", "POST /v2/a/blobs/uploads/ bearer")
	now = now.Add(289 * time.Second)
	reg.wantStatus(rt, "PATCH", "/v2/a/blobs/uploads/1", push, 200)
	reg.wantCalls("PATCH /v2/a/blobs/uploads/1 bearer")
	now = now.Add(time.Second) // 10 seconds before the token expires
	reg.wantStatus(rt, "PUT", "/v2/a/blobs/uploads/1", push, 200)
	reg.wantCalls("token GET repository:a:pull,push", "PUT /v2/a/blobs/uploads/1 bearer")
}

func TestOtherRequestsPassThrough(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(bob)
	reg.wantStatus(rt, "GET", "/v2/a/x", Repository("a", Pull), 200) // now the challenge is known
	reg.wantCalls("GET /v2/a/x", "token GET repository:a:pull", "GET /v2/a/x bearer")

	for name, change := range map[string]func(*http.Request) *http.Request{
		"no scope": func(r *http.Request) *http.Request { return r.WithContext(context.Background()) },
		"other host": func(r *http.Request) *http.Request {
			return r.WithContext(WithScope(r.Context(), "ghcr.io", Scope{}))
		},
		"other port": func(r *http.Request) *http.Request {
			return r.WithContext(WithScope(r.Context(), "127.0.0.1", Scope{}))
		},
	} {
		req := change(reg.request("GET", "/v2/a/x", Repository("a", Pull), nil))
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 || Refusal(resp) != nil {
			t.Errorf("%s: status %d, %v", name, resp.StatusCode, Refusal(resp))
		}
		reg.wantCalls("GET /v2/a/x")
	}

	req := reg.request("GET", "/v2/a/x", Repository("a", Pull), nil)
	req.Header.Set("Authorization", "Negotiate mine")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	reg.wantCalls("GET /v2/a/x negotiate")
}

func TestWithScopeAddsScopes(t *testing.T) {
	ctx := WithScope(context.Background(), "a.example.com", Repository("a", Pull))
	again := WithScope(ctx, "A.example.com", Repository("b", Push))
	other := WithScope(again, "b.example.com", Repository("c", Pull))
	tests := []struct {
		ctx       context.Context
		url, want string
		ok        bool
	}{
		{ctx, "https://a.example.com/v2/", "repository:a:pull", true},
		{again, "https://a.example.com:443/v2/", "repository:a:pull repository:b:push", true},
		{other, "https://b.example.com/v2/", "repository:c:pull", true},
		{other, "https://a.example.com/v2/", "", false},
		{ctx, "https://a.example.com:8443/v2/", "", false},
		{ctx, "https://a.example.com.evil.example/v2/", "", false},
	}
	for _, test := range tests {
		p, ok := requestScopeOf(test.ctx, mustURL(t, test.url))
		if ok != test.ok || p.scope.String() != test.want {
			t.Errorf("%s: %q, %v", test.url, p.scope, ok)
		}
	}
}

func TestRequestIsNotModified(t *testing.T) {
	reg := newTestRegistry(t)
	reg.authenticate = requirePassword("sesame")
	rt := reg.transport(bob)
	for range 2 {
		req := reg.request("PUT", "/v2/a/x", Repository("a", Push), strings.NewReader("body"))
		req.Header.Set("X-Test", "1")
		before := req.Header.Clone()
		resp, err := rt.RoundTrip(req)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
		if len(req.Header) != len(before) || req.Header.Get("Authorization") != "" {
			t.Errorf("the request's header became %v", req.Header)
		}
		if got := resp.Request.Header.Get("Authorization"); got != "" {
			t.Errorf("the response's request shows %q", got)
		}
	}
}

// Base may send the request to another URL: http instead of https, for a registry on the same
// machine. The response's Request has the URL that was used, and a response over http does not
// count as https.
func TestResponseRequestHasSentURL(t *testing.T) {
	reg := newTestRegistry(t)
	reg.authenticate = requirePassword("sesame")
	rt := reg.transport(bob)
	plain := rt.Base
	rt.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Scheme = "http"
		return plain.RoundTrip(r)
	})
	for _, scheme := range []string{"https", "http"} {
		req := reg.request("GET", "/v2/a/x", Repository("a", Pull), nil)
		req.URL.Scheme = scheme
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Request.URL.String(); got != reg.URL+"/v2/a/x" || resp.StatusCode != 200 {
			t.Errorf("%s: %d from %s, want 200 from %s", scheme, resp.StatusCode, got, reg.URL+"/v2/a/x")
		}
	}
}

func TestBaseErrorIsReturnedUnchanged(t *testing.T) {
	broken := errors.New("broken")
	rt := &Transport{Base: roundTripper(func(*http.Request) (*http.Response, error) { return nil, broken })}
	ctx := WithScope(context.Background(), "a.example.com", Scope{})
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://a.example.com/v2/", nil)
	if _, err := rt.RoundTrip(req); err != broken {
		t.Errorf("got %v", err)
	}
}

func TestZeroTransport(t *testing.T) {
	reg := newTestRegistry(t)
	rt := new(Transport)
	reg.wantStatus(rt, "GET", "/v2/a/x", Repository("a", Pull), 200)
	rt.CloseIdleConnections()
	closed := &closing{}
	(&Transport{Base: closed}).CloseIdleConnections()
	(&Transport{Base: roundTripper(nil)}).CloseIdleConnections() // it has no such method
	if !closed.closed {
		t.Error("the connections of Base were not closed")
	}
}

type closing struct {
	roundTripper
	closed bool
}

func (c *closing) CloseIdleConnections() { c.closed = true }

func TestUserAgentIsCopiedFromRequest(t *testing.T) {
	reg := newTestRegistry(t)
	reg.challenge = func(r *http.Request) string {
		if r.URL.Path != "/v2/" {
			return ""
		}
		return `Bearer realm="/token"`
	}
	registry := reg.Config.Handler
	reg.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.UserAgent() != "transship/1" {
			t.Errorf("%s came from %q", r.URL.Path, r.UserAgent())
		}
		registry.ServeHTTP(rw, r)
	})
	req := reg.request("GET", "/v2/a/x", Repository("a", Pull), nil)
	req.Header.Set("User-Agent", "transship/1")
	resp, err := reg.transport(nil).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
