package registry_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/distribution/registry"
)

// Credentials of the users of withAccess: user:secret and reader:secret.
const (
	userLogin   = "Authorization: Basic dXNlcjpzZWNyZXQ="
	readerLogin = "Authorization: Basic cmVhZGVyOnNlY3JldA=="
	wrongLogin  = "Authorization: Basic dXNlcjp3cm9uZw=="
)

// withAccess is a registry to which only user may push.
func withAccess(anonymousPull bool) *registry.Basic {
	return &registry.Basic{
		Handler: &registry.Handler{}, Realm: "r", AnonymousPull: anonymousPull,
		Check:   func(_ context.Context, _, password string) bool { return password == "secret" },
		MayPush: func(user string) bool { return user == "user" },
	}
}

// Every user may pull; only some may push and delete.
func TestMayPush(t *testing.T) {
	c := serve(t, withAccess(false))
	blobPath := "/v2/x/blobs/uploads/?digest=" + digest("a")
	c.do("POST", blobPath, "a", userLogin).want(t, 201, "")
	c.do("PUT", "/v2/x/manifests/1", imageOf("a"), userLogin).want(t, 201, "")
	c.do("GET", "/v2/x/manifests/1", "", readerLogin).want(t, 200, "")
	for method, path := range map[string]string{
		"POST": blobPath, "PUT": "/v2/x/manifests/1", "DELETE": "/v2/x/manifests/1", "PATCH": "/v2/x/blobs/uploads/1",
	} {
		c.do(method, path, "", readerLogin).want(t, 403, "DENIED").wantHeader(t, "WWW-Authenticate:")
		c.do(method, path, "").want(t, 401, "UNAUTHORIZED").wantHeader(t, `WWW-Authenticate: Basic realm="r"`)
		c.do(method, path, "", wrongLogin).want(t, 401, "UNAUTHORIZED")
	}
	c.do("GET", "/v2/token", "").want(t, 401, "UNAUTHORIZED")
	c.do("DELETE", "/v2/x/manifests/1", "", userLogin).want(t, 202, "")
}

// With AnonymousPull everybody may pull, and a push needs a password or a token got with one.
func TestAnonymousPull(t *testing.T) {
	c := serve(t, withAccess(true))
	host := strings.TrimPrefix(c.url, "http://")
	token := func(headers ...string) string {
		t.Helper()
		var got struct {
			Token, AccessToken string
			ExpiresIn          int `json:"expires_in"`
		}
		resp := c.do("GET", "/v2/token?service="+host+"&scope=repository:x:pull,push", "", headers...).want(t, 200, "")
		if err := json.Unmarshal([]byte(resp.body), &got); err != nil || got.Token == "" || got.ExpiresIn != 300 {
			t.Fatalf("got %s, %v", resp.body, err)
		}
		return "Authorization: Bearer " + got.Token
	}
	realm := `WWW-Authenticate: Bearer realm="` + c.url + `/v2/token",service="` + host + `"`
	blobPath := "/v2/x/blobs/uploads/?digest=" + digest("a")

	c.do("GET", "/v2/", "").want(t, 401, "UNAUTHORIZED").wantHeader(t, realm)
	c.do("POST", blobPath, "a").want(t, 401, "UNAUTHORIZED").wantHeader(t, realm+`,scope="repository:x:pull,push"`)
	c.do("POST", blobPath, "a", token()).want(t, 401, "UNAUTHORIZED").
		wantHeader(t, realm+`,scope="repository:x:pull,push",error="insufficient_scope"`)
	c.do("POST", blobPath, "a", token(readerLogin)).want(t, 403, "DENIED")
	c.do("POST", blobPath, "a", token(userLogin)).want(t, 201, "")
	c.do("PUT", "/v2/x/manifests/1", imageOf("a"), userLogin).want(t, 201, "")
	for _, headers := range [][]string{nil, {token()}, {token(readerLogin)}, {readerLogin}, {userLogin}} {
		c.do("GET", "/v2/x/manifests/1", "", headers...).want(t, 200, "")
		c.do("HEAD", "/v2/x/blobs/"+digest("a"), "", headers...).want(t, 200, "")
	}
	c.do("GET", "/v2/", "", token()).want(t, 200, "")

	// Credentials that are wrong are refused, also where none are needed.
	forged := token(userLogin)
	forged = forged[:len(forged)-1] + string(forged[len(forged)-1]^1)
	for _, login := range []string{wrongLogin, forged, "Authorization: Bearer x", "Authorization: Bearer"} {
		c.do("GET", "/v2/x/manifests/1", "", login).want(t, 401, "UNAUTHORIZED")
	}
	c.do("GET", "/v2/", "", forged).wantHeader(t, realm+`,error="invalid_token"`)
	c.do("GET", "/v2/token", "", wrongLogin).want(t, 401, "UNAUTHORIZED").
		wantHeader(t, `WWW-Authenticate: Basic realm="r"`)
	c.do("POST", "/v2/token", "grant_type=password").want(t, 405, "UNSUPPORTED")
	c.do("POST", blobPath, "a", token(token(userLogin))).want(t, 401, "UNAUTHORIZED") // a token is no password
	c.do("GET", "/v2/", "", "X-Forwarded-Proto: https").
		wantHeader(t, `WWW-Authenticate: Bearer realm="https://`+host+`/v2/token",service="`+host+`"`)
}

// A token ends after five minutes.
func TestTokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := withAccess(true)
		do := func(path, login string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			name, value, _ := strings.Cut(login, ": ")
			r.Header.Set(name, value)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		var got struct{ Token string }
		if err := json.Unmarshal(do("/v2/token", userLogin).Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		time.Sleep(299 * time.Second)
		if w := do("/v2/", "Authorization: Bearer "+got.Token); w.Code != http.StatusOK {
			t.Errorf("before its end: %d", w.Code)
		}
		time.Sleep(2 * time.Second)
		if w := do("/v2/", "Authorization: Bearer "+got.Token); w.Code != http.StatusUnauthorized {
			t.Errorf("after its end: %d", w.Code)
		}
	})
}
