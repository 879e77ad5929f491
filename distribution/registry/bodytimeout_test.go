package registry_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/distribution/registry"
)

// pipeListener accepts connections in memory, which a synctest bubble can wait for.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

// idleServer runs a test in a bubble, with a server whose bodies may rest for two minutes.
func idleServer(t *testing.T, h http.Handler, test func(t *testing.T, l *pipeListener)) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipeListener{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: &registry.BodyTimeout{Handler: h, Idle: 2 * time.Minute}}
		ended := make(chan error)
		go func() { ended <- server.Serve(l) }()
		test(t, l)
		server.Close()
		<-ended
	})
}

// openPipeSession opens an upload session over a connection.
func openPipeSession(t *testing.T, conn net.Conn, in *bufio.Reader) (path string) {
	t.Helper()
	fmt.Fprint(conn, "POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatal(resp, err)
	}
	return resp.Header.Get("Location")
}

// A body that moves may take any time. One that rests for two minutes ends with 408, and its session
// can be used again.
func TestBodyTimeout(t *testing.T) {
	idleServer(t, &registry.Handler{}, func(t *testing.T, l *pipeListener) {
		conn := l.dial()
		defer conn.Close()
		in := bufio.NewReader(conn)
		session := openPipeSession(t, conn, in)
		fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", session)
		for range 5 {
			time.Sleep(100 * time.Second)
			fmt.Fprint(conn, "x")
		}
		start := time.Now()
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(body), "stalled") || !resp.Close ||
			time.Since(start) != 2*time.Minute {
			t.Errorf("after %v: got %s %s", time.Since(start), resp.Status, body)
		}
		conn = l.dial()
		defer conn.Close()
		in = bufio.NewReader(conn)
		for _, request := range []string{"GET", "PATCH"} {
			time.Sleep(time.Hour) // deadlines of an earlier request do not count
			body := map[string]string{"PATCH": "y"}[request]
			fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", request, session, len(body), body)
			resp, err = http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := resp.Header.Get("Range"); got != "0-5" {
			t.Errorf("got %s, range %s", resp.Status, got)
		}
	})
}

// A body that no handler reads does not hold the connection either.
func TestBodyTimeoutOfUnreadBody(t *testing.T) {
	idleServer(t, &registry.Handler{}, func(t *testing.T, l *pipeListener) {
		conn := l.dial()
		defer conn.Close()
		fmt.Fprint(conn, "PUT /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
		start := time.Now()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusNotFound || time.Since(start) != 2*time.Minute {
			t.Errorf("after %v: got %v, %v", time.Since(start), resp, err)
		}
	})
}

// A client that takes nothing of a response loses its connection; one that is slow does not.
func TestBodyTimeoutOfResponse(t *testing.T) {
	const size = 8 << 20
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		_, _ = io.CopyN(w, strings.NewReader(strings.Repeat("x", size)), size)
	})
	for pause, want := range map[time.Duration]int64{time.Minute: size, time.Hour: 4096} {
		idleServer(t, h, func(t *testing.T, l *pipeListener) {
			conn := l.dial()
			defer conn.Close()
			fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			var n int64
			for err == nil {
				var part int64
				part, err = io.CopyN(io.Discard, resp.Body, 1<<20)
				n += part
				time.Sleep(pause)
			}
			if want == size && n != size || want < size && n >= 3<<20 {
				t.Errorf("a client that pauses for %v gets %d bytes: %v", pause, n, err)
			}
		})
	}
}
