package signature

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// MediaTypeBundle is what the media types of Sigstore bundles begin with. A version follows.
const MediaTypeBundle = "application/vnd.dev.sigstore.bundle"

// payloadInToto is the type of the payloads in bundles of images.
const payloadInToto = "application/vnd.in-toto+json"

// The documents of a bundle, in the JSON of protocol buffers (sigstore/protobuf-specs,
// sigstore_bundle.proto).
type (
	bundleDocument struct {
		MediaType string           `json:"mediaType"`
		Material  materialDocument `json:"verificationMaterial"`
		Envelope  *dsseEnvelope    `json:"dsseEnvelope"`
		Message   *messageDocument `json:"messageSignature"`
	}
	materialDocument struct {
		Certificate *rawBytes      `json:"certificate"`
		Chain       *chainDocument `json:"x509CertificateChain"`
		PublicKey   *struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
		Entries    []logEntry `json:"tlogEntries"`
		Timestamps struct {
			RFC3161 []struct {
				SignedTimestamp []byte `json:"signedTimestamp"`
			} `json:"rfc3161Timestamps"`
		} `json:"timestampVerificationData"`
	}
	dsseEnvelope struct {
		Payload     []byte `json:"payload"`
		PayloadType string `json:"payloadType"`
		Signatures  []struct {
			Sig []byte `json:"sig"`
		} `json:"signatures"`
	}
	messageDocument struct {
		Digest struct {
			Algorithm string `json:"algorithm"`
			Digest    []byte `json:"digest"`
		} `json:"messageDigest"`
		Signature []byte `json:"signature"`
	}
	statement struct {
		Type          string    `json:"_type"`
		PredicateType string    `json:"predicateType"`
		Subject       []subject `json:"subject"`
	}
	subject struct {
		Digest map[string]string `json:"digest"`
	}
)

// Bundle is a Sigstore bundle that has been read and not yet verified.
type Bundle struct {
	// Version is that of the format: 0.1, 0.2 or 0.3.
	Version string
	// PredicateType is that of the statement in an envelope. It is "" for a message signature.
	PredicateType string

	signed
	subjects   []subject // of a statement
	timestamps bool      // it has signed timestamps
}

// ParseBundle reads a Sigstore bundle of version 0.1, 0.2 or 0.3.
func ParseBundle(text []byte) (*Bundle, error) {
	if len(text) > MaxEnvelope {
		return nil, fmt.Errorf("the bundle is larger than %d MiB", MaxEnvelope>>20)
	}
	var doc bundleDocument
	if err := manifest.Decode(text, &doc); err != nil {
		return nil, fmt.Errorf("the bundle cannot be read: %w", err)
	}
	b := &Bundle{Version: bundleVersion(doc.MediaType), timestamps: len(doc.Material.Timestamps.RFC3161) > 0}
	b.entries = doc.Material.Entries
	if b.Version == "" {
		return nil, fmt.Errorf("a bundle of the type %q is not supported; versions 0.1 to 0.3 are", doc.MediaType)
	}
	err := errors.Join(b.checkEntries(), b.setCertificate(doc.Material))
	switch {
	case err != nil:
		return nil, err
	case (doc.Envelope == nil) == (doc.Message == nil):
		return nil, errors.New("the bundle must have either an envelope or a message signature")
	case doc.Envelope != nil:
		err = b.setEnvelope(*doc.Envelope)
	default:
		err = b.setMessage(*doc.Message)
	}
	return b, err
}

// bundleVersion returns the version in a media type, "" if it is not supported.
func bundleVersion(mediaType string) string {
	version := strings.TrimPrefix(mediaType, MediaTypeBundle)
	switch version {
	case "+json;version=0.1", "+json;version=0.2", "+json;version=0.3":
		return strings.TrimPrefix(version, "+json;version=")
	case ".v0.1+json", ".v0.2+json", ".v0.3+json":
		return strings.TrimSuffix(strings.TrimPrefix(version, ".v"), "+json")
	}
	return ""
}

// checkEntries checks that log entries have what the version demands: a promise in 0.1, a proof
// later. One entry that has it is enough, as for sigstore-go.
func (b *Bundle) checkEntries() error {
	if len(b.entries) > maxEntries {
		return fmt.Errorf("the bundle has %d log entries; at most %d may be", len(b.entries), maxEntries)
	}
	promises, proofs := 0, 0
	for _, e := range b.entries {
		if e.hasPromise() {
			promises++
		}
		if e.Proof != nil {
			proofs++
		}
	}
	switch {
	case len(b.entries) == 0:
	case b.Version == "0.1" && promises == 0:
		return errors.New("no log entry of the bundle has the signed timestamp that version 0.1 demands")
	case b.Version != "0.1" && proofs == 0:
		return fmt.Errorf("no log entry of the bundle has the inclusion proof that version %s demands", b.Version)
	}
	return nil
}

// setCertificate reads the certificate, if there is one. Of a chain, which versions before 0.3 may
// have, only the leaf counts: the trusted root has the others.
func (b *Bundle) setCertificate(m materialDocument) (err error) {
	var der []byte
	switch {
	case m.PublicKey != nil && m.Certificate == nil && m.Chain == nil:
		return nil
	case m.Certificate != nil && m.PublicKey == nil && m.Chain == nil:
		der = m.Certificate.RawBytes
	case m.Chain == nil || m.PublicKey != nil || m.Certificate != nil:
		return errors.New("the bundle must have one of public key, certificate and certificate chain")
	case b.Version == "0.3":
		return errors.New("a bundle of version 0.3 has a certificate chain, where one certificate may be")
	case len(m.Chain.Certificates) == 0 || len(m.Chain.Certificates) > maxChain:
		return fmt.Errorf("its chain has %d certificates; 1 to %d may be", len(m.Chain.Certificates), maxChain)
	default:
		der = m.Chain.Certificates[0].RawBytes
	}
	if b.certificate, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("the certificate cannot be read: %w", err)
	}
	return nil
}

// setEnvelope reads a DSSE envelope with an in-toto statement.
func (b *Bundle) setEnvelope(env dsseEnvelope) error {
	switch {
	case len(env.Signatures) != 1:
		return fmt.Errorf("the envelope has %d signatures; it must have one", len(env.Signatures))
	case env.PayloadType != payloadInToto:
		return fmt.Errorf("the envelope has a payload of the type %q, not %s", env.PayloadType, payloadInToto)
	}
	var st statement
	if err := manifest.Decode(env.Payload, &st); err != nil {
		return fmt.Errorf("the statement cannot be read: %w", err)
	}
	switch {
	case !strings.HasPrefix(st.Type, "https://in-toto.io/Statement/"):
		return fmt.Errorf("the payload is no in-toto statement, but a %q", st.Type)
	case len(st.Subject) > maxSubjects:
		return fmt.Errorf("the statement has %d subjects; at most %d may be", len(st.Subject), maxSubjects)
	}
	digest := sha256.Sum256(env.Payload)
	b.PredicateType, b.subjects = st.PredicateType, st.Subject
	b.signature, b.digest, b.isEnvelope = env.Signatures[0].Sig, digest[:], true
	// Pre-authentication encoding (secure-systems-lab/dsse, protocol.md).
	b.message = fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(env.PayloadType), env.PayloadType, len(env.Payload), env.Payload)
	return nil
}

// setMessage reads a signature of the image's manifest itself.
func (b *Bundle) setMessage(m messageDocument) error {
	if m.Digest.Algorithm != "SHA2_256" || len(m.Digest.Digest) != sha256.Size {
		return fmt.Errorf("the message has a digest by %q; SHA2_256 is supported", m.Digest.Algorithm)
	}
	b.signature, b.digest = m.Signature, m.Digest.Digest
	return nil
}

// IsEnvelope reports whether the bundle has an envelope, as cosign's have, and no message signature.
func (b *Bundle) IsEnvelope() bool { return b.isEnvelope }

// Verify verifies the bundle as a signature of an image: of a statement that has it as a subject, or
// of its manifest.
func (b *Bundle) Verify(t Trust, image blob.Digest) (Proof, error) {
	if len(t.Keys) > 0 && b.certificate != nil {
		return Proof{}, errors.New("it is signed with a certificate, and the policy wants a key")
	}
	v, err := t.verify(b.signed)
	if err != nil {
		return Proof{}, err
	}
	if !b.isOf(image) {
		return Proof{}, errors.New("the signature is of another image")
	}
	if b.timestamps {
		v.NotChecked = append(v.NotChecked, notCheckedTimestamp)
	}
	return v, nil
}

// isOf reports whether the bundle is about an image.
func (b *Bundle) isOf(image blob.Digest) bool {
	if !b.isEnvelope {
		return image.Algorithm() == blob.SHA256 && image.Hex() == hex.EncodeToString(b.digest)
	}
	for _, s := range b.subjects {
		if s.Digest[string(image.Algorithm())] == image.Hex() {
			return true
		}
	}
	return false
}
