package e2e

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// tlsSetup is an open registry that holds an image, and a registry behind nginx with TLS.
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
	s.source = push(t, servers.CNCF(t, servers.Options{}), s.im, "halohub/halo", "1.6")
	s.target = s.proxy.Host + "/hczjl/halo:1.6"
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
	verify(t, s.proxy, s.im, "hczjl/halo", "1.6")
}

// A private CA is trusted by flag or by certs.d, on either side; without it nothing is sent.
func TestPrivateCA(t *testing.T) {
	t.Parallel()
	s := newTLSSetup(t, servers.ProxyOptions{})
	wantRefused(t, s.run(t), exitNetwork, s.proxy.Host, "certificate", "--dst-ca", "--dst-insecure")
	wantRefused(t, s.run(t, "--src-ca", s.certs.CAFile), exitNetwork, s.proxy.Host, "--dst-ca")
	wantRefused(t, s.run(t, "--dst-ca", servers.NewCertificates(t).CAFile), exitNetwork, s.proxy.Host)
	wantRefused(t, s.run(t, "--dst-plain-http"), exitNetwork, s.proxy.Host, "--dst-plain-http")
	wantAbsent(t, s.proxy, "hczjl/halo", "1.6")
	s.mustCopy(t, "--dst-ca", s.certs.CAFile)

	wantRefused(t, s.transship.Run(t, "digest", s.target), exitNetwork, s.proxy.Host, "--ca", "--insecure")
	s.transship.Output(t, "digest", "--ca", s.certs.CAFile, s.target)
	s.transship.Output(t, "digest", "--insecure", s.target)
	s.certs.WriteCertsD(t, filepath.Join(s.config, "certs.d"), s.proxy.Host, false)
	s.transship.Output(t, "digest", s.target)
}

// Skipping verification is for the side that it is given for.
func TestInsecure(t *testing.T) {
	t.Parallel()
	s := newTLSSetup(t, servers.ProxyOptions{})
	wantRefused(t, s.run(t, "--src-insecure"), exitNetwork, s.proxy.Host, "--dst-insecure")
	s.mustCopy(t, "--dst-insecure")
	back := s.transship.Run(t, "copy", "--dst-insecure", s.target, s.proxy.Host+"/mirror/halo:1.6")
	wantRefused(t, back, exitNetwork, s.proxy.Host, "--src-insecure")
	runCopy(t, s.transship, s.im, "--src-insecure", "--dst-insecure", s.target, s.proxy.Host+"/mirror/halo:1.6")
	verify(t, s.proxy, s.im, "mirror/halo", "1.6")
}

// A client certificate comes from flags or from certs.d. nginx says in its own words that one is missing.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	s := newTLSSetup(t, servers.ProxyOptions{ClientCertificates: true})
	other := servers.NewCertificates(t)
	wantRefused(t, s.run(t, "--dst-ca", s.certs.CAFile), exitNetwork,
		s.proxy.Host, "No required SSL certificate was sent", "--dst-cert", "--dst-key")
	wantRefused(t, s.run(t, "--dst-ca", s.certs.CAFile, "--dst-cert", other.ClientCertFile, "--dst-key", other.ClientKeyFile), exitNetwork,
		s.proxy.Host, "SSL certificate error", "--dst-cert", "--dst-key")
	wantRefused(t, s.run(t, "--dst-ca", s.certs.CAFile, "--dst-cert", s.certs.ClientCertFile), exitNetwork, s.certs.ClientCertFile, "key")
	wantAbsent(t, s.proxy, "hczjl/halo", "1.6")
	s.mustCopy(t, "--dst-ca", s.certs.CAFile, "--dst-cert", s.certs.ClientCertFile, "--dst-key", s.certs.ClientKeyFile)

	s.certs.WriteCertsD(t, filepath.Join(s.config, "certs.d"), s.proxy.Host, true)
	runCopy(t, s.transship, s.im, s.target, s.proxy.Host+"/mirror/halo:1.6")
	verify(t, s.proxy, s.im, "mirror/halo", "1.6")
}

// A registry that asks for a client certificate itself refuses the handshake. With TLS 1.3 that comes when the client has
// sent its request already, and the connection may be reset before the client has read why: then it tries again.
func TestClientCertificateOfRegistry(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certs := servers.NewCertificates(t)
			at := start(t, servers.Options{TLS: certs, ClientCertificates: true})
			ref := push(t, at, fixture.Real(), "hczjl/halo", "1.6")
			transship, _ := servers.Transship(t)
			digest := func(args ...string) servers.Result {
				r := transship.Run(t, append([]string{"digest", "--ca", certs.CAFile, ref}, args...)...)
				r.Stderr = announcement.ReplaceAllString(r.Stderr, "")
				return r
			}
			wantRefused(t, digest(), exitNetwork, at.Host, "--cert", "--key")
			other := servers.NewCertificates(t)
			wantRefused(t, digest("--cert", other.ClientCertFile, "--key", other.ClientKeyFile), exitNetwork, at.Host)
			transship.Output(t, "digest", "--ca", certs.CAFile, "--cert", certs.ClientCertFile, "--key", certs.ClientKeyFile, ref)
		})
	}
}

// announcement matches a line that says that a call is repeated.
var announcement = regexp.MustCompile(`(?m)^.*; trying again in .*\n`)

// HTTP/2 is spoken where it is offered, unless --http1 forbids it.
func TestProtocol(t *testing.T) {
	t.Parallel()
	s := newTLSSetup(t, servers.ProxyOptions{HTTP2: true})
	for want, c := range map[string]struct {
		repository string
		flags      []string
	}{
		"HTTP/2.0": {"two/halo", nil},
		"HTTP/1.1": {"one/halo", []string{"--http1"}},
	} {
		s.proxy.ForgetCalls(t)
		target := s.proxy.Host + "/" + c.repository + ":1.6"
		runCopy(t, s.transship, s.im, append([]string{"--dst-ca", s.certs.CAFile, s.source, target}, c.flags...)...)
		verify(t, s.proxy, s.im, c.repository, "1.6")
		calls, protocols := s.proxy.Calls(t), s.proxy.Protocols(t)
		for i, got := range protocols {
			// The first call finds out by plain HTTP that the registry on loopback speaks TLS.
			if i > 0 && got != want {
				t.Errorf("%s %s, want %s", calls[i], got, want)
			}
		}
		if len(protocols) < 2 || calls[0].Status != 400 {
			t.Errorf("%s: calls:\n%s", want, calls)
		}
	}
}

// A registry on loopback without TLS needs no flag; one with TLS that is taken for plain HTTP is an error that says so.
func TestSchemes(t *testing.T) {
	t.Parallel()
	certs := servers.NewCertificates(t)
	plain, secure := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{TLS: certs})
	transship, _ := servers.Transship(t)
	ref := push(t, plain, fixture.Real(), "hczjl/halo", "1.6")
	transship.Output(t, "digest", ref)
	transship.Output(t, "digest", "--plain-http", ref)
	ref = push(t, secure, fixture.Real(), "hczjl/halo", "1.6")
	wantRefused(t, transship.Run(t, "digest", "--plain-http", "--ca", certs.CAFile, ref), exitNetwork, secure.Host, "--plain-http")
}
