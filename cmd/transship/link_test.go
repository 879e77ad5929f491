package main

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// link simulates the network between a client and a server. Connecting takes no time.
type link struct {
	delay time.Duration // each way
	rate  int64         // limit in bytes per second for each connection, towards the client; 0 means none
}

// farLink has a round trip of 50 ms.
func farLink() link { return link{delay: 25 * time.Millisecond} }

// listenBefore starts the link in front of a server and returns the address for clients. The zero
// link returns the server's own.
func (l link) listenBefore(t testing.TB, server string) (host string) {
	t.Helper()
	if l == (link{}) {
		return server
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go l.forwardConn(client, server)
		}
	})
	t.Cleanup(func() {
		listener.Close()
		open.Wait()
	})
	return listener.Addr().String()
}

// forwardConn forwards the bytes of a connection in both directions.
func (l link) forwardConn(client net.Conn, server string) {
	defer client.Close()
	to, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer to.Close()
	var both sync.WaitGroup
	both.Go(func() { link{delay: l.delay}.forward(to, client) })
	both.Go(func() { l.forward(client, to) })
	both.Wait()
}

// chunk is a run of bytes in transit.
type chunk struct {
	due   time.Time
	bytes []byte
}

// forward copies from one connection to the other, with the link's delay and rate.
func (l link) forward(to, from net.Conn) {
	way := make(chan chunk, 1024)
	go func() {
		defer close(way)
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			if n > 0 {
				way <- chunk{time.Now().Add(l.delay), append([]byte(nil), buf[:n]...)}
			}
			if err != nil {
				return
			}
		}
	}()
	var free time.Time // when the chunk before has left the link
	for p := range way {
		if l.rate > 0 {
			free = later(free, p.due).Add(time.Duration(int64(len(p.bytes)) * int64(time.Second) / l.rate))
			p.due = free
		}
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.bytes); err != nil {
			break
		}
	}
	_ = to.(*net.TCPConn).CloseWrite()
	_ = from.(*net.TCPConn).CloseRead()
	for range way { // so that the reading goroutine ends
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// callCounter counts the calls to a registry by kind, in all and at the same time.
type callCounter struct {
	http.Handler
	mu     sync.Mutex
	delay  time.Duration  // before each call is handled
	calls  map[string]int // by method and pathKind, such as "PUT manifests"; "" is all calls
	now    map[string]int
	maxNow map[string]int
}

// ServeHTTP implements http.Handler.
func (c *callCounter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, kind := range []string{"", r.Method + " " + pathKind(r.URL.Path)} {
		c.add(kind, 1)
		defer c.add(kind, -1)
	}
	time.Sleep(c.delay)
	c.Handler.ServeHTTP(w, r)
}

// pathKind returns the kind of endpoint that a path belongs to.
func pathKind(path string) string {
	for _, part := range []string{"manifests", "uploads", "blobs", "tags"} {
		if strings.Contains(path, "/"+part+"/") {
			return part
		}
	}
	return "other"
}

func (c *callCounter) add(kind string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[kind] += max(n, 0)
	c.now[kind] += n
	c.maxNow[kind] = max(c.maxNow[kind], c.now[kind])
}

// total returns the number of calls of a kind.
func (c *callCounter) total(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[kind]
}

// maxConcurrent returns the largest number of calls of a kind at the same time.
func (c *callCounter) maxConcurrent(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.maxNow[kind]
}

// reset clears the counts and sets the delay of later calls.
func (c *callCounter) reset(delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delay, c.calls, c.maxNow = delay, map[string]int{}, map[string]int{}
}

// wantAtMost checks the number of calls, in all and at the same time.
func (c *callCounter) wantAtMost(t testing.TB, calls, most int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[""] > calls || c.maxNow[""] > most {
		t.Errorf("%d calls, %d at once, want at most %d and %d: %v", c.calls[""], c.maxNow[""], calls, most, c.calls)
	}
}

// startRegistry starts an empty registry behind the link, with counted calls.
func (l link) startRegistry(t testing.TB) (*server, *callCounter) {
	t.Helper()
	s := startServer(t)
	c := &callCounter{Handler: s.Faults, now: map[string]int{}}
	c.reset(0)
	s.host = l.listenBefore(t, listen(t, c))
	return s, c
}
