package auth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestConcurrentRequestsShareOneToken(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(bob)
	reg.wantStatus(rt, "GET", "/v2/warm/x", Repository("warm", Pull), 200) // the challenge is known
	reg.log = nil

	// The token server waits until all requests need the token. Requests for a part of its scope
	// wait for it too.
	const n = 8
	release := make(chan struct{})
	reg.authenticate = func(http.ResponseWriter, *http.Request) bool { <-release; return true }
	var group sync.WaitGroup
	first := reg.request("PUT", "/v2/a/x", Repository("a", Pull, Push), nil)
	get := func(req *http.Request) {
		resp, err := rt.RoundTrip(req)
		if err != nil || resp.StatusCode != 200 {
			t.Error(resp, err)
			return
		}
		resp.Body.Close()
	}
	group.Go(func() { get(first) })
	waitForWaiters(t, rt, reg, 1)
	for range n - 1 {
		group.Go(func() { get(reg.request("GET", "/v2/a/x", Repository("a", Pull), nil)) })
	}
	waitForWaiters(t, rt, reg, n)
	close(release)
	group.Wait()
	tokens := 0
	for _, call := range reg.log {
		if call == "token GET repository:a:pull,push" {
			tokens++
		}
	}
	if tokens != 1 || len(reg.log) != n+1 {
		t.Errorf("calls: %q", reg.log)
	}
}

// waitForWaiters waits until n requests wait for the only token request.
func waitForWaiters(t *testing.T, rt *Transport, reg *testRegistry, n int) {
	t.Helper()
	requests := &rt.registry(reg.host()).tokenRequests
	eventually(func() bool {
		requests.mu.Lock()
		defer requests.mu.Unlock()
		return len(requests.calls) == 1 && requests.calls[0].waiters == n
	})
}

// eventually waits until done reports true. If it never does, go test -timeout ends the test and shows this line.
func eventually(done func() bool) {
	for !done() {
		time.Sleep(time.Millisecond)
	}
}

func TestGroupWaiterCanBeCancelledAlone(t *testing.T) {
	var g group[string, int]
	release := make(chan struct{})
	work := func(ctx context.Context) (int, error) {
		select {
		case <-release:
			return 7, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	same := func(key string) bool { return key == "k" }
	ctx, cancel := context.WithCancel(context.Background())
	first, second := make(chan error), make(chan int)
	go func() { _, err := g.do(ctx, "k", same, work); first <- err }()
	eventually(func() bool { return g.waiters() == 1 })
	go func() { n, _ := g.do(context.Background(), "k", same, work); second <- n }()
	eventually(func() bool { return g.waiters() == 2 })
	cancel() // the caller that started the work
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled caller got %v", err)
	}
	close(release)
	if n := <-second; n != 7 {
		t.Errorf("the other caller got %d", n)
	}
}

func TestGroupCancelsWorkWithoutWaiters(t *testing.T) {
	var g group[string, int]
	same := func(string) bool { return true }
	ctx, cancel := context.WithCancel(context.Background())
	stopped, result := make(chan struct{}), make(chan error)
	go func() {
		_, err := g.do(ctx, "k", same, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			close(stopped)
			return 0, ctx.Err()
		})
		result <- err
	}()
	eventually(func() bool { return g.waiters() == 1 })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-stopped

	n, err := g.do(context.Background(), "k", same, func(context.Context) (int, error) { return 3, nil })
	if n != 3 || err != nil {
		t.Errorf("after that: %d, %v", n, err)
	}
}

// waiters returns the number of callers that wait for the first call.
func (g *group[K, V]) waiters() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.calls) == 0 {
		return 0
	}
	return g.calls[0].waiters
}

// The token request is cancelled when its last waiter is.
func TestTokenRequestIsCancelledWithLastWaiter(t *testing.T) {
	reg := newTestRegistry(t)
	entered, ended := make(chan struct{}), make(chan struct{})
	reg.authenticate = func(rw http.ResponseWriter, r *http.Request) bool {
		close(entered)
		<-r.Context().Done()
		close(ended)
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	req := reg.request("GET", "/v2/a/x", Scope{}, nil)
	req = req.WithContext(WithScope(ctx, reg.host(), Repository("a", Pull)))
	rt := reg.transport(nil)
	result := make(chan error)
	go func() { _, err := rt.RoundTrip(req); result <- err }()
	<-entered
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-ended

	reg.authenticate = func(http.ResponseWriter, *http.Request) bool { return true }
	reg.wantStatus(rt, "GET", "/v2/a/x", Repository("a", Pull), 200)
}

func TestConcurrentRequestsOfSeveralRepositories(t *testing.T) {
	reg := newTestRegistry(t)
	rt := reg.transport(bob)
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			name := []string{"a", "b", "c"}[i%3]
			method := []string{"GET", "PUT"}[i%2]
			resp, err := rt.RoundTrip(reg.request(method, "/v2/"+name+"/x", Repository(name, Pull, Push), nil))
			if err != nil || resp.StatusCode != 200 {
				t.Error(resp, err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
	group.Wait()
	if reg.issued != 3 {
		t.Errorf("%d tokens for 3 repositories", reg.issued)
	}
}
