package signature

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
)

// checkNotationChain checks a chain from the leaf to a self-signed root, each certificate for its
// use (signature-specification.md, "Certificate Requirements").
func checkNotationChain(chain []*x509.Certificate) error {
	last := len(chain) - 1
	for i, cert := range chain {
		issuer := chain[min(i+1, last)]
		if i < last && bytes.Equal(cert.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(cert) == nil {
			return fmt.Errorf("the certificate of %s is self-signed, and not the last of its chain", cert.Subject)
		}
		if !issuedBy(cert, issuer, last == 0) {
			return fmt.Errorf("the certificate of %s is not issued by the next of its chain, or the last is not self-signed", cert.Subject)
		}
		if err := checkUse(cert, i); err != nil {
			return fmt.Errorf("the certificate of %s %w", cert.Subject, err)
		}
	}
	return nil
}

// issuedBy reports whether a certificate is issued by another. A leaf alone, which is no authority,
// is its own issuer.
func issuedBy(cert, issuer *x509.Certificate, alone bool) bool {
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
		return false
	}
	if alone {
		return cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
	}
	return cert.CheckSignatureFrom(issuer) == nil
}

// checkUse checks what a certificate may be used for: the leaf, at 0, to sign, the others to issue.
func checkUse(cert *x509.Certificate, at int) error {
	i := slices.IndexFunc(cert.Extensions, isKeyUsage)
	switch {
	case i < 0 || !cert.Extensions[i].Critical:
		return errors.New("has no key usage that is marked as critical")
	case at == 0:
		return checkLeafUse(cert)
	case !cert.BasicConstraintsValid || !cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("may not issue certificates")
	case (cert.MaxPathLen > 0 || cert.MaxPathLenZero) && cert.MaxPathLen < at-1:
		return errors.New("may not issue a chain of this length")
	}
	return nil
}

func checkLeafUse(cert *x509.Certificate) error {
	other := []x509.ExtKeyUsage{
		x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection,
		x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageOCSPSigning,
	}
	isOther := func(u x509.ExtKeyUsage) bool { return slices.Contains(other, u) }
	allowed := x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	switch {
	case cert.BasicConstraintsValid && cert.IsCA:
		return errors.New("is one of an authority, not of a signer")
	case cert.KeyUsage&x509.KeyUsageDigitalSignature == 0 || cert.KeyUsage&^allowed != 0:
		return errors.New("is not for signatures alone")
	case slices.ContainsFunc(cert.ExtKeyUsage, isOther):
		return errors.New("is not for code signing")
	}
	return nil
}

// isKeyUsage reports whether an extension is the key usage (RFC 5280, section 4.2.1.3).
func isKeyUsage(e pkix.Extension) bool { return e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 15}) }
