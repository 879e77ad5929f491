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
