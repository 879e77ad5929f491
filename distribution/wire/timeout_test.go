package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
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

// The wait for a header begins with the end of the request's body, whatever the method. The answer to
// the call that closes an upload may take a second longer for each 8 MiB.
func TestTimeoutBoundsHeaderOfEveryMethod(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		body   int   // bytes, one a minute
		upload int64 // size of the upload that the call closes
		want   time.Duration
	}{
		"GET":                   {"GET", 0, 0, time.Minute},
		"HEAD":                  {"HEAD", 0, 0, time.Minute},
		"POST":                  {"POST", 0, 0, time.Minute},
		"PUT":                   {"PUT", 0, 0, time.Minute},
		"PATCH":                 {"PATCH", 0, 0, time.Minute},
		"DELETE":                {"DELETE", 0, 0, time.Minute},
		"PATCH with a body":     {"PATCH", 5, 0, 6 * time.Minute},
		"PUT that closes":       {"PUT", 0, 80 << 20, time.Minute + 10*time.Second},
		"PUT of a blob":         {"PUT", 5, 800 << 20, 6*time.Minute + 100*time.Second},
		"PUT of an empty blob":  {"PUT", 0, 0, time.Minute},
		"PUT of a small upload": {"PUT", 0, 1 << 20, time.Minute + 125*time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			timeout := &Timeout{Header: time.Minute, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				if req.Body != nil {
					io.ReadAll(req.Body)
					req.Body.Close()
				}
				return hang(req)
			})}
			var body io.Reader
			if test.body > 0 {
				body = &slowBody{t.Context(), time.Minute, test.body}
			}
			req := newRequest(t, test.method, "https://registry.example/", body)
			req.ContentLength = int64(test.body)
			if test.upload > 0 {
				req = req.WithContext(WithClosedUpload(req.Context(), test.upload, nil))
			}
			_, err := timeout.RoundTrip(req)
			if err == nil || !strings.Contains(err.Error(), "registry.example: no answer within ") || !IsTransient(err) {
				t.Errorf("%s: error %v", name, err)
			}
			if took := time.Since(start); took != test.want {
				t.Errorf("%s: after %s, want %s", name, took, test.want)
			}
		})
	}
}

// onLate is told how much longer an answer is waited for, and an answer that comes meanwhile counts.
func TestClosedUploadReportsLateAnswer(t *testing.T) {
	for answerAfter, want := range map[time.Duration]bool{59 * time.Second: false, 61 * time.Second: true} {
		synctest.Test(t, func(t *testing.T) {
			timeout := &Timeout{Header: time.Minute, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				time.Sleep(answerAfter)
				return answer(req, 201, ""), req.Context().Err()
			})}
			var left []time.Duration
			ctx := WithClosedUpload(t.Context(), 80<<20, func(d time.Duration) { left = append(left, d) })
			resp, err := timeout.RoundTrip(newRequest(t, "PUT", "https://registry.example/", nil).WithContext(ctx))
			if err != nil || resp.StatusCode != 201 {
				t.Errorf("answer after %s: error %v", answerAfter, err)
			}
			time.Sleep(time.Hour)
			synctest.Wait() // the report comes on a goroutine of its own
			if got := len(left) == 1 && left[0] == 10*time.Second; got != want || len(left) > 1 {
				t.Errorf("answer after %s: reported %v", answerAfter, left)
			}
		})
	}
}

// A response that comes before the request's body has been sent ends the wait for a header.
func TestTimeoutKeepsEarlyResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timeout := &Timeout{Header: time.Minute, Stall: time.Hour, Base: roundTripper(
			func(req *http.Request) (*http.Response, error) {
				go io.ReadAll(req.Body)
				resp := answer(req, 413, "")
				resp.Body = &slowBody{req.Context(), 29 * time.Minute, 2}
				return resp, nil
			})}
		req := newRequest(t, "PUT", "https://registry.example/", &slowBody{t.Context(), time.Second, 5})
		req.ContentLength = 5
		resp, err := timeout.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if body := readAll(t, resp); body != "xx" {
			t.Errorf("got %q, want the whole body", body)
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
