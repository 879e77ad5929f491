package servers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/wan"
)

// Certificates are a private CA, a server certificate for localhost, 127.0.0.1, ::1 and the ends
// of a long link, and a client certificate. The
// files are PEM.
type Certificates struct {
	Dir                           string
	CAFile                        string
	ServerCertFile, ServerKeyFile string
	ClientCertFile, ClientKeyFile string

	Pool   *x509.CertPool  // trusts the CA
	Client tls.Certificate // the client certificate with its key
}

// NewCertificates makes a CA and its certificates, valid for a day.
func NewCertificates(t testing.TB) *Certificates {
	t.Helper()
	dir := t.TempDir()
	c := &Certificates{
		Dir:            dir,
		CAFile:         filepath.Join(dir, "ca.crt"),
		ServerCertFile: filepath.Join(dir, "server.crt"),
		ServerKeyFile:  filepath.Join(dir, "server.key"),
		ClientCertFile: filepath.Join(dir, "client.crt"),
		ClientKeyFile:  filepath.Join(dir, "client.key"),
		Pool:           x509.NewCertPool(),
	}
	ca := newIdentity(t, "transship test CA", nil)
	server := newIdentity(t, "localhost", ca, x509.ExtKeyUsageServerAuth)
	client := newIdentity(t, "transship test client", ca, x509.ExtKeyUsageClientAuth)
	ca.write(t, c.CAFile, filepath.Join(dir, "ca.key"))
	server.write(t, c.ServerCertFile, c.ServerKeyFile)
	client.write(t, c.ClientCertFile, c.ClientKeyFile)
	c.Pool.AddCert(ca.cert)
	c.Client = tls.Certificate{Certificate: [][]byte{client.cert.Raw}, PrivateKey: client.key}
	return c
}

// WriteCertsD lays the CA and, if withClient, the client certificate into the folder root/host under the names that
// docker and podman look for in certs.d: ca.crt, client.cert and client.key.
func (c *Certificates) WriteCertsD(t testing.TB, root, host string, withClient bool) {
	t.Helper()
	names := map[string]string{"ca.crt": c.CAFile}
	if withClient {
		names["client.cert"], names["client.key"] = c.ClientCertFile, c.ClientKeyFile
	}
	dir := filepath.Join(root, host)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, file := range names {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newIdentity makes a certificate for a name, signed by ca, or a CA that signs itself if ca is nil.
func newIdentity(t testing.TB, name string, ca *identity, usage ...x509.ExtKeyUsage) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           usage,
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.ParseIP(wan.NearAddress), net.ParseIP(wan.FarAddress)},
	}
	id := &identity{template, key}
	if ca == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
		ca = id
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if id.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return id
}

// write stores the certificate and the key as PEM files.
func (id *identity) write(t testing.TB, certFile, keyFile string) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(id.key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, certFile, "CERTIFICATE", id.cert.Raw)
	writePEM(t, keyFile, "PRIVATE KEY", key)
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
