package auth

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// echoTransport returns a 403 whose body, or an error whose text, has the request's credentials.
type echoTransport struct{ fails bool }

func (e echoTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	text := "got " + req.Header.Get("Authorization")
	if e.fails {
		return nil, fmt.Errorf("malformed header %q: %w", text, io.ErrUnexpectedEOF)
	}
	status := http.StatusForbidden
	header := http.Header{}
	if req.Header.Get("Authorization") == "" {
		status = http.StatusUnauthorized
		header.Set("Www-Authenticate", `Basic realm="r"`)
	}
	body := io.NopCloser(strings.NewReader(text + " s3cret"))
	return &http.Response{StatusCode: status, Header: header, Body: body, Request: req}, nil
}

func TestRedact(t *testing.T) {
	transport := &Transport{Base: echoTransport{}, Credentials: Static{Username: "me", Password: "s3cret"}}
	send := func() (*http.Response, error) {
		ctx := WithScope(t.Context(), "r.example", Scope{})
		req, err := http.NewRequestWithContext(ctx, "GET", "https://r.example/v2/", nil)
		if err != nil {
			t.Fatal(err)
		}
		return transport.RoundTrip(req)
	}
	resp, err := send()
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	if !strings.Contains(string(body), "Basic bWU6czNjcmV0 s3cret") {
		t.Fatalf("the response has no credentials: %s", body)
	}
	if got := Redact(resp, string(body)); got != "got Basic [redacted] [redacted]" {
		t.Error(got)
	}
	if got := Redact(nil, "s3cret"); got != "s3cret" {
		t.Error(got)
	}
	transport.Base = echoTransport{fails: true}
	if _, err := send(); err == nil || strings.Contains(err.Error(), "bWU6") || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

// A gap where the password was gives it away if the password is what the server says to everybody.
func TestOrdinaryPasswordLeavesNoGap(t *testing.T) {
	const denied = "denied: requested access to the resource is denied"
	for _, test := range []struct{ password, text, want string }{
		{"denied", denied, denied},
		{"Denied", "Denied", "Denied"},
		{"access to the resource", denied, denied},
		{"auth", "authentication required", "authentication required"},
		{"a", "a bad gateway", "a bad gateway"},
		{"404", "404 not found", "404 not found"},
		{"5000", "localhost:5000 refused", "localhost:5000 refused"},
		{"sha256", "sha256:00", "sha256:00"},
		{"src-repo", "src-repo does not exist", "src-repo does not exist"}, // it is in the URL
		{"alice", "no account alice", "no account alice"},                  // it is the user name
		{"denied", "got alice:denied, denied", "got alice:[redacted], denied"},
		{"denied", "got YWxpY2U6ZGVuaWVk, denied", "got [redacted], denied"},
		{"sesame", "bad password sesame", "bad password [redacted]"},
		{"denied4", "bad password denied4", "bad password [redacted]"},
		{"20261129", "bad password 20261129", "bad password [redacted]"},
	} {
		cred := Credential{Username: "alice", Password: test.password}
		if got := cred.redact(test.text, "https://r.example/v2/src-repo/tags/list"); got != test.want {
			t.Errorf("%s: got %q, want %q", test.password, got, test.want)
		}
	}
	token := Credential{IdentityToken: "denied"}
	if got := token.redact(denied); got == denied {
		t.Error("a token is shown")
	}
}
