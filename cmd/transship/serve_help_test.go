package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// runningServe is a running transship serve.
type runningServe struct {
	url, host string
	log       *lockedBuffer // its standard error so far
	stop      func() result // interrupts it
	wait      func() result // waits until it ends by itself
}

// startServe starts transship serve, on a free loopback port unless args has a listen flag.
func (p *program) startServe(args ...string) *runningServe {
	p.t.Helper()
	return p.start(append([]string{"serve"}, args...)...)
}

// start starts serve or record, on a free loopback port unless args has a listen flag.
func (p *program) start(args ...string) *runningServe {
	p.t.Helper()
	line := strings.Join(args, " ")
	if !strings.Contains(line, "listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	ctx, cancel := context.WithCancelCause(p.ctx)
	q := newProgram(p.t)
	q.ctx, q.env = ctx, p.env
	urls, log := make(chan string, 1), &lockedBuffer{}
	q.stdout, q.stderr = firstLine(urls), log
	ended := make(chan result, 1)
	go func() { ended <- q.run(args...) }()
	s := &runningServe{log: log}
	s.wait = sync.OnceValue(func() result { return <-ended })
	s.stop = func() result { cancel(cli.ErrInterrupted); return s.wait() }
	select {
	case s.url = <-urls:
	case o := <-ended:
		p.t.Fatalf("%s\nends with %d: %s", o.line, o.code, log)
	}
	p.t.Cleanup(func() { s.stop() })
	_, s.host, _ = strings.Cut(s.url, "://")
	return s
}

// firstLine sends the first line written to it, without its newline.
type firstLine chan<- string

func (f firstLine) Write(p []byte) (int, error) {
	select {
	case f <- strings.TrimSuffix(string(p), "\n"):
	default:
	}
	return len(p), nil
}

// lockedBuffer is a text that may be written and read by different goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *lockedBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *lockedBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// waitForLog waits until standard error contains a text.
func (s *runningServe) waitForLog(t testing.TB, text string) {
	t.Helper()
	eventually(t, func() bool { return strings.Contains(s.log.String(), text) },
		func() string { return fmt.Sprintf("serve does not say %q:\n%s", text, s.log) })
}

// saveBundle saves images into a tar and returns its path.
func (p *program) saveBundle(name string, args ...string) string {
	p.t.Helper()
	path := filepath.Join(p.env["HOME"], name)
	p.run(append([]string{"save", "-q", "-o", path}, args...)...).want(0)
	return path
}

// get returns the status and the body of a GET.
func get(t testing.TB, client *http.Client, url string) (int, string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// writeCertificate writes a self-signed certificate for 127.0.0.1 and its key into the program's
// home.
func (p *program) writeCertificate(name string) (cert, key string) {
	return p.writeCertificateUntil(name, time.Now().Add(time.Hour))
}

func (p *program) writeCertificateUntil(name string, end time.Time) (cert, key string) {
	p.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: end, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		p.t.Fatal(err)
	}
	secretKey, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		p.t.Fatal(err)
	}
	cert = p.writeFile(name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = p.writeFile(name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secretKey})))
	return cert, key
}

// fileExists reports whether there is a file or folder.
func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
