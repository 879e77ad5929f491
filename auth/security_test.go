package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/wire"
)

// serveWithoutSecrets starts a server that fails the test if a request has a secret.
func serveWithoutSecrets(t *testing.T, next http.Handler) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if header := r.Header.Get("Authorization"); header != "" || strings.Contains(string(body), "sesame") {
			t.Errorf("%s %s on another host came with %q, %q", r.Method, r.URL, header, body)
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestAuthorizationIsNotSentToOtherHosts(t *testing.T) {
	reg := newTestRegistry(t)
	reg.authenticate = requirePassword("sesame")
	var registry http.Handler = reg.Config.Handler
	other := serveWithoutSecrets(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/blob":
			io.WriteString(rw, "blob")
		case "/back": // to the registry, which may get its token
			http.Redirect(rw, r, reg.URL+"/v2/a/blobs/2", http.StatusTemporaryRedirect)
		default:
			rw.Header().Set("WWW-Authenticate", `Basic realm="other"`)
			rw.WriteHeader(http.StatusUnauthorized)
		}
	}))
	reg.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if target := r.URL.Query().Get("to"); target != "" && r.Header.Get("Authorization") != "" {
			http.Redirect(rw, r, other.URL+target, http.StatusTemporaryRedirect)
			return
		}
		registry.ServeHTTP(rw, r)
	})
	client := &http.Client{Transport: reg.transport(bob)}
	tests := []struct {
		target string
		status int
	}{{"/blob", 200}, {"/greedy", 401}, {"/back", 200}}
	for _, test := range tests {
		resp, err := client.Do(reg.request("GET", "/v2/a/blobs/1?to="+test.target, Repository("a", Pull), nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%s: status %d, want %d", test.target, resp.StatusCode, test.status)
		}
	}

	// The caller follows a Location on another host.
	ctx := reg.request("GET", "/", Repository("a", Push), nil).Context()
	req, _ := http.NewRequestWithContext(ctx, "PUT", other.URL+"/greedy", strings.NewReader("x"))
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 401 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestTokenServerRedirects(t *testing.T) {
	other := serveWithoutSecrets(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"token":"stolen"}`)
	}))
	for _, cred := range []Static{bob, {IdentityToken: "sesame"}} {
		reg := newTestRegistry(t)
		reg.authenticate = func(rw http.ResponseWriter, r *http.Request) bool {
			http.Redirect(rw, r, other.URL+"/token", http.StatusTemporaryRedirect)
			return false
		}
		_, err := reg.transport(cred).RoundTrip(reg.request("GET", "/v2/a/x", Scope{}, nil))
		var e *Error
		if !errors.As(err, &e) || e.Status != http.StatusTemporaryRedirect {
			t.Errorf("to another host: %v", err)
		}

		moved := newTestRegistry(t)
		moved.authenticate = func(rw http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.RawQuery, "moved") {
				http.Redirect(rw, r, "/token?moved&"+r.URL.RawQuery, http.StatusTemporaryRedirect)
				return false
			}
			if user, _, _ := r.BasicAuth(); user != cred.Username || r.Form.Get("refresh_token") != cred.IdentityToken {
				t.Errorf("the credentials were not sent again: %q, %q", user, r.Form)
			}
			return true
		}
		moved.wantStatus(moved.transport(cred), "GET", "/v2/a/x", Repository("a", Pull), 200)
		if n := len(moved.log); n != 4 {
			t.Errorf("on the same host: %q", moved.log)
		}
	}
}

// newFakeInternet returns a transport that connects all hosts to one handler, port 443 over TLS.
func newFakeInternet(t *testing.T, handler http.HandlerFunc) http.RoundTripper {
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	base := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			target := plain.Listener.Addr().String()
			if strings.HasSuffix(addr, ":443") {
				target = secure.Listener.Addr().String()
			}
			return new(net.Dialer).DialContext(ctx, network, target)
		},
	}
	t.Cleanup(base.CloseIdleConnections)
	return base
}

func TestUntrustedRealmGetsNoRequest(t *testing.T) {
	for _, realm := range []string{
		"http://auth.example.com/token", "https://127.0.0.1/token", "https://169.254.169.254/token", "http://localhost/token",
	} {
		base := newFakeInternet(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				t.Errorf("%s got a token request", r.Host)
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		})
		rt := &Transport{Base: base, Credentials: bob}
		ctx := WithScope(context.Background(), "registry.example.com", Scope{})
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://registry.example.com/v2/", nil)
		_, err := rt.RoundTrip(req)
		var e *Error
		if !errors.As(err, &e) || e.Realm != realm || e.Err == nil {
			t.Errorf("realm %s: %v", realm, err)
		}
	}
}

func TestTokenServerDowngrade(t *testing.T) {
	base := newFakeInternet(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.TLS == nil:
			t.Errorf("a token request over http: %s %s", r.Method, r.URL)
		case r.URL.Path == "/token":
			http.Redirect(w, r, "http://auth.example.com/token", http.StatusMovedPermanently)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://auth.example.com/token"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	ctx := WithScope(context.Background(), "registry.example.com", Scope{})
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://registry.example.com/v2/", nil)
	_, err := (&Transport{Base: base, Credentials: bob}).RoundTrip(req)
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusMovedPermanently {
		t.Errorf("got %v", err)
	}
}

// A proxy that sets the wrong scheme in a Location, or an attacker on the network, must not make
// the client send its credentials in the clear.
func TestNoCredentialsAfterADowngrade(t *testing.T) {
	base := newFakeInternet(t, func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil && r.Header.Get("Authorization") != "" {
			t.Errorf("credentials over http: %s %s", r.Method, r.URL)
		}
		if user, _, ok := r.BasicAuth(); !ok || user != "bob" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	rt := &Transport{Base: base, Credentials: bob}
	ctx := WithScope(context.Background(), "registry.example.com", Scope{})
	for _, test := range []struct {
		url    string
		status int
	}{
		{"https://registry.example.com/v2/", 200},
		{"http://registry.example.com/v2/", 401},
		{"https://registry.example.com:443/v2/", 200},
	} {
		req, _ := http.NewRequestWithContext(ctx, "GET", test.url, nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%s: status %d, want %d", test.url, resp.StatusCode, test.status)
		}
	}
}

// A registry on loopback is called by an https URL whether it has TLS or not.
func TestPlainRealmOfLoopbackRegistry(t *testing.T) {
	for registry, allowed := range map[string]bool{"localhost:5000": true, "localhost:443": false} {
		asked := false
		base := newFakeInternet(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				asked = true
				io.WriteString(w, `{"token":"t"}`)
				return
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://auth:5001/token"`)
			w.WriteHeader(http.StatusUnauthorized)
		})
		rt := &Transport{Base: &wire.Loopback{Base: base}, Credentials: bob}
		req, _ := http.NewRequestWithContext(WithScope(t.Context(), registry, Scope{}), "GET",
			"https://"+registry+"/v2/", nil)
		_, err := rt.RoundTrip(req)
		if asked != allowed || errors.Is(err, ErrPlainRealm) == allowed {
			t.Errorf("%s: token requested: %v, error %v", registry, asked, err)
		}
	}
}

func TestTokenServerOnAnotherHostIsReportedOnce(t *testing.T) {
	for _, test := range []struct {
		registry, realm string
		cred            Static
		want            []string
	}{
		{"registry.example.com", "https://auth.example.com/token?x=secret", bob,
			[]string{"registry.example.com https://auth.example.com/token"}},
		{"registry.example.com", "https://auth.example.com/token", Static{IdentityToken: "sesame"},
			[]string{"registry.example.com https://auth.example.com/token"}},
		{"registry.example.com", "https://auth.example.com/token", Static{}, nil},
		{"registry.example.com", "https://registry.example.com:443/token", bob, nil},
		{"registry.example.com", "/token", bob, nil},
		{"registry.example.com", "http://auth.example.com/token", bob, nil}, // refused
	} {
		base := newFakeInternet(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				io.WriteString(w, `{"token":"t"}`)
				return
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+test.realm+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		})
		var got []string
		rt := &Transport{Base: base, Credentials: test.cred}
		rt.OnTokenServer = func(registry, tokenServer string) { got = append(got, registry+" "+tokenServer) }
		for _, repository := range []string{"a", "b"} {
			ctx := WithScope(t.Context(), test.registry, Repository(repository, Pull))
			req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+test.registry+"/v2/"+repository+"/x", nil)
			if resp, err := rt.RoundTrip(req); err == nil {
				resp.Body.Close()
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s naming %s: %s", test.registry, test.realm, diff)
		}
	}
}
