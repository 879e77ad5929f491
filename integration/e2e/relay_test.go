package e2e

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// relayOptions are the faults of a relay.
type relayOptions struct {
	rate     int64 // bytes a second from the client to the server, over all connections; 0 is unlimited
	cutAfter int64 // break the connection on which so many bytes have come from the server, as often as cuts says
	cutSent  int64 // the same for bytes to the server
	cuts     int32
	holdAt   int64 // stop passing anything on once so many bytes have come from the server
}

// relayServer is a TCP relay in front of a server that simulates network faults.
type relayServer struct {
	host string        // where clients connect to
	held chan struct{} // closed when holdAt is reached

	relayOptions
	server   string
	received atomic.Int64 // bytes from the server
	sent     atomic.Int64 // bytes to the server
	pace     sync.Mutex
	holding  sync.Once
	quit     chan struct{}
	released chan struct{} // closed when it holds nothing any more
}

// startRelay starts a relay in front of a server, given as host:port.
func startRelay(t testing.TB, server string, o relayOptions) *relayServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relayServer{host: l.Addr().String(), held: make(chan struct{}), relayOptions: o, server: server,
		quit: make(chan struct{}), released: make(chan struct{})}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			connections.Go(func() { r.serve(client) })
		}
	})
	t.Cleanup(func() {
		close(r.quit)
		l.Close()
		connections.Wait()
	})
	return r
}

// serve forwards one connection until either side ends it.
func (r *relayServer) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.server)
	if err != nil {
		return
	}
	defer server.Close()
	ended := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(server, &clientReader{Reader: client, relay: r})
		ended <- struct{}{}
	}()
	go func() {
		_, _ = io.Copy(client, &serverReader{Reader: server, relay: r})
		ended <- struct{}{}
	}()
	select {
	case <-ended:
	case <-r.quit:
	}
}

// release has the relay pass everything on from now on.
func (r *relayServer) release() { close(r.released) }

// clientReader reads what a client sends, limited to the relay's rate, and fails where the options
// cut.
type clientReader struct {
	io.Reader
	relay *relayServer
	here  int64 // bytes on this connection
}

// Read implements io.Reader.
func (p *clientReader) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b[:min(len(b), 16<<10)])
	p.here += int64(n)
	p.relay.sent.Add(int64(n))
	if p.relay.cut(p.relay.cutSent, p.here) {
		return 0, errCut
	}
	if p.relay.rate > 0 {
		p.relay.pace.Lock()
		defer p.relay.pace.Unlock()
		time.Sleep(time.Duration(int64(n) * int64(time.Second) / p.relay.rate))
	}
	return n, err
}

var errCut = errors.New("the relay cuts the connection")

// cut reports whether to break a connection after so many bytes.
func (r *relayServer) cut(after, passed int64) bool {
	return after > 0 && passed >= after && atomic.AddInt32(&r.cuts, -1) >= 0
}

// serverReader reads what a server sends, and fails or blocks where the options say.
type serverReader struct {
	io.Reader
	relay *relayServer
	here  int64 // bytes on this connection
}

// Read implements io.Reader.
func (w *serverReader) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	w.here += int64(n)
	all := w.relay.received.Add(int64(n))
	if w.relay.cut(w.relay.cutAfter, w.here) {
		return 0, errCut
	}
	if w.relay.holdAt > 0 && all >= w.relay.holdAt {
		w.relay.holding.Do(func() { close(w.relay.held) })
		select {
		case <-w.relay.quit:
		case <-w.relay.released:
		}
	}
	return n, err
}
