package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Types of Notation's signatures (notaryproject/specifications, signature-specification.md).
const (
	// ArtifactTypeNotation is the artifact type of a referrer that is a signature.
	ArtifactTypeNotation = "application/vnd.cncf.notary.signature"
	// MediaTypeJWS is the media type of an envelope that is a JSON web signature.
	MediaTypeJWS = "application/jose+json"
	// MediaTypeCOSE is the media type of a COSE envelope, which is not supported.
	MediaTypeCOSE = "application/cose"

	payloadNotation = "application/vnd.cncf.notary.payload.v1+json"
)

// Members of the protected header (signature-envelope-jws.md).
const (
	headerScheme        = "io.cncf.notary.signingScheme"
	headerExpiry        = "io.cncf.notary.expiry"
	headerAuthenticTime = "io.cncf.notary.authenticSigningTime"
	schemeX509          = "notary.x509"
)

// NotationTrust is whose signatures count for Notation.
type NotationTrust struct {
	// Certificates are trusted: one of them must be in the chain of the signature.
	Certificates []*x509.Certificate
	// Subject has the attributes that the leaf's subject must have; none asks for none.
	Subject DistinguishedName
}

// The documents of an envelope.
type (
	jwsEnvelope struct {
		Payload   string `json:"payload"`   // base64url, as Protected and Signature
		Protected string `json:"protected"` // a jwsHeader
		Header    struct {
			Chain     [][]byte `json:"x5c"`
			Timestamp []byte   `json:"io.cncf.notary.timestampSignature"`
		} `json:"header"`
		Signature string `json:"signature"`
	}
	jwsHeader struct {
		Algorithm     string     `json:"alg"`
		ContentType   string     `json:"cty"`
		Critical      []string   `json:"crit"`
		Scheme        string     `json:"io.cncf.notary.signingScheme"`
		SigningTime   *time.Time `json:"io.cncf.notary.signingTime"`
		AuthenticTime *time.Time `json:"io.cncf.notary.authenticSigningTime"`
		Expiry        *time.Time `json:"io.cncf.notary.expiry"`
	}
	notationPayload struct {
		Target struct {
			MediaType string      `json:"mediaType"`
			Digest    blob.Digest `json:"digest"`
			Size      int64       `json:"size"`
		} `json:"targetArtifact"`
	}
)

// VerifyNotation verifies a JWS envelope of Notation's as a signature of an image, at the time now.
// Revocation is not checked, as that needs a network, and neither are timestamps: the certificates
// must be valid now.
func VerifyNotation(t NotationTrust, image manifest.Descriptor, envelope []byte, now time.Time) (Proof, error) {
	if len(envelope) > MaxEnvelope {
		return Proof{}, fmt.Errorf("the envelope is larger than %d MiB", MaxEnvelope>>20)
	}
	var env jwsEnvelope
	if err := manifest.Decode(envelope, &env); err != nil {
		return Proof{}, fmt.Errorf("the envelope cannot be read: %w", err)
	}
	header, err := env.parseHeader()
	if err != nil {
		return Proof{}, err
	}
	chain, err := env.parseChain()
	if err != nil {
		return Proof{}, err
	}
	if err := env.verifySignature(header.Algorithm, chain[0]); err != nil {
		return Proof{}, err
	}
	if err := checkNotationChain(chain); err != nil {
		return Proof{}, err
	}
	if err := t.accepts(chain); err != nil {
		return Proof{}, err
	}
	if err := header.checkTimes(chain, now); err != nil {
		return Proof{}, err
	}
	v := Proof{Signer: chain[0].Subject.String(), Time: *header.SigningTime, NotChecked: []string{"revocation"}}
	if len(env.Header.Timestamp) > 0 {
		v.NotChecked = append(v.NotChecked, notCheckedTimestamp)
	}
	return v, env.checkTarget(image)
}

// parseHeader reads the protected header, and refuses what it must not have.
func (env jwsEnvelope) parseHeader() (jwsHeader, error) {
	var h jwsHeader
	text, err := base64.RawURLEncoding.DecodeString(env.Protected)
	if err == nil {
		err = manifest.Decode(text, &h)
	}
	if err != nil {
		return h, fmt.Errorf("the protected header cannot be read: %w", err)
	}
	return h, h.check()
}

func (h jwsHeader) check() error {
	switch {
	case h.Scheme != schemeX509:
		return fmt.Errorf("the signing scheme %q is not supported; %s is", h.Scheme, schemeX509)
	case h.ContentType != payloadNotation:
		return fmt.Errorf("the payload has the type %q, not %s", h.ContentType, payloadNotation)
	case h.AuthenticTime != nil:
		return fmt.Errorf("the header %s must not be there with the scheme %s", headerAuthenticTime, schemeX509)
	case h.SigningTime == nil || h.SigningTime.IsZero():
		return errors.New("the header has no signing time")
	case !slices.Contains(h.Critical, headerScheme):
		return fmt.Errorf("the header %s is not marked as critical", headerScheme)
	case h.Expiry != nil && !slices.Contains(h.Critical, headerExpiry):
		return fmt.Errorf("the header %s is not marked as critical", headerExpiry)
	case h.Expiry != nil && !h.Expiry.After(*h.SigningTime):
		return errors.New("the signature expires before it was made")
	}
	for _, name := range h.Critical {
		if name != headerScheme && (name != headerExpiry || h.Expiry == nil) {
			return fmt.Errorf("the critical header %q is not supported", name)
		}
	}
	return nil
}

func (env jwsEnvelope) parseChain() ([]*x509.Certificate, error) {
	n := len(env.Header.Chain)
	if n == 0 || n > maxChain {
		return nil, fmt.Errorf("its chain has %d certificates; 1 to %d may be", n, maxChain)
	}
	var out []*x509.Certificate
	for _, der := range env.Header.Chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("a certificate cannot be read: %w", err)
		}
		out = append(out, cert)
	}
	return out, nil
}

// verifySignature checks the signature with the leaf's key, whose kind decides the algorithm
// (signature-specification.md, "Algorithm Selection").
func (env jwsEnvelope) verifySignature(algorithm string, leaf *x509.Certificate) error {
	want, hash := jwsAlgorithm(leaf.PublicKey)
	if want == "" || algorithm != want {
		return fmt.Errorf("the algorithm %q is not that of the certificate's key", algorithm)
	}
	sig, err := base64.RawURLEncoding.DecodeString(env.Signature)
	if err != nil {
		return fmt.Errorf("the signature is not base64: %w", err)
	}
	digest := sum(hash, []byte(env.Protected+"."+env.Payload))
	ok := false
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		ok = rsa.VerifyPSS(key, hash, digest, sig, nil) == nil
	case *ecdsa.PublicKey: // the two numbers side by side, of the curve's size (RFC 7518, section 3.4)
		size := (key.Curve.Params().BitSize + 7) / 8
		ok = len(sig) == 2*size &&
			ecdsa.Verify(key, digest, new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:]))
	}
	if !ok {
		return errors.New("the signature does not match its certificate")
	}
	return nil
}

// jwsAlgorithm returns the algorithm of a key, "" if none is allowed.
func jwsAlgorithm(key crypto.PublicKey) (string, crypto.Hash) {
	prefix, bits := "", 0
	switch key := key.(type) {
	case *rsa.PublicKey:
		prefix, bits = "PS", map[int]int{2048: 256, 3072: 384, 4096: 512}[key.N.BitLen()]
	case *ecdsa.PublicKey:
		prefix, bits = "ES", map[int]int{256: 256, 384: 384, 521: 512}[key.Curve.Params().BitSize]
	}
	switch bits {
	case 256:
		return prefix + "256", crypto.SHA256
	case 384:
		return prefix + "384", crypto.SHA384
	case 512:
		return prefix + "512", crypto.SHA512
	}
	return "", 0
}

// accepts checks that a trusted certificate is in the chain, and the leaf's subject.
func (t NotationTrust) accepts(chain []*x509.Certificate) error {
	trusted := func(cert *x509.Certificate) bool { return slices.ContainsFunc(t.Certificates, cert.Equal) }
	if !slices.ContainsFunc(chain, trusted) {
		return fmt.Errorf("no certificate of the policy is in its chain, which ends with %s", chain[len(chain)-1].Subject)
	}
	if len(t.Subject) == 0 {
		return nil
	}
	have, err := ParseDistinguishedName(chain[0].Subject.String())
	if err != nil {
		return fmt.Errorf("the certificate's subject: %w", err)
	}
	for name, value := range t.Subject {
		if have[name] != value {
			return fmt.Errorf("the certificate is of %s, not of the policy's subject", chain[0].Subject)
		}
	}
	return nil
}

// checkTimes checks that neither the signature nor a certificate has expired.
func (h jwsHeader) checkTimes(chain []*x509.Certificate, now time.Time) error {
	if h.Expiry != nil && !now.Before(*h.Expiry) {
		return fmt.Errorf("the signature expired on %s", h.Expiry.UTC().Format(time.RFC3339))
	}
	for _, cert := range chain {
		if now.Before(cert.NotBefore) {
			return fmt.Errorf("the certificate of %s is not valid before %s", cert.Subject, cert.NotBefore.UTC().Format(time.RFC3339))
		}
		if now.After(cert.NotAfter) {
			return fmt.Errorf("the certificate of %s expired on %s", cert.Subject, cert.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// checkTarget checks that the signature is of an image.
func (env jwsEnvelope) checkTarget(image manifest.Descriptor) error {
	text, err := base64.RawURLEncoding.DecodeString(env.Payload)
	if err != nil {
		return fmt.Errorf("the payload is not base64: %w", err)
	}
	var p notationPayload
	if err := manifest.Decode(text, &p); err != nil {
		return fmt.Errorf("the payload cannot be read: %w", err)
	}
	if p.Target.Digest != image.Digest || p.Target.Size != image.Size || p.Target.MediaType != image.MediaType {
		return fmt.Errorf("the signature is of another image, %s", p.Target.Digest.Short())
	}
	return nil
}
