package listen

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// countingListener counts the writes of all its connections.
type countingListener struct {
	net.Listener
	writes *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return &countingConn{conn, l.writes}, err
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// Over TLS a client gets each write of a response at once and whole. With HTTP/1.1 it takes few system
// calls; HTTP/2 is as it was.
func TestGatherWrites(t *testing.T) {
	t.Parallel()
	const pieces, size = 4, 512 << 10 // a whole number of records: the last one is as large as the others
	for _, http2 := range []bool{false, true} {
		var writes atomic.Int64
		next := make(chan bool, pieces)
		server := httptest.NewUnstartedServer(gatherWrites(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := range pieces {
				<-next
				_, _ = w.Write(bytes.Repeat([]byte{byte(i)}, size))
			}
		})))
		server.Listener = &gatherListener{Listener: countingListener{server.Listener, &writes}}
		server.Config.ConnContext, server.EnableHTTP2 = connContext, http2
		server.StartTLS()
		resp, err := getAfter(server, next)
		if err != nil || (resp.ProtoMajor == 2) != http2 {
			t.Fatalf("%v, %+v", err, resp)
		}
		before := writes.Load()
		got := make([]byte, size)
		for i := range pieces {
			if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, size)) {
				t.Fatalf("piece %d: %v, or other bytes", i, err)
			}
			next <- true
		}
		resp.Body.Close()
		server.Close()
		if n, records := writes.Load()-before, int64((pieces-1)*size>>14); !http2 && n > records/4 {
			t.Errorf("%d writes for %d records", n, records)
		}
	}
}

// getAfter makes a call whose handler may write one piece.
func getAfter(server *httptest.Server, next chan<- bool) (*http.Response, error) {
	next <- true
	return server.Client().Get(server.URL)
}
