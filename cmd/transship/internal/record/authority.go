package record

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

const (
	// certificateLife is how long the certificates are valid. The authority's key is gone with the run.
	certificateLife = 30 * 24 * time.Hour
	// clockMargin is how far back they are valid, for programs whose clock is late.
	clockMargin = time.Hour
)

// authority makes the certificates of hosts, of one run. Its methods may be called concurrently.
type authority struct {
	key  *ecdsa.PrivateKey // of the authority, and of all certificates; it stays in memory
	cert *x509.Certificate

	mu    sync.Mutex
	hosts map[string]*tls.Certificate
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key}
	template, err := newTemplate("transship record, for one run")
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign
	a.cert = template
	der, err := a.sign(template)
	if err != nil {
		return nil, err
	}
	a.cert, err = x509.ParseCertificate(der)
	return a, err
}

// newTemplate returns the parts that all certificates have.
func newTemplate(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // RFC 5280, section 4.1.2.2
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-clockMargin),
		NotAfter:     time.Now().Add(certificateLife),
	}, err
}

func (a *authority) sign(template *x509.Certificate) ([]byte, error) {
	return x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
}

// pem returns the authority's certificate in PEM.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// get is [tls.Config]'s GetCertificate. A client that names no host gets the certificate of the one that
// it has asked the proxy for.
func (a *authority) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := hello.ServerName
	if tunnel, ok := hello.Conn.(*tunnel); ok && host == "" {
		host, _, _ = net.SplitHostPort(tunnel.target) // it was split before
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if cert, ok := a.hosts[host]; ok {
		return cert, nil
	}
	cert, err := a.issue(host)
	if err != nil {
		return nil, fmt.Errorf("a certificate for %s: %w", host, err)
	}
	remember(&a.hosts, host, cert)
	return cert, nil
}

// issue makes the certificate of a host.
func (a *authority) issue(host string) (*tls.Certificate, error) {
	template, err := newTemplate("")
	if err != nil {
		return nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := a.sign(template)
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: a.key}, err
}
