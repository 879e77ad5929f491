package auth

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func TestRetrySendsBodyAgain(t *testing.T) {
	reg := newTestRegistry(t)
	var bodies []string
	registry := reg.Config.Handler
	reg.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/") {
			body, _ := io.ReadAll(r.Body)
			bodies = append(bodies, string(body))
		}
		registry.ServeHTTP(rw, r)
	})
	req := reg.request("PUT", "/v2/a/x", Scope{}, strings.NewReader("the body"))
	resp, err := reg.transport(nil).RoundTrip(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	if strings.Join(bodies, ", ") != "the body, the body" {
		t.Errorf("bodies: %q", bodies)
	}
}

func TestBodyWithoutGetBodyIsSentOnce(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(nil)
	send := func() *http.Response {
		req := reg.request("PUT", "/v2/a/x", Scope{}, io.MultiReader(strings.NewReader("once")))
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	resp := send()
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 401 || string(body) != "no entry" || err != nil || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("got %d %q, %v, want the registry's 401", resp.StatusCode, body, err)
	}
	reg.wantCalls("PUT /v2/a/x")

	// The challenge is known now, so the caller's second attempt succeeds if its scope is
	// sufficient.
	req := reg.request("PUT", "/v2/a/x", Repository("a", Push, Pull), io.MultiReader(strings.NewReader("once")))
	resp, err = rt.RoundTrip(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	reg.wantCalls("token GET repository:a:pull,push", "PUT /v2/a/x bearer")

	reg.authenticate = requirePassword("unknown")
	req = reg.request("PUT", "/v2/b/x", Repository("b", Push), &closable{Reader: strings.NewReader("once")})
	var e *Error
	if _, err := rt.RoundTrip(req); !errors.As(err, &e) {
		t.Errorf("got %v, want the token server's refusal", err)
	}
	reg.wantCalls("token GET repository:b:push")
}

func TestGetBodyErrorIsReturned(t *testing.T) {
	reg := newTestRegistry(t)
	req := reg.request("PUT", "/v2/a/x", Scope{}, strings.NewReader("x"))
	errBody := errors.New("body is closed")
	req.GetBody = func() (io.ReadCloser, error) { return nil, errBody }
	if _, err := reg.transport(nil).RoundTrip(req); !errors.Is(err, errBody) {
		t.Errorf("got %v", err)
	}
}

// Every dropped response is closed after up to 64 KiB are read.
func TestDroppedBodiesAreClosed(t *testing.T) {
	var open, read atomic.Int64
	base := roundTripper(func(r *http.Request) (*http.Response, error) {
		var resp *http.Response
		switch {
		case r.URL.Path == "/token":
			resp = newResponse(r, 200, `{"token":"t"}`)
		case r.Header.Get("Authorization") == "":
			resp = newResponse(r, 401, "", "WWW-Authenticate", `Bearer realm="/token"`)
			resp.Body = io.NopCloser(io.TeeReader(endlessReader{}, countWriter{&read}))
		default:
			resp = newResponse(r, 200, "content")
		}
		open.Add(1)
		resp.Body = &trackedBody{resp.Body, &open}
		return resp, nil
	})
	reg := newTestRegistry(t)
	resp, err := (&Transport{Base: base}).RoundTrip(reg.request("GET", "/v2/a/x", Scope{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if open.Load() != 1 {
		t.Errorf("%d bodies are open, want only the caller's", open.Load())
	}
	if n := read.Load(); n != 64<<10 {
		t.Errorf("%d bytes of an endless 401 were read, want %d", n, 64<<10)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != "content" {
		t.Errorf("body %q", body)
	}
}

type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) { return len(p), nil }

type countWriter struct{ n *atomic.Int64 }

func (c countWriter) Write(p []byte) (int, error) { c.n.Add(int64(len(p))); return len(p), nil }

type trackedBody struct {
	io.ReadCloser
	open *atomic.Int64
}

func (t *trackedBody) Close() error { t.open.Add(-1); return t.ReadCloser.Close() }
