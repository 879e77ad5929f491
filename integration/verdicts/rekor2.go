package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	"github.com/digitorus/timestamp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	tilespb "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	rekornote "github.com/sigstore/rekor-tiles/v2/pkg/note"
	"github.com/sigstore/sigstore/pkg/signature"
	checkpoint "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/encoding/protojson"
)

// logTiles replaces a bundle's log entry by one of Rekor v2, which has neither a signed entry timestamp nor a time.
func (s signer) logTiles(b *bundlepb.Bundle) {
	env := b.GetDsseEnvelope()
	h := sha256.Sum256(dsse.PAE(env.PayloadType, env.Payload))
	verifier := &tilespb.Verifier{KeyDetails: common.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256}
	if s.cert != nil {
		verifier.Verifier = &tilespb.Verifier_X509Certificate{X509Certificate: &common.X509Certificate{RawBytes: s.cert.Raw}}
	} else {
		der, err := x509.MarshalPKIXPublicKey(s.key.Public())
		must(err)
		verifier.Verifier = &tilespb.Verifier_PublicKey{PublicKey: &tilespb.PublicKey{RawBytes: der}}
	}
	body, err := protojson.Marshal(&tilespb.Entry{ApiVersion: "0.0.2", Kind: "hashedrekord", Spec: &tilespb.Spec{
		Spec: &tilespb.Spec_HashedRekordV002{HashedRekordV002: &tilespb.HashedRekordLogEntryV002{
			Data:      &common.HashOutput{Algorithm: common.HashAlgorithm_SHA2_256, Digest: h[:]},
			Signature: &tilespb.Signature{Content: env.Signatures[0].Sig, Verifier: verifier},
		}},
	}})
	must(err)
	body, err = jsoncanonicalizer.Transform(body)
	must(err)
	b.VerificationMaterial.TlogEntries = []*rekorpb.TransparencyLogEntry{s.log.logTile(body)}
}

func (s *sigstore) logTile(body []byte) *rekorpb.TransparencyLogEntry {
	root := leafHash(body)
	key, err := signature.LoadECDSASignerVerifier(s.transparencyLog, crypto.SHA256)
	must(err)
	signer, err := rekornote.NewNoteSigner(context.Background(), logHost, key)
	must(err)
	text := checkpoint.Checkpoint{Origin: logHost, Size: 1, Hash: root}.Marshal()
	envelope, err := note.Sign(&note.Note{Text: string(text)}, signer)
	must(err)
	return &rekorpb.TransparencyLogEntry{
		LogId: &common.LogId{KeyId: keyID(s.transparencyLog.Public())}, KindVersion: &rekorpb.KindVersion{Kind: "hashedrekord", Version: "0.0.2"},
		InclusionProof: &rekorpb.InclusionProof{
			TreeSize: 1, RootHash: root, Checkpoint: &rekorpb.Checkpoint{Envelope: string(envelope)},
		},
		CanonicalizedBody: body,
	}
}

// newTimestampAuthority makes the authority of RFC 3161 timestamps.
func (s *sigstore) newTimestampAuthority() {
	rootKey := newP256()
	root := authority("timestamp root")
	s.timestampRoot = certificate(root, root, rootKey.Public(), rootKey)
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	must(err)
	s.timestampKey = newP256()
	s.timestampCert = certificate(&x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{"example.com"}, CommonName: "timestamp"}, NotBefore: start, NotAfter: end,
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}, s.timestampRoot, s.timestampKey.Public(), rootKey)
}

// timestamp is the answer of a timestamp authority about a signature.
func (s *sigstore) timestamp(sig []byte, at time.Time) []byte {
	request, err := timestamp.CreateRequest(bytes.NewReader(sig), &timestamp.RequestOptions{Hash: crypto.SHA256})
	must(err)
	parsed, err := timestamp.ParseRequest(request)
	must(err)
	answer := timestamp.Timestamp{
		HashAlgorithm: parsed.HashAlgorithm, HashedMessage: parsed.HashedMessage, Time: at, SerialNumber: serial(),
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}, AddTSACertificate: true,
	}
	b, err := answer.CreateResponseWithOpts(s.timestampCert, s.timestampKey, crypto.SHA256)
	must(err)
	return b
}

// timestamped adds a timestamp to a bundle.
func (s *sigstore) timestamped(b *bundlepb.Bundle, at time.Time) {
	b.VerificationMaterial.TimestampVerificationData = &bundlepb.TimestampVerificationData{
		Rfc3161Timestamps: []*common.RFC3161SignedTimestamp{{SignedTimestamp: s.timestamp(b.GetDsseEnvelope().Signatures[0].Sig, at)}},
	}
}
