// Package listen is how a command listens as a server: the flags that say where and with which
// certificate ([Flags]), and the server that stops when the run ends ([Listener]).
package listen

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
	"strings"
	"syscall"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/listen/ownca"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// Flags are the flags that say where to listen. Check sets addr, certificate and tls.
type Flags struct {
	Default string // the address without a flag

	address, insecure string
	cert, key         string
	newDir            string         // of a certificate made here
	names             cli.StringList // more names of it

	addr        *net.TCPAddr
	certificate *certificate  // nil for plain HTTP
	tls         *tls.Config   // nil for plain HTTP
	made        *ownca.Result // nil without --tls-new
}

// Register registers the flags.
func (l *Flags) Register(fs *flag.FlagSet) {
	fs.StringVar(&l.address, "listen", "",
		"listen on this `address`, HOST:PORT; it must be a loopback one without TLS, and port 0 is a free port (default "+
			l.Default+")")
	fs.StringVar(&l.insecure, "insecure-listen", "",
		"like --listen, in plain HTTP on any `address`: everybody on the network can read what is sent")
	fs.StringVar(&l.cert, "tls-cert", "", "`file` with the TLS certificate and its chain (PEM), read again when it changes")
	fs.StringVar(&l.key, "tls-key", "", "`file` with the certificate's key (PEM)")
	fs.Func("tls-new", "make a CA and a certificate in this `folder`, keep them there, and say where clients need the CA",
		func(dir string) error {
			if l.newDir = dir; dir == "" {
				return errors.New("--tls-new needs the name of a folder")
			}
			return nil
		})
	fs.Var(&l.names, "tls-name",
		"more `names` or addresses for the certificate of --tls-new, such as registry.example.com,10.0.0.7")
}

// Given returns the name of one of the flags that is given, "" for none.
func (l *Flags) Given(fs *flag.FlagSet) (name string) {
	own := flag.NewFlagSet("", flag.ContinueOnError)
	new(Flags).Register(own)
	fs.Visit(func(f *flag.Flag) {
		if own.Lookup(f.Name) != nil {
			name = f.Name
		}
	})
	return name
}

// Check refuses flags that contradict each other with a [cli.UsageError], and loads the certificate.
func (l *Flags) Check() error {
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
	case l.cert != "" && l.newDir != "":
		return &cli.UsageError{
			Message: "--tls-new makes a certificate, and --tls-cert gives one",
			Advice:  "leave out one of them",
		}
	case l.insecure != "" && (l.cert != "" || l.newDir != ""):
		return &cli.UsageError{
			Message: "--insecure-listen is plain HTTP, without TLS",
			Advice:  "with --tls-new, or --tls-cert and --tls-key, --listen accepts any address",
		}
	}
	if err := l.checkNames(); err != nil {
		return err
	}
	if err := l.resolve(); err != nil || l.cert == "" {
		return err
	}
	return l.useCertificate(l.cert, l.key)
}

// useCertificate has the server speak TLS with a certificate.
func (l *Flags) useCertificate(cert, key string) error {
	c, err := openCertificate(l.target(), cert, key)
	l.certificate = c
	l.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	return err
}

// resolve resolves the address, and refuses plain HTTP on addresses other than loopback.
func (l *Flags) resolve() error {
	_, port, err := net.SplitHostPort(l.target())
	if _, errPort := strconv.ParseUint(port, 10, 16); err != nil || errPort != nil {
		return &cli.UsageError{
			Message: fmt.Sprintf("%q is not an address to listen on", l.target()),
			Advice:  "an address is HOST:PORT, such as " + l.Default + " or [::1]:5000; port 0 picks a free port",
		}
	}
	if l.addr, err = net.ResolveTCPAddr("tcp", l.target()); err != nil {
		return &listenError{l.target(), err}
	}
	if l.insecure == "" && l.cert == "" && l.newDir == "" && !l.addr.IP.IsLoopback() {
		return &cli.UsageError{
			Message: fmt.Sprintf("%s is not a loopback address, and other addresses need TLS", l.target()),
			Advice:  fmt.Sprintf("give --tls-new DIR, --tls-cert and --tls-key, or --insecure-listen %s for plain HTTP", l.target()),
		}
	}
	return nil
}

// target returns the address as the flags say it.
func (l *Flags) target() string { return cmp.Or(l.insecure, l.address, l.Default) }

// Listener is an open port.
type Listener struct {
	net.Listener
	URL string // such as http://127.0.0.1:5000

	tls  *tls.Config // nil for plain HTTP
	addr *net.TCPAddr
	host string // of --tls-name; "" without
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

// Open makes the certificate of --tls-new, unless its folder has it, and opens the port. Check has
// succeeded before. For an IPv4 address it uses "tcp4": "tcp" with 0.0.0.0 would listen on IPv6 too.
func (l *Flags) Open(ctx context.Context, r *run.Run) (*Listener, error) {
	if err := l.makeCertificate(); err != nil {
		return nil, err
	}
	if l.certificate != nil {
		l.certificate.onError = func(err error) {
			r.Stderr.Line("warning: %s; the certificate read before stays in use", cli.OneLine(err.Error()))
		}
		if reason := l.certificate.notValidNow(); reason != "" {
			r.Stderr.Line("warning: %s: clients refuse it", reason)
		}
	}
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
	host := ""
	if len(l.names) > 0 && !strings.HasPrefix(l.names[0], "*") {
		host = l.names[0]
	}
	return &Listener{opened, scheme + "://" + addr.String(), l.tls, addr, host}, nil
}

// IsLoopback reports whether only programs on this machine can connect.
func (l *Listener) IsLoopback() bool { return l.addr.IP.IsLoopback() }

// HasTLS reports whether clients must speak TLS.
func (l *Listener) HasTLS() bool { return l.tls != nil }

// Name returns the registry's host in references: that of --tls-name, or, if it listens on all
// addresses, the machine's host name.
func (l *Listener) Name() string {
	if l.host != "" {
		return net.JoinHostPort(l.host, strconv.Itoa(l.addr.Port))
	}
	host, err := os.Hostname()
	if err != nil || len(l.addr.IP) > 0 && !l.addr.IP.IsUnspecified() {
		return l.addr.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(l.addr.Port))
}
