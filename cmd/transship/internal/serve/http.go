package serve

import (
	"context"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// serveGrace is how long requests may go on when the server is stopped.
const serveGrace = 10 * time.Second

// pushWindow is how many bytes of blobs a client may send ahead over HTTP/2: with Go's 1 MiB, a push over a round trip of 50 ms
// gets to 20 MB/s at the most. Go allows less than 4 MiB.
const pushWindow = 4<<20 - 64<<10

// serve answers requests until ctx ends, and lets those under way come to their end then. A transfer may take as long as it
// takes, so that there is no timeout but for headers and connections that rest.
func (l *listener) serve(ctx context.Context, r *run.Run, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		TLSConfig:         l.tls,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		HTTP2:             &http.HTTP2Config{MaxReceiveBufferPerStream: pushWindow, MaxReceiveBufferPerConnection: pushWindow},
		ErrorLog:          log.New(serverLog{r}, "", 0),
	}
	unused := &unusedConns{conns: map[net.Conn]bool{}}
	server.ConnState = unused.note
	server.RegisterOnShutdown(unused.close)
	ended := make(chan error, 1)
	go func() {
		if l.tls != nil {
			ended <- server.ServeTLS(l, "", "")
			return
		}
		ended <- server.Serve(l)
	}()
	select {
	case err := <-ended:
		return &listenError{l.addr.String(), err}
	case <-ctx.Done():
	}
	r.Note("stopping: requests under way have %s", serveGrace)
	inTime, stop := context.WithTimeout(context.WithoutCancel(ctx), serveGrace)
	defer stop()
	if server.Shutdown(inTime) != nil {
		r.Note("requests that took longer were cut off")
		server.Close()
	}
	return nil
}

// unusedConns are connections on which no request has come yet. Clients make some for later, and a server that shuts down
// would wait for their first request.
type unusedConns struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

// note is told of each connection's states.
func (u *unusedConns) note(conn net.Conn, state http.ConnState) {
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

// serverLog is where the server complains of connections that went wrong, such as one without TLS.
type serverLog struct{ *run.Run }

// Write implements io.Writer.
func (s serverLog) Write(text []byte) (int, error) {
	s.Note("%s", cli.OneLine(string(text)))
	return len(text), nil
}
