package ownca

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"time"
)

// caTemplate is a CA that signs servers' certificates and no other CA's (RFC 5280, section 4.2.1.9).
// Its name tells CAs of several machines and keys apart.
func caTemplate(key crypto.PublicKey) *x509.Certificate {
	host, _ := os.Hostname() // only for people
	der, _ := x509.MarshalPKIXPublicKey(key)
	id := sha256.Sum256(der)
	now := time.Now()
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: fmt.Sprintf("transship serve CA %x %.40s", id[:4], host)},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(caLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
}

// serverTemplate is the certificate of a server with these names.
func serverTemplate(names []string) *x509.Certificate {
	now := time.Now()
	c := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "transship serve"}, // its names are the alternative ones
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(certLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c
}

// sign signs a certificate with a random serial number (RFC 5280, section 4.1.2.2).
func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	return x509.CreateCertificate(rand.Reader, template, parent, public, key)
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// samePublicKey reports whether a certificate is that of a key.
func samePublicKey(cert *x509.Certificate, key crypto.Signer) bool {
	a, errA := x509.MarshalPKIXPublicKey(cert.PublicKey)
	b, errB := x509.MarshalPKIXPublicKey(key.Public())
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
