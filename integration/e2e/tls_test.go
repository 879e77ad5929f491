package e2e

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// tlsSetup is an open registry with an image, and an empty registry behind nginx with TLS.
type tlsSetup struct {
	transship      servers.Program
	config         string
	certs          *servers.Certificates
	im             fixture.Image
	proxy          *servers.Proxy
	source, target string
}

func newTLSSetup(t *testing.T, o servers.ProxyOptions) tlsSetup {
	t.Helper()
	s := tlsSetup{certs: servers.NewCertificates(t), im: fixture.Real()}
	o.TLS = s.certs
	s.proxy = servers.Nginx(t, servers.Debian(t, servers.Options{}), o)
	s.source = push(t, servers.CNCF(t, servers.Options{}), s.im, "src/repo", "1.6")
	s.target = s.proxy.Host + "/dst/repo:1.6"
	s.transship, s.config = servers.Transship(t)
	return s
}

func (s tlsSetup) run(t *testing.T, flags ...string) servers.Result {
	t.Helper()
	return s.transship.Run(t, append([]string{"copy", s.source, s.target}, flags...)...)
}

func (s tlsSetup) mustCopy(t *testing.T, flags ...string) {
	t.Helper()
	runCopy(t, s.transship, s.im, append([]string{s.source, s.target}, flags...)...)
	verify(t, s.proxy, s.im, "dst/repo", "1.6")
}

// A private CA is trusted by flag or certs.d, separately for each side. Without it nothing is sent.
func TestPrivateCA(t *testing.T) {
	t.Parallel()
	s := newTLSSetup(t, servers.ProxyOptions{})
	wantRefused(t, s.run(t), exitNetwork, s.proxy.Host, "certificate", "--dst-ca", "--dst-insecure")
	wantRefused(t, s.run(t, "--src-ca", s.certs.CAFile), exitNetwork, s.proxy.Host, "--dst-ca")
	wantRefused(t, s.run(t, "--dst-ca", servers.NewCertificates(t).CAFile), exitNetwork, s.proxy.Host)
	wantRefused(t, s.run(t, "--dst-plain-http"), exitNetwork, s.proxy.Host, "--dst-plain-http")
	wantAbsent(t, s.proxy, "dst/repo", "1.6")
	s.mustCopy(t, "--dst-ca", s.certs.CAFile)

	wantRefused(t, s.transship.Run(t, "digest", s.target), exitNetwork, s.proxy.Host, "--ca", "--insecure")
	s.transship.Output(t, "digest", "--ca", s.certs.CAFile, s.target)
	s.transship.Output(t, "digest", "--insecure", s.target)
	s.certs.WriteCertsD(t, filepath.Join(s.config, "certs.d"), s.proxy.Host, false)
	s.transship.Output(t, "digest", s.target)
}

// --src-insecure and --dst-insecure hold for their side only.
func TestInsecure(t *testing.T) {
	t.Parallel()
	s := newTLSSetup(t, servers.ProxyOptions{})
	wantRefused(t, s.run(t, "--src-insecure"), exitNetwork, s.proxy.Host, "--dst-insecure")
	s.mustCopy(t, "--dst-insecure")
	back := s.transship.Run(t, "copy", "--dst-insecure", s.target, s.proxy.Host+"/mirror/repo:1.6")
	wantRefused(t, back, exitNetwork, s.proxy.Host, "--src-insecure")
	runCopy(t, s.transship, s.im, "--src-insecure", "--dst-insecure", s.target, s.proxy.Host+"/mirror/repo:1.6")
	verify(t, s.proxy, s.im, "mirror/repo", "1.6")
}

// A client certificate is taken from flags or from certs.d. The message of nginx for a missing one
// is printed.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	s := newTLSSetup(t, servers.ProxyOptions{ClientCertificates: true})
	other := servers.NewCertificates(t)
	wantRefused(t, s.run(t, "--dst-ca", s.certs.CAFile), exitNetwork,
		s.proxy.Host, "No required SSL certificate was sent", "--dst-cert", "--dst-key")
	wantRefused(t, s.run(t, "--dst-ca", s.certs.CAFile, "--dst-cert", other.ClientCertFile, "--dst-key",
		other.ClientKeyFile), exitNetwork,
		s.proxy.Host, "SSL certificate error", "--dst-cert", "--dst-key")
	wantRefused(t, s.run(t, "--dst-ca", s.certs.CAFile, "--dst-cert", s.certs.ClientCertFile), exitUsage,
		"--dst-cert needs --dst-key", "key")
	wantAbsent(t, s.proxy, "dst/repo", "1.6")
	s.mustCopy(t, "--dst-ca", s.certs.CAFile, "--dst-cert", s.certs.ClientCertFile, "--dst-key", s.certs.ClientKeyFile)

	s.certs.WriteCertsD(t, filepath.Join(s.config, "certs.d"), s.proxy.Host, true)
	runCopy(t, s.transship, s.im, s.target, s.proxy.Host+"/mirror/repo:1.6")
	verify(t, s.proxy, s.im, "mirror/repo", "1.6")
}

// A registry that requires a client certificate fails the handshake. With TLS 1.3 the failure
// arrives after the client has sent its request, and the connection may be reset before the client
// has read it: then the call is retried.
func TestClientCertificateOfRegistry(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certs := servers.NewCertificates(t)
			at := start(t, servers.Options{TLS: certs, ClientCertificates: true})
			ref := push(t, at, fixture.Real(), "dst/repo", "1.6")
			transship, _ := servers.Transship(t)
			digest := func(args ...string) servers.Result {
				r := transship.Run(t, append([]string{"digest", "--ca", certs.CAFile, ref}, args...)...)
				r.Stderr = announcement.ReplaceAllString(r.Stderr, "")
				return r
			}
			wantRefused(t, digest(), exitNetwork, at.Host, "--cert", "--key")
			other := servers.NewCertificates(t)
			wantRefused(t, digest("--cert", other.ClientCertFile, "--key", other.ClientKeyFile), exitNetwork, at.Host)
			transship.Output(t, "digest", "--ca", certs.CAFile, "--cert", certs.ClientCertFile, "--key",
				certs.ClientKeyFile, ref)
		})
	}
}

// announcement matches the line that announces a retry.
var announcement = regexp.MustCompile(`(?m)^.*; retrying in .*\n`)

// HTTP/2 is used where offered, unless --http1 is given.
func TestProtocol(t *testing.T) {
	t.Parallel()
	s := newTLSSetup(t, servers.ProxyOptions{HTTP2: true})
	for want, c := range map[string]struct {
		repository string
		flags      []string
	}{
		"HTTP/2.0": {"two/repo", nil},
		"HTTP/1.1": {"one/repo", []string{"--http1"}},
	} {
		s.proxy.ForgetCalls(t)
		target := s.proxy.Host + "/" + c.repository + ":1.6"
		runCopy(t, s.transship, s.im, append([]string{"--dst-ca", s.certs.CAFile, s.source, target}, c.flags...)...)
		verify(t, s.proxy, s.im, c.repository, "1.6")
		calls, protocols := s.proxy.Calls(t), s.proxy.Protocols(t)
		for i, got := range protocols {
			// The first call tries plain HTTP, since the registry is on loopback.
			if i > 0 && got != want {
				t.Errorf("%s %s, want %s", calls[i], got, want)
			}
		}
		if len(protocols) < 2 || calls[0].Status != 400 {
			t.Errorf("%s: calls:\n%s", want, calls)
		}
	}
}

// A loopback registry without TLS needs no flag. Plain HTTP to a TLS registry is reported as such.
func TestSchemes(t *testing.T) {
	t.Parallel()
	certs := servers.NewCertificates(t)
	plain, secure := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{TLS: certs})
	transship, _ := servers.Transship(t)
	ref := push(t, plain, fixture.Real(), "dst/repo", "1.6")
	transship.Output(t, "digest", ref)
	transship.Output(t, "digest", "--plain-http", ref)
	ref = push(t, secure, fixture.Real(), "dst/repo", "1.6")
	wantRefused(t, transship.Run(t, "digest", "--plain-http", "--ca", certs.CAFile, ref), exitNetwork, secure.Host,
		"--plain-http")
}
