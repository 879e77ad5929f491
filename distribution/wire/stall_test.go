package wire

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowBody is a body that waits before each Read, or until its context ends.
type slowBody struct {
	ctx   context.Context
	pause time.Duration
	left  int // bytes, one a Read
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if err := Sleep(b.ctx, b.pause); err != nil {
		return 0, b.ctx.Err()
	}
	b.left--
	return copy(p, "x"), nil
}

func (b *slowBody) Close() error { return nil }

// A slow response is read to its end. One that stalls fails with an error that Retry repeats.
func TestTimeoutEndsStalledResponse(t *testing.T) {
	for pause, ok := range map[time.Duration]bool{29 * time.Second: true, 31 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			timeout := &Timeout{Stall: 30 * time.Second, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				resp := answer(req, 200, "")
				resp.Body = &slowBody{req.Context(), pause, 2}
				return resp, nil
			})}
			resp, err := timeout.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // the reader's time does not count
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			if (err == nil) != ok {
				t.Errorf("a byte each %s: error %v", pause, err)
			}
			if !ok && (!IsTransient(err) || err.Error() != "registry.example: no bytes moved for 30s") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A call fails when the network stalls. The caller's body and the response may be slow.
func TestTimeoutEndsStalledRequest(t *testing.T) {
	for name, test := range map[string]struct {
		body     time.Duration // before the caller provides a byte
		network  time.Duration // before the network takes a byte
		response time.Duration
		ok       bool
	}{
		"fast":           {0, 0, 0, true},
		"slow body":      {time.Hour, 0, 0, true},
		"slow response":  {0, 0, 119 * time.Second, true},
		"network stalls": {0, 31 * time.Second, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			timeout := &Timeout{Stall: 30 * time.Second, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				for buf := make([]byte, 1); ; {
					if _, err := req.Body.Read(buf); err != nil {
						break
					}
					if err := Sleep(req.Context(), test.network); err != nil {
						return nil, req.Context().Err()
					}
				}
				req.Body.Close()
				time.Sleep(test.response)
				return answer(req, 201, ""), nil
			})}
			req := newRequest(t, "PUT", "https://registry.example/", &slowBody{t.Context(), test.body, 5})
			req.ContentLength = 5
			resp, err := timeout.RoundTrip(req)
			if (err == nil) != test.ok {
				t.Errorf("%s: error %v", name, err)
			}
			if err == nil {
				resp.Body.Close()
				return
			}
			if !IsTransient(err) || !strings.Contains(err.Error(), "no bytes moved for 30s") {
				t.Errorf("%s: error %v", name, err)
			}
		})
	}
}
