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

const somewhere = "https://registry.example/v2/a/"

// busy is a host that takes some time for each call, and only so many at once.
type busy struct {
	takes  time.Duration
	room   int // 0 is any number
	header http.Header
	mu     sync.Mutex
	now    int
	most   int
	late   int // calls refused
}

func (b *busy) RoundTrip(req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.now++
	b.most = max(b.most, b.now)
	refused := b.room > 0 && b.now > b.room
	if refused {
		b.late++
	}
	b.mu.Unlock()
	time.Sleep(b.takes)
	b.mu.Lock()
	b.now--
	b.mu.Unlock()
	if refused {
		return answer(req, 429, ""), nil
	}
	resp := answer(req, 200, "content")
	for name := range b.header {
		resp.Header.Set(name, b.header.Get(name))
	}
	return resp, nil
}

// flood sends n calls at once and waits for them.
func flood(t *testing.T, l *Limit, n int, method, url string) {
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

func TestLimitBeginsModestlyAndDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &busy{takes: 50 * time.Millisecond}
		l := &Limit{Base: host, Congestion: &Congestion{}}
		start := time.Now()
		flood(t, l, firstWindow+2*firstWindow+4*firstWindow, "GET", somewhere+"manifests/1")
		if took := time.Since(start); took != 150*time.Millisecond || host.most != mostWindow {
			t.Errorf("took %s with at most %d at once, want three round trips and %d", took, host.most, mostWindow)
		}
	})
}

// A host that refuses is asked less, not given up; one halving for all that it refused at once.
func TestLimitHalvesOncePerEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &busy{takes: 50 * time.Millisecond, room: 10}
		c := &Congestion{}
		l := &Limit{Base: host, Congestion: c}
		flood(t, l, firstWindow, "GET", somewhere+"manifests/1")
		w := c.window("registry.example", readCall)
		// The calls that the host has had room for let the window grow where their answers come first.
		if n := w.limit(); n < firstWindow/2 || n > (firstWindow+host.room)/2 {
			t.Errorf("after one epoch of refusals %d at once, want half of %d, or of %d", n, firstWindow, firstWindow+host.room)
		}
		host.late = 0
		flood(t, l, 500, "GET", somewhere+"manifests/1")
		if host.late > 100 { // with a window that stays it would be 188
			t.Errorf("%d of 500 calls refused by a host with room for 10", host.late)
		}
	})
}

func TestLimitHalvesWhereAnswersComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &busy{takes: 10 * time.Millisecond}
		c := &Congestion{}
		l := &Limit{Base: host, Congestion: c}
		flood(t, l, 200, "POST", somewhere+"blobs/uploads/")
		host.takes = time.Second
		flood(t, l, 400, "POST", somewhere+"blobs/uploads/")
		if n := c.window("registry.example", writeCall).limit(); n >= firstWindow || n < leastForLatency/2 {
			t.Errorf("%d at once at a host that has become slow", n)
		}
	})
}

func TestLimitReadsOneByOneWhereTheQuotaEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &busy{takes: time.Millisecond, header: http.Header{"Ratelimit-Remaining": {"9;w=21600"}}}
		told := 0
		l := &Limit{Base: host, Congestion: &Congestion{OnLow: func(host string, left int) {
			if told++; host != "registry.example" || left != 9 {
				t.Errorf("told of %s, %d", host, left)
			}
		}}}
		flood(t, l, 1, "GET", somewhere+"manifests/1")
		host.most = 0
		flood(t, l, 20, "GET", somewhere+"manifests/1")
		if host.most != 1 || told != 1 {
			t.Errorf("%d at once, told %d times", host.most, told)
		}
		flood(t, l, 20, "GET", somewhere+"blobs/sha256:0")
		if host.most < firstWindow {
			t.Errorf("%d blobs at once: they cost nothing", host.most)
		}
		host.most = 0
		host.header.Set("Ratelimit-Remaining", "100;w=21600")
		flood(t, l, 60, "GET", somewhere+"manifests/1")
		if host.most <= firstWindow {
			t.Errorf("%d at once with a fresh quota", host.most)
		}
	})
}

// A blob's GET counts until its body ends, and uploads that are fed from such GETs get through: with room for one call of a
// kind, a copy within one host ends.
func TestLimitCannotDeadlock(t *testing.T) {
	var host http.RoundTripper = roundTripper(func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			_, _ = io.ReadAll(req.Body)
			req.Body.Close()
		}
		return answer(req, 200, strings.Repeat("x", 1000)), nil
	})
	c := &Congestion{}
	l := &Limit{Base: host, Congestion: c}
	for kind := range uploadCall {
		c.window("registry.example", kind).bound(1)
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			body := &opening{open: func() io.ReadCloser {
				resp, err := l.RoundTrip(newRequest(t, "GET", somewhere+"blobs/sha256:0", nil))
				if err != nil {
					t.Error(err)
				}
				return resp.Body
			}}
			for _, req := range []*http.Request{
				newRequest(t, "POST", somewhere+"blobs/uploads/", nil),
				newRequest(t, "PUT", somewhere+"blobs/uploads/1", body),
				newRequest(t, "PUT", somewhere+fmt.Sprint("manifests/", i), strings.NewReader("{}")),
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

// opening is a body that is opened by its first Read.
type opening struct {
	open func() io.ReadCloser
	body io.ReadCloser
}

func (o *opening) Read(p []byte) (int, error) {
	if o.body == nil {
		o.body = o.open()
	}
	return o.body.Read(p)
}

func (o *opening) Close() error {
	if o.body != nil {
		return o.body.Close()
	}
	return nil
}

// Who does not want to wait any longer leaves no gap, and errors give their room back.
func TestLimitGivesRoomBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Congestion{}
		c.window("registry.example", readCall).bound(1)
		broken := errors.New("broken")
		hold := make(chan struct{})
		l := &Limit{Congestion: c, Base: roundTripper(func(*http.Request) (*http.Response, error) {
			<-hold
			return nil, broken
		})}
		send := func(ctx context.Context) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := l.RoundTrip(newRequest(t, "GET", somewhere+"manifests/1", nil).WithContext(ctx))
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
			t.Errorf("the second: %v", err)
		}
		close(hold)
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
		newRequest(t, "GET", "https://auth.example/token", nil): readCall,
		// A repository may be named like the API's words.
		newRequest(t, "GET", somewhere+"blobs/b/manifests/1", nil):                            readCall,
		newRequest(t, "PUT", somewhere+"manifests/b/blobs/uploads/1", strings.NewReader("x")): uploadCall,
		newRequest(t, "PUT", somewhere+"blobs/uploads/manifests/1", strings.NewReader("x")):   writeCall,
		newRequest(t, "GET", somewhere+"blobs/uploads/blobs/sha256:0", nil):                   downloadCall,
		newRequest(t, "GET", somewhere+"blobs/sha256:0", nil):                                 downloadCall,
		newRequest(t, "GET", somewhere+"blobs/uploads/1", nil):                                readCall,
		newRequest(t, "HEAD", somewhere+"blobs/sha256:0", nil):                                readCall,
		newRequest(t, "GET", somewhere+"manifests/1", nil):                                    readCall,
		newRequest(t, "POST", somewhere+"blobs/uploads/?mount=x", nil):                        writeCall,
		newRequest(t, "PUT", somewhere+"manifests/1", strings.NewReader("x")):                 writeCall,
		newRequest(t, "PUT", somewhere+"blobs/uploads/1", strings.NewReader("x")):             uploadCall,
		newRequest(t, "PATCH", somewhere+"blobs/uploads/1", strings.NewReader("x")):           uploadCall,
		newRequest(t, "DELETE", somewhere+"manifests/1", nil):                                 writeCall,
	} {
		if got := kindOf(req); got != want {
			t.Errorf("%s %s is %d, want %d", req.Method, req.URL, got, want)
		}
	}
}
