package signature

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// issueNotation returns a leaf for a key that names the parent as its issuer, and is signed with
// parentKey, whoever has that.
func (w *world) issueNotation(parent *x509.Certificate, parentKey, key *ecdsa.PrivateKey) *x509.Certificate {
	w.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(3), Subject: pkix.Name{Country: []string{"US"}, Organization: []string{"team"}, CommonName: "signer"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		NotBefore: w.at.Add(-time.Hour), NotAfter: w.at.Add(time.Hour),
	}, unkeyed(parent), &key.PublicKey, parentKey)
	if err != nil {
		w.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		w.t.Fatal(err)
	}
	return leaf
}

// unkeyed returns a certificate without its public key: x509.CreateCertificate does not sign with a key
// other than that.
func unkeyed(cert *x509.Certificate) *x509.Certificate {
	out := *cert
	out.PublicKey = nil
	return &out
}

// envelope returns an envelope of Notation's about an image, signed with the key, with a chain.
func (w *world) envelope(image manifest.Descriptor, key *ecdsa.PrivateKey, chain ...[]byte) []byte {
	w.t.Helper()
	encode := func(v any) string { return base64.RawURLEncoding.EncodeToString(w.encode(v)) }
	protected := encode(document{
		"alg": "ES256", "cty": payloadNotation, "crit": []string{headerScheme}, headerScheme: schemeX509,
		"io.cncf.notary.signingTime": w.at.Format(time.RFC3339),
	})
	payload := encode(document{"targetArtifact": image})
	digest := sha256.Sum256([]byte(protected + "." + payload))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		w.t.Fatal(err)
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return w.encode(document{
		"payload": payload, "protected": protected, "header": document{"x5c": chain},
		"signature": base64.RawURLEncoding.EncodeToString(sig),
	})
}

// A leaf counts only if the trusted root has signed it. One of a stranger that names the root as its
// issuer, with the root's own certificate beside it, does not.
func TestNotationForgedLeaf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	raw := []byte("image")
	image := manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Digest: blob.FromBytes(raw), Size: int64(len(raw))}
	trust := NotationTrust{Certificates: []*x509.Certificate{w.ca}}

	leaf := w.issueNotation(w.ca, w.caKey, w.key)
	if _, err := VerifyNotation(trust, image, w.envelope(image, w.key, leaf.Raw, w.ca.Raw), w.at); err != nil {
		t.Errorf("the leaf that the root has signed: %v", err)
	}
	stranger := newKey(t)
	forged := w.issueNotation(w.ca, stranger, stranger)
	_, err := VerifyNotation(trust, image, w.envelope(image, stranger, forged.Raw, w.ca.Raw), w.at)
	if err == nil || !strings.Contains(err.Error(), "CN=signer,O=team,C=US is not issued by the next of its chain") {
		t.Errorf("the leaf that a stranger has signed: error %v", err)
	}
}
