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

// hang waits for the request's context, as a registry without an answer does.
func hang(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestTimeoutLate(t *testing.T) {
	for limit, want := range map[time.Duration]time.Duration{0: 2 * time.Minute, time.Second: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			timeout := &Timeout{Header: limit, Base: roundTripper(hang)}
			_, err := timeout.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil))
			if text := "registry.example: no answer within " + want.String(); err == nil || err.Error() != text {
				t.Errorf("error %v, want %s", err, text)
			}
			if !transientError(err) || errors.Is(err, context.Canceled) {
				t.Error("it is not known as a timeout")
			}
			if took := time.Since(start); took != want {
				t.Errorf("after %s, want %s", took, want)
			}
		})
	}
}

func TestTimeoutIsForHeadersOfReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timeout := &Timeout{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
			select {
			case <-req.Context().Done():
				return nil, req.Context().Err()
			case <-time.After(time.Hour):
				return answer(req, 201, ""), nil
			}
		})}
		for method, ok := range map[string]bool{"GET": false, "HEAD": false, "PUT": true, "POST": true, "PATCH": true, "DELETE": true} {
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
			time.Sleep(24 * time.Hour) // of the bubble's clock
			if inner.Err() != nil {
				t.Errorf("%s: a slow body is cut off", name)
			}
			end(resp.Body)
			if inner.Err() == nil || resp.Request.Context().Err() != nil {
				t.Errorf("%s: inner context %v, caller's %v; want only the inner released", name, inner.Err(), resp.Request.Context().Err())
			}
		})
	}
}

func TestTimeoutReleasesContextWithoutBody(t *testing.T) {
	var inner context.Context
	timeout := &Timeout{Base: roundTripper(func(req *http.Request) (*http.Response, error) {
		inner = req.Context()
		resp := answer(req, 200, "")
		resp.Body = http.NoBody
		return resp, nil
	})}
	if _, err := timeout.RoundTrip(newRequest(t, "HEAD", "https://registry.example/", nil)); err != nil {
		t.Fatal(err)
	}
	if inner.Err() == nil {
		t.Error("the context of a finished HEAD is kept")
	}
}

func TestTimeoutCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	timeout := &Timeout{Base: roundTripper(hang)}
	_, err := timeout.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil).WithContext(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}
