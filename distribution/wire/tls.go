package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLSOptions are a user's settings for TLS with the registry on one side of a transfer. The zero
// value verifies certificates against the system's roots and has no client certificate.
type TLSOptions struct {
	// CAFile is a file of PEM certificates that are trusted in addition to the system's.
	CAFile string
	// CertFile and KeyFile are PEM files of the client's certificate and its unencrypted private
	// key. One is not valid without the other.
	CertFile string
	KeyFile  string
	// Insecure disables the verification of server certificates.
	Insecure bool
}

// CertificateError is the error for a certificate or key file that cannot be used.
type CertificateError struct {
	Host string // host, with its port if the URL has one, that it is for
	File string
	Err  error
}

// Error names the file, the host and what is wrong.
func (e *CertificateError) Error() string {
	return fmt.Sprintf("TLS for %s: %s: %v", e.Host, e.File, e.Err)
}

// Unwrap returns what is wrong with the file.
func (e *CertificateError) Unwrap() error { return e.Err }

// tlsFiles are the files of the TLS configuration for one host.
type tlsFiles struct {
	roots []string
	pairs []keyPair
}

// keyPair is a client certificate's file and that of its private key.
type keyPair struct{ cert, key string }

// roots returns the files of certificates that are trusted for every host.
func (t TLSOptions) roots() []string {
	if t.CAFile == "" {
		return nil
	}
	return []string{t.CAFile}
}

// Check reads the files, for programs that serve calls and must not find out by the first one that a file
// cannot be used. whose is what the files are for: a host, or more. The error is a *CertificateError.
func (t TLSOptions) Check(whose string) error {
	pairs, err := t.pairs(whose)
	if err != nil {
		return err
	}
	_, err = tlsFiles{t.roots(), pairs}.config(whose, t.Insecure)
	return err
}

// pairs returns the client certificate's files. host is its registry.
func (t TLSOptions) pairs(host string) ([]keyPair, error) {
	switch {
	case t.CertFile == "" && t.KeyFile == "":
		return nil, nil
	case t.KeyFile == "":
		return nil, &CertificateError{host, t.CertFile, errors.New("a client certificate needs its key file as well")}
	case t.CertFile == "":
		return nil, &CertificateError{host, t.KeyFile, errors.New("a client key needs its certificate file as well")}
	}
	return []keyPair{{t.CertFile, t.KeyFile}}, nil
}

// config builds the TLS configuration for host from its files.
func (f tlsFiles) config(host string, insecure bool) (*tls.Config, error) {
	config := &tls.Config{
		InsecureSkipVerify: insecure,
		// A copy makes several connections to each host. Those after the first need no
		// certificates, and with TLS 1.2 one round trip less.
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	if len(f.roots) > 0 {
		pool, err := loadRoots(host, f.roots)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	for _, pair := range f.pairs {
		cert, err := LoadKeyPair(host, pair.cert, pair.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = append(config.Certificates, cert)
	}
	return config, nil
}

// maxPEM limits a file of certificates or keys, in bytes; the roots of a system have a tenth of it.
const maxPEM = 4 << 20

// loadRoots returns the system's roots and those of the files.
func loadRoots(host string, files []string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("TLS for %s: reading the system's root certificates: %w", host, err)
	}
	for _, file := range files {
		data, err := ReadFile(file, maxPEM)
		if err != nil {
			return nil, unreadable(host, file, err)
		}
		if !pool.AppendCertsFromPEM(data) {
			return nil, &CertificateError{host, file, errors.New("no valid PEM certificate in this file")}
		}
	}
	return pool, nil
}

// LoadKeyPair loads a certificate and its unencrypted key, which are for host, from PEM files. The
// error is a *CertificateError.
func LoadKeyPair(host, certFile, keyFile string) (tls.Certificate, error) {
	cert, err := ReadFile(certFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, unreadable(host, certFile, err)
	}
	key, err := ReadFile(keyFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, unreadable(host, keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, &CertificateError{host, certFile, fmt.Errorf("with key %s: %w", keyFile, err)}
	}
	return pair, nil
}

// unreadable returns the error for a file that cannot be read. It names the file once: the name in
// an *os.PathError is dropped.
func unreadable(host, file string, err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &CertificateError{host, file, err}
}
