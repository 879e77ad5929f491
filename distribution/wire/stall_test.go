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

// pausing is a body that waits before each of its Reads, or until its context ends.
type pausing struct {
	ctx   context.Context
	pause time.Duration
	parts int
}

func (p *pausing) Read(b []byte) (int, error) {
	if p.parts == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(p.pause):
		p.parts--
		return copy(b, "x"), nil
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	}
}

func (p *pausing) Close() error { return nil }

// An answer that comes slowly is read to its end; one that no longer comes is given up, by an error that Retry knows.
func TestStallOfAnAnswer(t *testing.T) {
	for pause, ok := range map[time.Duration]bool{29 * time.Second: true, 31 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			timeout := &Timeout{Stall: 30 * time.Second, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				resp := answer(req, 200, "")
				resp.Body = &pausing{req.Context(), pause, 10}
				return resp, nil
			})}
			resp, err := timeout.RoundTrip(newRequest(t, "GET", "https://registry.example/", nil))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // who reads may take their time
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			if (err == nil) != ok {
				t.Errorf("a byte each %s: error %v", pause, err)
			}
			if !ok && (!transientError(err) || err.Error() != "registry.example: the connection moved nothing for 30s") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A body that the network no longer takes is given up. It may come slowly, and the answer to it too.
func TestStallOfARequest(t *testing.T) {
	for name, test := range map[string]struct {
		body   time.Duration // before each byte of the body
		taking time.Duration // before each byte is taken
		answer time.Duration
		ok     bool
	}{
		"all is fast":        {0, 0, 0, true},
		"the body is slow":   {time.Hour, 0, 0, true},
		"the answer is slow": {0, 0, time.Hour, true},
		"the network stalls": {0, 31 * time.Second, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			timeout := &Timeout{Stall: 30 * time.Second, Base: roundTripper(func(req *http.Request) (*http.Response, error) {
				for buf := make([]byte, 1); ; {
					if _, err := req.Body.Read(buf); err != nil {
						break
					}
					select {
					case <-time.After(test.taking):
					case <-req.Context().Done():
						return nil, req.Context().Err()
					}
				}
				req.Body.Close()
				time.Sleep(test.answer)
				return answer(req, 201, ""), nil
			})}
			req := newRequest(t, "PUT", "https://registry.example/", &pausing{t.Context(), test.body, 5})
			req.ContentLength = 5
			resp, err := timeout.RoundTrip(req)
			if (err == nil) != test.ok {
				t.Errorf("%s: error %v", name, err)
			}
			if err == nil {
				resp.Body.Close()
			} else if errors.Is(err, context.Canceled) || !transientError(err) || !strings.Contains(err.Error(), "moved nothing for 30s") {
				t.Errorf("%s: error %v", name, err)
			}
		})
	}
}
