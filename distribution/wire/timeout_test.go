package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// hang is a registry that never answers: it waits for the end of the request's context.
func hang(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestTimeoutBoundsWaitForHeader(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{0: 2 * time.Minute, time.Second: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			timeout := &Timeout{Header: limit, Base: roundTripper(hang)}
			_, err := timeout.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil))
			if text := "registry.example: no answer within " + want.String(); err == nil || err.Error() != text {
				t.Errorf("error %v, want %s", err, text)
			}
			if !IsTransient(err) || errors.Is(err, context.Canceled) {
				t.Errorf("error %v is not recognised as a timeout", err)
			}
			if took := time.Since(start); took != want {
				t.Errorf("after %s, want %s", took, want)
			}
		})
	}
}

func TestTimeoutBoundsOnlyHeadersOfReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timeout := &Timeout{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			if err := Sleep(req.Context(), time.Hour); err != nil {
				return nil, err
			}
			return answer(req, 201, ""), nil
		})}
		for method, ok := range map[string]bool{
			"GET": false, "HEAD": false, "PUT": true, "POST": true, "PATCH": true, "DELETE": true,
		} {
			if _, err := timeout.RoundTrip(newRequest(t, method, "https://registry.example/", nil)); (err == nil) != ok {
				t.Errorf("%s: error %v", method, err)
			}
		}
	})
}

func TestTimeoutReleasesContextWithBody(t *testing.T) {
	ends := map[string]func(io.ReadCloser){
		"end":   func(b io.ReadCloser) { io.ReadAll(b) },
		"close": func(b io.ReadCloser) { b.Close() },
	}
	for name, end := range ends {
		synctest.Test(t, func(t *testing.T) {
			var inner context.Context
			timeout := &Timeout{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				inner = req.Context()
				return answer(req, 200, "content"), nil
			})}
			resp, err := timeout.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(24 * time.Hour)
			if inner.Err() != nil {
				t.Errorf("%s: a slow reader's body is cut off", name)
			}
			end(resp.Body)
			if inner.Err() == nil || resp.Request.Context().Err() != nil {
				t.Errorf("%s: inner context %v, caller's %v; want only the inner released",
					name, inner.Err(), resp.Request.Context().Err())
			}
		})
	}
}

func TestTimeoutReleasesContextWithoutBody(t *testing.T) {
	var inner context.Context
	timeout := &Timeout{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		inner = req.Context()
		return answer(req, 200, ""), nil
	})}
	if _, err := timeout.RoundTrip(newRequest(t, "HEAD", "https://registry.example/", nil)); err != nil {
		t.Fatal(err)
	}
	if inner.Err() == nil {
		t.Error("the context of a finished HEAD is not released")
	}
}

func TestTimeoutReturnsCancellation(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	timeout := &Timeout{Base: roundTripper(hang)}
	_, err := timeout.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil).WithContext(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
