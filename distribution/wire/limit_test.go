package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const repo = "https://registry.example/v2/a/"

// busyHost answers each call after a delay, and with 429 if too many are in flight.
type busyHost struct {
	delay    time.Duration
	capacity int    // calls at once, 0 for any number
	quota    string // for Ratelimit-Remaining, if not empty

	mu          sync.Mutex
	inFlight    int
	maxInFlight int
	refused     int
}

func (h *busyHost) RoundTrip(req *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.inFlight++
	h.maxInFlight = max(h.maxInFlight, h.inFlight)
	refuse := h.capacity > 0 && h.inFlight > h.capacity
	if refuse {
		h.refused++
	}
	h.mu.Unlock()
	time.Sleep(h.delay)
	h.mu.Lock()
	h.inFlight--
	h.mu.Unlock()
	if refuse {
		return answer(req, 429, ""), nil
	}
	resp := answer(req, 200, "content")
	if h.quota != "" {
		resp.Header.Set("Ratelimit-Remaining", h.quota)
	}
	return resp, nil
}

// flood sends n calls at once and waits for them.
func flood(t *testing.T, l *Limiter, n int, method, url string) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			resp, err := l.RoundTrip(newRequest(t, method, url, nil))
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.ReadAll(resp.Body)
			resp.Body.Close()
		})
	}
	all.Wait()
}

func TestLimitStartsSmallAndDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &busyHost{delay: 50 * time.Millisecond}
		l := &Limiter{Base: host, Congestion: &Congestion{}}
		start := time.Now()
		flood(t, l, initialWindow+2*initialWindow+4*initialWindow, "GET", repo+"manifests/1")
		if took := time.Since(start); took != 150*time.Millisecond || host.maxInFlight != maxWindow {
			t.Errorf("took %s with at most %d at once, want three round trips and %d", took, host.maxInFlight, maxWindow)
		}
	})
}

// All refusals of one round trip halve the window once.
func TestLimitHalvesOncePerEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &busyHost{delay: 50 * time.Millisecond, capacity: 10}
		c := &Congestion{}
		l := &Limiter{Base: host, Congestion: c}
		flood(t, l, initialWindow, "GET", repo+"manifests/1")
		w := c.window("registry.example", readCall)
		// The window may have grown with the calls that the host accepted first.
		if n := w.capacity(); n < initialWindow/2 || n > (initialWindow+host.capacity)/2 {
			t.Errorf("after one round trip with refusals the window is %d, want half of %d to %d",
				n, initialWindow, initialWindow+host.capacity)
		}
		host.refused = 0
		flood(t, l, 500, "GET", repo+"manifests/1")
		if host.refused > 100 { // with a constant window it would be 188
			t.Errorf("%d of 500 calls were refused by a host with capacity 10", host.refused)
		}
	})
}

func TestLimitHalvesWhenLatencyGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &busyHost{delay: 10 * time.Millisecond}
		c := &Congestion{}
		l := &Limiter{Base: host, Congestion: c}
		flood(t, l, 200, "POST", repo+"blobs/uploads/")
		host.delay = time.Second
		flood(t, l, 400, "POST", repo+"blobs/uploads/")
		if n := c.window("registry.example", writeCall).capacity(); n >= initialWindow || n < minLatencyWindow/2 {
			t.Errorf("the window is %d at a host that has become slow", n)
		}
	})
}

func TestLimitReadsOneAtATimeWhenQuotaIsLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &busyHost{delay: time.Millisecond, quota: "9;w=21600"}
		reports := 0
		l := &Limiter{Base: host, Congestion: &Congestion{OnLowQuota: func(host string, left int) {
			if reports++; host != "registry.example" || left != 9 {
				t.Errorf("OnLow(%s, %d)", host, left)
			}
		}}}
		flood(t, l, 1, "GET", repo+"manifests/1")
		host.maxInFlight = 0
		flood(t, l, 20, "GET", repo+"manifests/1")
		if host.maxInFlight != 1 || reports != 1 {
			t.Errorf("%d at once, %d reports, want 1 and 1", host.maxInFlight, reports)
		}
		flood(t, l, 20, "GET", repo+"blobs/sha256:0")
		if host.maxInFlight < initialWindow {
			t.Errorf("%d blobs at once, though they do not count against the quota", host.maxInFlight)
		}
		host.maxInFlight = 0
		host.quota = "100;w=21600"
		flood(t, l, 60, "GET", repo+"manifests/1")
		if host.maxInFlight <= initialWindow {
			t.Errorf("%d at once with a new quota", host.maxInFlight)
		}
	})
}

// A blob's GET counts until its body ends, but an upload whose body comes from such a GET never
// waits. So even with windows of 1 call, copies within one host end.
func TestLimitCannotDeadlock(t *testing.T) {
	c := &Congestion{}
	l := &Limiter{Congestion: c, Base: responder(func(req *http.Request) *http.Response {
		if req.Body != nil {
			if _, err := io.ReadAll(req.Body); err != nil {
				t.Error(err)
			}
			req.Body.Close()
		}
		return answer(req, 200, strings.Repeat("x", 1000))
	})}
	for kind := range uploadCall {
		c.window("registry.example", kind).setMax(1)
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			body := &lazyBody{open: func() (*http.Response, error) {
				return l.RoundTrip(newRequest(t, "GET", repo+"blobs/sha256:0", nil))
			}}
			for _, req := range []*http.Request{
				newRequest(t, "POST", repo+"blobs/uploads/", nil),
				newRequest(t, "PUT", repo+"blobs/uploads/1", body),
				newRequest(t, "PUT", repo+fmt.Sprint("manifests/", i), strings.NewReader("{}")),
			} {
				resp, err := l.RoundTrip(req)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
			}
		})
	}
	all.Wait()
}

// A call that is cancelled while it waits, and a call that fails, release the window.
func TestLimitReleasesWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Congestion{}
		c.window("registry.example", readCall).setMax(1)
		broken := errors.New("broken")
		fail := make(chan struct{})
		l := &Limiter{Congestion: c, Base: roundTripper(func(*http.Request) (*http.Response, error) {
			<-fail
			return nil, broken
		})}
		send := func(ctx context.Context) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := l.RoundTrip(newRequest(t, "GET", repo+"manifests/1", nil).WithContext(ctx))
				done <- err
			}()
			synctest.Wait()
			return done
		}
		first := send(t.Context())
		ctx, cancel := context.WithCancelCause(t.Context())
		second, third := send(ctx), send(t.Context())
		enough := errors.New("enough")
		cancel(enough)
		if err := <-second; !errors.Is(err, enough) {
			t.Errorf("the cancelled call: error %v, want its cause", err)
		}
		close(fail)
		for _, done := range []chan error{first, third, send(t.Context())} {
			if err := <-done; !errors.Is(err, broken) {
				t.Error(err)
			}
		}
	})
}

func TestKindOf(t *testing.T) {
	hop := newRequest(t, "GET", "https://storage.example/x", nil)
	hop.Response = &http.Response{}
	for req, want := range map[*http.Request]callKind{
		hop: downloadCall,
		// Repositories named like the API's words.
		newRequest(t, "GET", repo+"blobs/b/manifests/1", nil):                            readCall,
		newRequest(t, "PUT", repo+"manifests/b/blobs/uploads/1", strings.NewReader("x")): uploadCall,
		newRequest(t, "PUT", repo+"blobs/uploads/manifests/1", strings.NewReader("x")):   writeCall,
		newRequest(t, "GET", repo+"blobs/uploads/blobs/sha256:0", nil):                   downloadCall,
		newRequest(t, "GET", "https://auth.example/token", nil):                          readCall,
		newRequest(t, "GET", repo+"blobs/sha256:0", nil):                                 downloadCall,
		newRequest(t, "GET", repo+"blobs/uploads/1", nil):                                readCall,
		newRequest(t, "HEAD", repo+"blobs/sha256:0", nil):                                readCall,
		newRequest(t, "GET", repo+"manifests/1", nil):                                    readCall,
		newRequest(t, "POST", repo+"blobs/uploads/?mount=x", nil):                        writeCall,
		newRequest(t, "PUT", repo+"manifests/1", strings.NewReader("x")):                 writeCall,
		newRequest(t, "PUT", repo+"blobs/uploads/1", strings.NewReader("x")):             uploadCall,
		newRequest(t, "PATCH", repo+"blobs/uploads/1", strings.NewReader("x")):           uploadCall,
		newRequest(t, "DELETE", repo+"manifests/1", nil):                                 writeCall,
	} {
		if got := kindOf(req); got != want {
			t.Errorf("%s %s is %d, want %d", req.Method, req.URL, got, want)
		}
	}
}
