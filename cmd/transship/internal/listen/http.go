package listen

import (
	"context"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/registry"
)

// shutdownGrace is how long requests may take to finish when the server is stopped.
const shutdownGrace = 10 * time.Second

// bodyIdle is how long a request's body may send nothing, and a client take nothing of a response's.
const bodyIdle = 2 * time.Minute

// pushWindow is the receive window of HTTP/2 in bytes. With Go's 1 MiB, a push over a round trip of
// 50 ms reaches 20 MB/s at most. Go allows less than 4 MiB.
const pushWindow = 4<<20 - 64<<10

// newServer returns the server of a handler. It notes what goes wrong in connections.
func (l *Listener) newServer(r *run.Run, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           &registry.BodyTimeout{Handler: gatherWrites(h), Idle: bodyIdle},
		TLSConfig:         l.tls,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ConnContext:       connContext,
		ErrorLog:          log.New(noteWriter{r}, "", 0),
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream:     pushWindow,
			MaxReceiveBufferPerConnection: pushWindow,
		},
	}
}

// Serve answers requests until ctx ends, and then lets requests in progress finish. Transfers have
// no timeout while bytes move; headers and idle connections have one.
func (l *Listener) Serve(ctx context.Context, r *run.Run, h http.Handler) error {
	server := l.newServer(r, h)
	unused := &unusedConns{conns: map[net.Conn]bool{}}
	server.ConnState = unused.stateChanged
	server.RegisterOnShutdown(unused.close)
	ended := make(chan error, 1)
	go func() {
		if l.tls != nil {
			ended <- server.ServeTLS(&gatherListener{Listener: l}, "", "")
			return
		}
		ended <- server.Serve(l)
	}()
	select {
	case err := <-ended:
		return &listenError{l.addr.String(), err}
	case <-ctx.Done():
	}
	r.Note("stopping: requests in progress have %s to finish", shutdownGrace)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if server.Shutdown(grace) != nil {
		r.Note("requests that took longer were cut off")
		server.Close()
	}
	return nil
}

// unusedConns are the connections without a request yet. Clients open some in advance, and Shutdown
// waits for their first request.
type unusedConns struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// stateChanged is the server's ConnState hook.
func (u *unusedConns) stateChanged(conn net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.conns, conn)
	if state == http.StateNew {
		u.conns[conn] = true
	}
}

func (u *unusedConns) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for conn := range u.conns {
		conn.Close()
	}
}

// noteWriter prints the server's log as notes: connections that failed, such as one without TLS.
type noteWriter struct{ *run.Run }

// Write implements io.Writer.
func (w noteWriter) Write(text []byte) (int, error) {
	w.Note("%s", cli.OneLine(string(text)))
	return len(text), nil
}
