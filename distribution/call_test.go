package distribution_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution"
)

// The scope of a raw call's token follows from its path.
func TestCallScopes(t *testing.T) {
	var scopes []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			scopes = r.URL.Query()["scope"]
			io.WriteString(w, `{"token":"t"}`)
		case r.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="r"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer s.Close()
	for line, want := range map[string]string{
		"GET /v2/":                                    "",
		"GET /v2/_catalog?n=1":                        "registry:catalog:*",
		"GET /v2/a/b/tags/list":                       "repository:a/b:pull",
		"HEAD /v2/a/manifests/1":                      "repository:a:pull",
		"GET /v2/a/referrers/sha256:x":                "repository:a:pull",
		"PUT /v2/a/manifests/1":                       "repository:a:pull,push",
		"DELETE /v2/a/manifests/1":                    "repository:a:delete,pull",
		"POST /v2/a/blobs/uploads/":                   "repository:a:pull,push",
		"POST /v2/a/blobs/uploads/?mount=x&from=team": "repository:a:pull,push repository:team:pull",
		"GET /v2/a/blobs/uploads/1":                   "repository:a:pull,push",
		"DELETE /v2/a/blobs/uploads/1":                "repository:a:pull,push",
		"GET /v2/_ext/x":                              "",
	} {
		method, address, _ := strings.Cut(line, " ")
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		c := distribution.NewTransport(distribution.Options{}).Client(strings.TrimPrefix(s.URL, "http://"))
		scopes = nil
		resp, err := c.Call(context.Background(), distribution.RawCall{Method: method, URL: u})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := strings.Join(scopes, " "); got != want || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d after a token for %q, want %q", line, resp.StatusCode, got, want)
		}
	}
}
