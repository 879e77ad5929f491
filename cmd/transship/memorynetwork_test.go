package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
)

// memoryNetwork connects servers and clients by net.Pipe, so that a synctest bubble can tell when
// all of them only wait, and its clock goes on.
type memoryNetwork struct {
	mu        sync.Mutex
	listeners map[string]*memoryListener // by host:port
	servers   []*http.Server
	stop      []context.CancelFunc // of the servers' requests
}

// serve serves plain HTTP at an address, host:port.
func (n *memoryNetwork) serve(address string, h http.Handler) {
	l := &memoryListener{address: memoryAddress(address), accept: make(chan net.Conn), closed: make(chan struct{})}
	// A handler that does not read its request's body does not learn that the client is gone.
	ctx, stop := context.WithCancel(context.Background())
	s := &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: log.New(io.Discard, "", 0)}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[string]*memoryListener{}
	}
	n.listeners[address] = l
	n.servers, n.stop = append(n.servers, s), append(n.stop, stop)
	go s.Serve(l)
}

// close closes all servers and their connections.
func (n *memoryNetwork) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, s := range n.servers {
		n.stop[i]()
		s.Close()
	}
}

func (n *memoryNetwork) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: memoryAddress(address), Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	select {
	case l.accept <- memoryConn{server, l.address}:
		return memoryConn{client, l.address}, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// memoryListener is where a server takes its connections from.
type memoryListener struct {
	address memoryAddress
	accept  chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return l.address }

// memoryConn is one end of a connection.
type memoryConn struct {
	net.Conn
	address memoryAddress
}

// Write returns the error of a network where the peer has closed the connection.
func (c memoryConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if errors.Is(err, io.ErrClosedPipe) {
		err = &net.OpError{Op: "write", Net: "tcp", Addr: c.address, Err: os.NewSyscallError("write", syscall.EPIPE)}
	}
	return n, err
}

func (c memoryConn) LocalAddr() net.Addr  { return c.address }
func (c memoryConn) RemoteAddr() net.Addr { return c.address }

// memoryAddress is host:port.
type memoryAddress string

func (a memoryAddress) Network() string { return "tcp" }
func (a memoryAddress) String() string  { return string(a) }
