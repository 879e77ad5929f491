package signature

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Identity is whose certificates count: an issuer of OIDC tokens, and an e-mail address, a URI or
// another subject alternative name. Issuer is exact; in Subject * stands for any characters.
type Identity struct{ Issuer, Subject string }

// Extensions of Fulcio's certificates (sigstore/fulcio, docs/oid-info.md).
func oidIssuerV1() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1} }
func oidIssuerV2() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8} }

// oidSubjectName is a subject alternative name (RFC 5280, section 4.2.1.6).
func oidSubjectName() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 5, 29, 17} }

// verifyCertificate checks a certificate at a time: its chain to an authority, and its identity. It
// returns who it is of.
func (r *TrustedRoot) verifyCertificate(leaf *x509.Certificate, t time.Time, want Identity) (string, error) {
	if err := r.verifyChain(leaf, t); err != nil {
		return "", err
	}
	issuer, names := issuerOf(leaf), subjectNames(leaf)
	found := slices.IndexFunc(names, wildcard(want.Subject))
	switch {
	case issuer != want.Issuer:
		return "", fmt.Errorf("the certificate's issuer is %q, not %s", issuer, want.Issuer)
	case found < 0:
		return "", fmt.Errorf("the certificate is of %q, not of %s", strings.Join(names, ", "), want.Subject)
	}
	return names[found] + " (" + issuer + ")", nil
}

// verifyChain checks the chain from a certificate to one of the authorities. All of it must be valid
// at the time.
func (r *TrustedRoot) verifyChain(leaf *x509.Certificate, t time.Time) error {
	err := errors.New("the trusted root has no certificate authority for the time of the signature")
	// Fulcio has names of a kind that crypto/x509 does not read, in an extension that is critical.
	checked := *leaf
	checked.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions),
		func(id asn1.ObjectIdentifier) bool { return id.Equal(oidSubjectName()) })
	for _, a := range r.authorities {
		if !a.valid.has(t) {
			continue
		}
		_, err = checked.Verify(x509.VerifyOptions{
			Roots: a.roots, Intermediates: a.between, CurrentTime: t,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		})
		if err == nil {
			return nil
		}
		err = fmt.Errorf("the certificate, at the time of the signature, %s: %w", t.UTC().Format(time.RFC3339), err)
	}
	return err
}

// issuerOf returns the OIDC issuer in a certificate of Fulcio's, "" if it has none.
func issuerOf(cert *x509.Certificate) string {
	issuer := ""
	for _, e := range cert.Extensions {
		switch {
		case e.Id.Equal(oidIssuerV2()):
			var text string
			if rest, err := asn1.UnmarshalWithParams(e.Value, &text, "utf8"); err == nil && len(rest) == 0 {
				return text
			}
		case e.Id.Equal(oidIssuerV1()):
			issuer = string(e.Value) // raw, not DER
		}
	}
	return issuer
}

// subjectNames returns the subject alternative names of a certificate.
func subjectNames(cert *x509.Certificate) []string {
	out := append(slices.Clone(cert.EmailAddresses), cert.DNSNames...)
	for _, u := range cert.URIs {
		out = append(out, u.String())
	}
	for _, ip := range cert.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}

// wildcard returns what reports whether a name matches a pattern, in which * stands for any
// characters.
func wildcard(pattern string) func(string) bool {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	re, err := regexp.Compile(`(?s)\A` + strings.Join(parts, ".*") + `\z`)
	if err != nil { // a pattern too long for regexp matches nothing
		return func(string) bool { return false }
	}
	return re.MatchString
}
