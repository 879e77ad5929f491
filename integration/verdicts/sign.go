package main

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	cosignPredicate = "https://sigstore.dev/cosign/sign/v1"
	spdxPredicate   = "https://spdx.dev/Document"
)

// signer makes signatures in cosign's formats.
type signer struct {
	key  crypto.Signer
	hash crypto.Hash       // SHA-256 if zero
	cert *x509.Certificate // keyless if not nil
	log  *sigstore         // nil leaves out the transparency log
	at   time.Time         // when the log took the entry; zero is a minute after signed

	kind string // of the log's entry about a bundle; dsse if empty
}

func (s signer) sign(message []byte) []byte {
	hash := s.hash
	if hash == 0 {
		hash = crypto.SHA256
	}
	signer, err := signature.LoadSigner(s.key, hash)
	must(err)
	sig, err := signer.SignMessage(bytes.NewReader(message))
	must(err)
	return sig
}

func (s signer) verifier() []byte {
	if s.cert != nil {
		return certificatePEM(s.cert)
	}
	return publicPEM(s.key.Public())
}

func (s signer) entry(kind string, artifact, sig []byte) *rekorpb.TransparencyLogEntry {
	at := s.at
	if at.IsZero() {
		at = signed.Add(time.Minute)
	}
	return s.log.log(entry{kind: kind, artifact: artifact, sig: sig, verifier: s.verifier(), at: at})
}

// tagSignature is one layer of a signature tag.
type tagSignature struct {
	payload     []byte
	annotations map[string]string
	mediaType   string // cosign's if empty
}

// Annotations of a layer of a signature tag.
const (
	signatureAnnotation   = "dev.cosignproject.cosign/signature"
	certificateAnnotation = "dev.sigstore.cosign/certificate"
	chainAnnotation       = "dev.sigstore.cosign/chain"
	bundleAnnotation      = "dev.sigstore.cosign/bundle"
)

// tag signs a payload for a signature tag.
func (s signer) tag(payload []byte) tagSignature {
	sig := s.sign(payload)
	t := tagSignature{payload: payload, annotations: map[string]string{signatureAnnotation: base64.StdEncoding.EncodeToString(sig)}}
	if s.cert != nil {
		t.annotations[certificateAnnotation] = string(certificatePEM(s.cert))
		if s.log != nil {
			t.annotations[chainAnnotation] = string(certificatePEM(s.log.intermediate, s.log.root))
		}
	}
	if s.log != nil {
		t.annotations[bundleAnnotation] = string(tagBundle(s.entry("hashedrekord", payload, sig)))
	}
	return t
}

// tagBundle is what a signature tag keeps of a log's entry: no inclusion proof.
func tagBundle(e *rekorpb.TransparencyLogEntry) []byte {
	return mustJSON(map[string]any{
		"SignedEntryTimestamp": e.InclusionPromise.SignedEntryTimestamp,
		"Payload": map[string]any{
			"body": e.CanonicalizedBody, "integratedTime": e.IntegratedTime, "logIndex": e.LogIndex, "logID": hex.EncodeToString(e.LogId.KeyId),
		},
	})
}

// simpleSigning is the payload of a signature tag.
func simpleSigning(repository string, image ocispec.Descriptor, optional map[string]any) []byte {
	return mustJSON(map[string]any{
		"critical": map[string]any{
			"identity": map[string]any{"docker-reference": repository},
			"image":    map[string]any{"docker-manifest-digest": image.Digest},
			"type":     "cosign container image signature",
		},
		"optional": optional,
	})
}

// statement is what a bundle's envelope holds: an in-toto statement about the image.
func statement(image ocispec.Descriptor, predicateType string) []byte {
	return mustJSON(map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []any{map[string]any{"digest": map[string]any{"sha256": image.Digest.Encoded()}}},
		"predicateType": predicateType,
		"predicate":     map[string]any{},
	})
}

// Media types of bundles, by version.
const (
	bundle01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	bundle02 = "application/vnd.dev.sigstore.bundle+json;version=0.2"
	bundle03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// bundle signs a statement as a DSSE envelope.
func (s signer) bundle(mediaType string, statement []byte) *bundlepb.Bundle {
	const payloadType = "application/vnd.in-toto+json"
	sig := s.sign(dsse.PAE(payloadType, statement))
	b := &bundlepb.Bundle{MediaType: mediaType, VerificationMaterial: s.material(mediaType)}
	b.Content = &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
		Payload: statement, PayloadType: payloadType, Signatures: []*dssepb.Signature{{Sig: sig}},
	}}
	if s.log != nil {
		envelope := mustJSON(dsse.Envelope{
			PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(statement),
			Signatures: []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(sig)}},
		})
		b.VerificationMaterial.TlogEntries = []*rekorpb.TransparencyLogEntry{s.entry(cmp.Or(s.kind, "dsse"), envelope, sig)}
	}
	return b
}

// message signs bytes as they are: a manifest.
func (s signer) message(mediaType string, message []byte) *bundlepb.Bundle {
	sig := s.sign(message)
	h := sha256.Sum256(message)
	b := &bundlepb.Bundle{MediaType: mediaType, VerificationMaterial: s.material(mediaType)}
	b.Content = &bundlepb.Bundle_MessageSignature{MessageSignature: &common.MessageSignature{
		MessageDigest: &common.HashOutput{Algorithm: common.HashAlgorithm_SHA2_256, Digest: h[:]}, Signature: sig,
	}}
	if s.log != nil {
		b.VerificationMaterial.TlogEntries = []*rekorpb.TransparencyLogEntry{s.entry("hashedrekord", message, sig)}
	}
	return b
}

// material names the key or certificate. Before version 0.3 a certificate is a chain of one or more.
func (s signer) material(mediaType string) *bundlepb.VerificationMaterial {
	switch {
	case s.cert == nil:
		hint := base64.StdEncoding.EncodeToString(keyID(s.key.Public()))
		return &bundlepb.VerificationMaterial{Content: &bundlepb.VerificationMaterial_PublicKey{PublicKey: &common.PublicKeyIdentifier{Hint: hint}}}
	case mediaType == bundle03:
		return &bundlepb.VerificationMaterial{Content: &bundlepb.VerificationMaterial_Certificate{Certificate: &common.X509Certificate{RawBytes: s.cert.Raw}}}
	default:
		return &bundlepb.VerificationMaterial{Content: &bundlepb.VerificationMaterial_X509CertificateChain{
			X509CertificateChain: &common.X509CertificateChain{Certificates: []*common.X509Certificate{{RawBytes: s.cert.Raw}}},
		}}
	}
}

// attach adds a bundle as a referrer of image, with the annotations that cosign writes.
func (c *content) attach(image ocispec.Descriptor, b *bundlepb.Bundle) {
	annotations := map[string]string{ocispec.AnnotationCreated: signed.Format(time.RFC3339)}
	if e := b.GetDsseEnvelope(); e != nil {
		var s struct {
			PredicateType string `json:"predicateType"`
		}
		must(json.Unmarshal(e.Payload, &s))
		annotations["dev.sigstore.bundle.content"] = "dsse-envelope"
		annotations["dev.sigstore.bundle.predicateType"] = s.PredicateType
	} else {
		annotations["dev.sigstore.bundle.content"] = "message-signature"
	}
	raw, err := protoJSON(b)
	must(err)
	c.referrer(image, b.MediaType, b.MediaType, raw, annotations)
}

// protoJSON is the JSON of a bundle without the spaces that protojson adds at random.
func protoJSON(b *bundlepb.Bundle) ([]byte, error) {
	raw, err := protojson.Marshal(b)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, raw)
	return compact.Bytes(), err
}

func newEd25519() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(nil)
	must(err)
	return key
}
