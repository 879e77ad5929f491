package signature

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// MediaTypeSimple is the media type of a simple signing payload, a layer of cosign's signature tag.
const MediaTypeSimple = "application/vnd.dev.cosign.simplesigning.v1+json"

// The annotations of such a layer (sigstore/cosign, specs/SIGNATURE_SPEC.md).
const (
	annotationSignature   = "dev.cosignproject.cosign/signature"
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationChain       = "dev.sigstore.cosign/chain"
	annotationBundle      = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// simplePayload is what cosign signs for an image.
type simplePayload struct {
	Critical struct {
		Image struct {
			Digest blob.Digest `json:"docker-manifest-digest"`
		} `json:"image"`
	} `json:"critical"`
}

// simpleBundle is the promise of a log to include the signature.
type simpleBundle struct {
	SignedEntryTimestamp []byte `json:"SignedEntryTimestamp"`
	Payload              struct {
		Body           []byte `json:"body"`
		IntegratedTime number `json:"integratedTime"`
		LogIndex       number `json:"logIndex"`
		LogID          string `json:"logID"` // hexadecimal
	} `json:"Payload"`
}

// VerifySimple verifies one signature of an image in cosign's signature tag, sha256-HEX.sig: the
// payload, and the annotations of its layer. Claims of the payload other than the image's digest are
// not looked at, as cosign does not.
func VerifySimple(t Trust, image blob.Digest, payload []byte, annotations map[string]string) (Proof, error) {
	s, err := parseSimple(payload, annotations)
	if err != nil {
		return Proof{}, err
	}
	if len(t.Keys) > 0 {
		s.certificate = nil
	}
	v, err := t.verify(s)
	if err != nil {
		return Proof{}, err
	}
	var claim simplePayload
	if err := manifest.Decode(payload, &claim); err != nil {
		return Proof{}, fmt.Errorf("the payload cannot be read: %w", err)
	}
	if claim.Critical.Image.Digest != image {
		return Proof{}, fmt.Errorf("the signature is of another image, %s", claim.Critical.Image.Digest.Short())
	}
	if annotations[annotationTimestamp] != "" {
		v.NotChecked = append(v.NotChecked, notCheckedTimestamp)
	}
	return v, nil
}

// parseSimple reads what is in the annotations.
func parseSimple(payload []byte, annotations map[string]string) (s signed, err error) {
	digest := sha256.Sum256(payload)
	s.message, s.digest = payload, digest[:]
	if s.signature, err = base64.StdEncoding.DecodeString(annotations[annotationSignature]); err != nil {
		return s, fmt.Errorf("the signature is not base64: %w", err)
	}
	switch {
	case len(s.signature) == 0:
		return s, errors.New("the layer has no signature")
	case len(payload) == 0:
		return s, errors.New("the payload is empty")
	case strings.Count(annotations[annotationChain], "-----BEGIN") > maxChain:
		return s, fmt.Errorf("its chain has more than %d certificates", maxChain)
	}
	if text := annotations[annotationCertificate]; text != "" {
		s.certificate, err = parseCertificate([]byte(text))
	}
	if text := annotations[annotationBundle]; text != "" && err == nil {
		s.entries, err = parseSimpleBundle([]byte(text))
	}
	return s, err
}

// parseCertificate reads a PEM block.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	der, err := onlyBlock(text)
	if err != nil {
		return nil, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	return cert, nil
}

func parseSimpleBundle(text []byte) ([]logEntry, error) {
	var doc simpleBundle
	if err := manifest.Decode(text, &doc); err != nil {
		return nil, fmt.Errorf("its log entry cannot be read: %w", err)
	}
	id, err := hex.DecodeString(doc.Payload.LogID)
	if err != nil {
		return nil, fmt.Errorf("its log entry cannot be read: %w", err)
	}
	e := logEntry{
		LogIndex: doc.Payload.LogIndex, IntegratedTime: doc.Payload.IntegratedTime,
		Body: doc.Payload.Body, LogID: keyID{id},
	}
	e.Promise = &promise{doc.SignedEntryTimestamp}
	return []logEntry{e}, nil
}
