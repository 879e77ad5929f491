package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/wire"
)

const defaultListen = "127.0.0.1:5000"

// listenFlags is where serve listens, as its flags say.
type listenFlags struct {
	address, insecure string
	cert, key         string

	addr *net.TCPAddr
	tls  *tls.Config // nil for plain HTTP
}

func (l *listenFlags) flags(fs *flag.FlagSet) {
	fs.StringVar(&l.address, "listen", "", "listen on this `address`: of loopback, or with TLS any; port 0 is any free one (default "+defaultListen+")")
	fs.StringVar(&l.insecure, "insecure-listen", "", "listen on this `address`, whichever it is, in plain HTTP")
	fs.StringVar(&l.cert, "tls-cert", "", "`file` with the certificate for TLS, and those that vouch for it (PEM)")
	fs.StringVar(&l.key, "tls-key", "", "`file` with the certificate's key (PEM)")
}

// check refuses flags that do not go together, and loads what they name.
func (l *listenFlags) check() error {
	switch {
	case l.address != "" && l.insecure != "":
		return &cli.UsageError{Message: "--listen and --insecure-listen exclude each other", Advice: "give the one that says how the registry is to be reached"}
	case (l.cert == "") != (l.key == ""):
		return &cli.UsageError{Message: "--tls-cert and --tls-key go together", Advice: "TLS needs a certificate and its key"}
	case l.insecure != "" && l.cert != "":
		return &cli.UsageError{Message: "--insecure-listen is without TLS", Advice: "with --tls-cert and --tls-key, --listen takes any address"}
	}
	if err := l.resolve(); err != nil || l.cert == "" {
		return err
	}
	pair, err := wire.KeyPair(l.target(), l.cert, l.key)
	l.tls = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	return err
}

// resolve finds the address, and refuses those that need TLS.
func (l *listenFlags) resolve() error {
	_, port, err := net.SplitHostPort(l.target())
	if _, errPort := strconv.ParseUint(port, 10, 16); err != nil || errPort != nil {
		return &cli.UsageError{
			Message: fmt.Sprintf("%q is no address to listen on", l.target()),
			Advice:  "an address is HOST:PORT, such as " + defaultListen + " or [::1]:5000; port 0 is any free one",
		}
	}
	if l.addr, err = net.ResolveTCPAddr("tcp", l.target()); err != nil {
		return &listenError{l.target(), err}
	}
	if l.insecure == "" && l.cert == "" && !l.addr.IP.IsLoopback() {
		return &cli.UsageError{
			Message: fmt.Sprintf("%s is no address of loopback, and without TLS only those are listened on", l.target()),
			Advice:  fmt.Sprintf("give --tls-cert and --tls-key, or --insecure-listen %s where plain HTTP will do", l.target()),
		}
	}
	return nil
}

// target is the address that is asked for.
func (l *listenFlags) target() string { return cmp.Or(l.insecure, l.address, defaultListen) }

// listener is an open port.
type listener struct {
	net.Listener
	tls  *tls.Config // nil for plain HTTP
	addr *net.TCPAddr
	url  string
}

// listenError says that there is no listening on an address.
type listenError struct {
	address string
	err     error
}

// Error names the address and the reason, without Go's words around it.
func (e *listenError) Error() string {
	err := e.err
	var number syscall.Errno
	if errors.As(err, &number) {
		err = number
	}
	return fmt.Sprintf("cannot listen on %s: %v", e.address, err)
}

// Unwrap returns the reason.
func (e *listenError) Unwrap() error { return e.err }

// ExitCode implements [coded].
func (*listenError) ExitCode() int { return cli.ExitNetwork }

// Hint implements [hinted].
func (e *listenError) Hint() string {
	switch {
	case cli.Has[*net.DNSError](e.err):
		return "check the host's name and the DNS"
	case errors.Is(e.err, syscall.EADDRINUSE):
		return "another program has that port; port 0 is any free one"
	case errors.Is(e.err, fs.ErrPermission):
		return "ports below 1024 may be for root alone"
	case errors.Is(e.err, syscall.EADDRNOTAVAIL):
		return "the address must be one of this machine"
	}
	return ""
}

// listen opens the port. "tcp" with 0.0.0.0 would be IPv6 too.
func (l *listenFlags) listen(ctx context.Context) (*listener, error) {
	network, scheme := "tcp", "http"
	if l.addr.IP.To4() != nil {
		network = "tcp4"
	}
	if l.tls != nil {
		scheme = "https"
	}
	var config net.ListenConfig
	opened, err := config.Listen(ctx, network, l.addr.String())
	if err != nil {
		return nil, &listenError{l.target(), err}
	}
	addr := opened.Addr().(*net.TCPAddr) // of a TCP network it is always one
	return &listener{opened, l.tls, addr, scheme + "://" + addr.String()}, nil
}

// local tells whether only programs of this machine get there.
func (l *listener) local() bool { return l.addr.IP.IsLoopback() }

// name is the registry's name in references of clients. One that listens on all addresses is called by the machine's
// name.
func (l *listener) name() string {
	host, err := os.Hostname()
	if err != nil || len(l.addr.IP) > 0 && !l.addr.IP.IsUnspecified() {
		return l.addr.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(l.addr.Port))
}
