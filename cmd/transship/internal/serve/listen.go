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
)

const defaultListen = "127.0.0.1:5000"

// listenFlags are the flags that say where to listen. check sets addr, certificate and tls.
type listenFlags struct {
	address, insecure string
	cert, key         string

	addr        *net.TCPAddr
	certificate *certificate // nil for plain HTTP
	tls         *tls.Config  // nil for plain HTTP
}

func (l *listenFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&l.address, "listen", "",
		"listen on this `address`: without TLS a loopback one; port 0 picks a free port (default "+defaultListen+")")
	fs.StringVar(&l.insecure, "insecure-listen", "", "listen on this `address`, loopback or not, in plain HTTP")
	fs.StringVar(&l.cert, "tls-cert", "", "`file` with the TLS certificate and its chain (PEM), read again when it changes")
	fs.StringVar(&l.key, "tls-key", "", "`file` with the certificate's key (PEM)")
}

// check refuses flags that contradict each other, and loads the certificate.
func (l *listenFlags) check() error {
	switch {
	case l.address != "" && l.insecure != "":
		return &cli.UsageError{
			Message: "--listen and --insecure-listen cannot be used together",
			Advice:  "leave out one of them",
		}
	case (l.cert == "") != (l.key == ""):
		return &cli.UsageError{
			Message: "--tls-cert and --tls-key must be given together",
			Advice:  "TLS needs a certificate and its key",
		}
	case l.insecure != "" && l.cert != "":
		return &cli.UsageError{
			Message: "--insecure-listen is plain HTTP, without TLS",
			Advice:  "with --tls-cert and --tls-key, --listen accepts any address",
		}
	}
	if err := l.resolve(); err != nil || l.cert == "" {
		return err
	}
	c, err := openCertificate(l.target(), l.cert, l.key)
	l.certificate = c
	l.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	return err
}

// resolve resolves the address, and refuses plain HTTP on addresses other than loopback.
func (l *listenFlags) resolve() error {
	_, port, err := net.SplitHostPort(l.target())
	if _, errPort := strconv.ParseUint(port, 10, 16); err != nil || errPort != nil {
		return &cli.UsageError{
			Message: fmt.Sprintf("%q is not an address to listen on", l.target()),
			Advice:  "an address is HOST:PORT, such as " + defaultListen + " or [::1]:5000; port 0 picks a free port",
		}
	}
	if l.addr, err = net.ResolveTCPAddr("tcp", l.target()); err != nil {
		return &listenError{l.target(), err}
	}
	if l.insecure == "" && l.cert == "" && !l.addr.IP.IsLoopback() {
		return &cli.UsageError{
			Message: fmt.Sprintf("%s is not a loopback address, and other addresses need TLS", l.target()),
			Advice:  fmt.Sprintf("give --tls-cert and --tls-key, or --insecure-listen %s for plain HTTP", l.target()),
		}
	}
	return nil
}

// target returns the address as the flags say it.
func (l *listenFlags) target() string { return cmp.Or(l.insecure, l.address, defaultListen) }

// listener is an open port.
type listener struct {
	net.Listener
	tls  *tls.Config // nil for plain HTTP
	addr *net.TCPAddr
	url  string
}

// listenError says that an address cannot be listened on.
type listenError struct {
	address string
	err     error
}

// Error names the address and the reason, without the text that package net puts around it.
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

// ExitCode returns [cli.ExitNetwork].
func (*listenError) ExitCode() int { return cli.ExitNetwork }

// Hint says what to try for the usual reasons.
func (e *listenError) Hint() string {
	switch {
	case cli.Has[*net.DNSError](e.err):
		return "check the host's name and the DNS"
	case errors.Is(e.err, syscall.EADDRINUSE):
		return "another program uses that port; port 0 picks a free port"
	case errors.Is(e.err, fs.ErrPermission):
		return "ports below 1024 may need root"
	case errors.Is(e.err, syscall.EADDRNOTAVAIL):
		return "the address must be one of this machine's"
	}
	return ""
}

// open opens the port. For an IPv4 address it uses "tcp4": "tcp" with 0.0.0.0 would listen on IPv6
// too.
func (l *listenFlags) open(ctx context.Context) (*listener, error) {
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
	addr := opened.Addr().(*net.TCPAddr) // always of this type on a TCP network
	return &listener{opened, l.tls, addr, scheme + "://" + addr.String()}, nil
}

// isLoopback reports whether only programs on this machine can connect.
func (l *listener) isLoopback() bool { return l.addr.IP.IsLoopback() }

// name returns the registry's host in references. If it listens on all addresses that is the
// machine's host name.
func (l *listener) name() string {
	host, err := os.Hostname()
	if err != nil || len(l.addr.IP) > 0 && !l.addr.IP.IsUnspecified() {
		return l.addr.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(l.addr.Port))
}
