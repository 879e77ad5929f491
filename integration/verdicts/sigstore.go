package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/url"
	"time"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	ct "github.com/google/certificate-transparency-go"
	"github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/sigstore/rekor/pkg/pki"
	rekortypes "github.com/sigstore/rekor/pkg/types"
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Certificates live from start to end; each signature is made at signed, with a certificate that expires ten minutes later. The
// virtual Sigstore of sigstore-go's tests lives for hours only, and its certificates have no SCT.
var (
	start  = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	signed = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	end    = time.Date(2046, 1, 1, 0, 0, 0, 0, time.UTC)
)

// logHost is where the transparency log is said to be.
const logHost = "log.example.com"

// sigstore is a certificate authority, a certificate log, a transparency log and a timestamp authority.
type sigstore struct {
	root, intermediate           *x509.Certificate
	intermediateKey              *ecdsa.PrivateKey
	ctLog, transparencyLog       *ecdsa.PrivateKey
	timestampRoot, timestampCert *x509.Certificate
	timestampKey                 *ecdsa.PrivateKey
}

func newSigstore() *sigstore {
	s := &sigstore{ctLog: newP256(), transparencyLog: newP256(), intermediateKey: newP256()}
	rootKey := newP256()
	root := authority("root")
	s.root = certificate(root, root, rootKey.Public(), rootKey)
	intermediate := authority("intermediate")
	intermediate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	s.intermediate = certificate(intermediate, s.root, s.intermediateKey.Public(), rootKey)
	s.newTimestampAuthority()
	return s
}

func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{"example.com"}, CommonName: name},
		NotBefore: start, NotAfter: end, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true,
	}
}

// identity is who a certificate names.
type identity struct {
	subject string // an e-mail address, or a URI if it has a scheme
	issuer  string
	noSCT   bool
	change  func(*x509.Certificate) // changes what is signed, if not nil
}

// leaf returns a certificate for key, as Fulcio makes it: with a signed certificate timestamp (RFC 6962, section 3.3).
func (s *sigstore) leaf(who identity, key crypto.Signer) *x509.Certificate {
	issuer, err := asn1.MarshalWithParams(who.issuer, "utf8")
	must(err)
	t := &x509.Certificate{
		SerialNumber: serial(), NotBefore: signed, NotAfter: signed.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		// Fulcio's issuer, first as text, since version 2 as an ASN.1 string.
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(who.issuer)},
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: issuer},
		},
	}
	if u, err := url.Parse(who.subject); err == nil && u.Scheme != "" {
		t.URIs = []*url.URL{u}
	} else {
		t.EmailAddresses = []string{who.subject}
	}
	if who.change != nil {
		who.change(t)
	}
	cert := certificate(t, s.intermediate, key.Public(), s.intermediateKey)
	if who.noSCT {
		return cert
	}
	t.ExtraExtensions = append(t.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier(ctx509.OIDExtensionCTSCT), Value: s.sct(cert)})
	return certificate(t, s.intermediate, key.Public(), s.intermediateKey)
}

// sct returns the extension's value for a certificate that has none yet.
func (s *sigstore) sct(cert *x509.Certificate) []byte {
	timestamp := uint64(signed.UnixMilli())
	input, err := tls.Marshal(ct.CertificateTimestamp{
		SCTVersion: ct.V1, SignatureType: ct.CertificateTimestampSignatureType, Timestamp: timestamp, EntryType: ct.PrecertLogEntryType,
		PrecertEntry: &ct.PreCert{IssuerKeyHash: sha256.Sum256(s.intermediate.RawSubjectPublicKeyInfo), TBSCertificate: cert.RawTBSCertificate},
	})
	must(err)
	sct, err := tls.Marshal(ct.SignedCertificateTimestamp{
		SCTVersion: ct.V1, Timestamp: timestamp, LogID: ct.LogID{KeyID: [32]byte(keyID(s.ctLog.Public()))},
		Signature: ct.DigitallySigned{
			Algorithm: tls.SignatureAndHashAlgorithm{Hash: tls.SHA256, Signature: tls.ECDSA},
			Signature: sign(s.ctLog, input),
		},
	})
	must(err)
	list, err := tls.Marshal(ctx509.SignedCertificateTimestampList{SCTList: []ctx509.SerializedSCT{{Val: sct}}})
	must(err)
	value, err := asn1.Marshal(list)
	must(err)
	return value
}

// entry is what the transparency log is asked to hold.
type entry struct {
	kind     string // hashedrekord, dsse or intoto
	artifact []byte // what was signed; the whole envelope for dsse
	sig      []byte
	verifier []byte // PEM
	at       time.Time
}

// log returns the log's entry with signed entry timestamp, inclusion proof and checkpoint.
func (s *sigstore) log(e entry) *rekorpb.TransparencyLogEntry {
	return s.logBody(e.kind, e.version(), e.body(), e.at)
}

// logBody returns the log's entry for a body.
func (s *sigstore) logBody(kind, version string, body []byte, at time.Time) *rekorpb.TransparencyLogEntry {
	id := keyID(s.transparencyLog.Public())
	const index = 123456 // over all shards of the log; in its tree the entry has another one
	set, err := json.Marshal(map[string]any{
		"body": base64.StdEncoding.EncodeToString(body), "integratedTime": at.Unix(), "logID": hex.EncodeToString(id), "logIndex": index,
	})
	must(err)
	set, err = jsoncanonicalizer.Transform(set)
	must(err)

	leaves := make([][]byte, 5)
	for i := range leaves {
		leaves[i] = leafHash([]byte{byte(i)})
	}
	const position = 3
	leaves[position] = leafHash(body)
	rootHash := treeHash(leaves)
	signer, err := signature.LoadECDSASignerVerifier(s.transparencyLog, crypto.SHA256)
	must(err)
	checkpoint, err := util.CreateAndSignCheckpoint(context.Background(), logHost, 42, uint64(len(leaves)), rootHash, signer)
	must(err)
	return &rekorpb.TransparencyLogEntry{
		LogIndex: index, LogId: &common.LogId{KeyId: id}, KindVersion: &rekorpb.KindVersion{Kind: kind, Version: version},
		IntegratedTime: at.Unix(), CanonicalizedBody: body,
		InclusionPromise: &rekorpb.InclusionPromise{SignedEntryTimestamp: sign(s.transparencyLog, set)},
		InclusionProof: &rekorpb.InclusionProof{
			LogIndex: position, TreeSize: int64(len(leaves)), RootHash: rootHash, Hashes: treePath(position, leaves),
			Checkpoint: &rekorpb.Checkpoint{Envelope: string(checkpoint)},
		},
	}
}

func (e entry) version() string {
	if e.kind == "intoto" {
		return "0.0.2"
	}
	return "0.0.1"
}

// body is the entry as Rekor stores it.
func (e entry) body() []byte {
	ctx := context.Background()
	props := rekortypes.ArtifactProperties{PublicKeyBytes: [][]byte{e.verifier}, PKIFormat: string(pki.X509), SignatureBytes: e.sig}
	if e.kind != "hashedrekord" {
		props.ArtifactBytes = e.artifact
	} else {
		h := sha256.Sum256(e.artifact)
		props.ArtifactHash = hex.EncodeToString(h[:])
	}
	proposed, err := rekortypes.NewProposedEntry(ctx, e.kind, e.version(), props)
	must(err)
	impl, err := rekortypes.CreateVersionedEntry(proposed)
	must(err)
	body, err := rekortypes.CanonicalizeEntry(ctx, impl)
	must(err)
	return body
}

// leafHash, treeHash and treePath are of RFC 9162, section 2.1.
func leafHash(b []byte) []byte {
	h := sha256.Sum256(append([]byte{0}, b...))
	return h[:]
}

func treeHash(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	h := sha256.Sum256(bytes.Join([][]byte{{1}, treeHash(leaves[:k]), treeHash(leaves[k:])}, nil))
	return h[:]
}

func treePath(i int, leaves [][]byte) [][]byte {
	if len(leaves) == 1 {
		return nil
	}
	k := split(len(leaves))
	if i < k {
		return append(treePath(i, leaves[:k]), treeHash(leaves[k:]))
	}
	return append(treePath(i-k, leaves[k:]), treeHash(leaves[:k]))
}

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// trustedRoot is what cosign's --trusted-root takes.
func (s *sigstore) trustedRoot() *trustroot.TrustedRoot {
	log := func(host string, key crypto.PublicKey) []*trustroot.TransparencyLogInstance {
		der, err := x509.MarshalPKIXPublicKey(key)
		must(err)
		return []*trustroot.TransparencyLogInstance{{
			BaseUrl: "https://" + host, HashAlgorithm: common.HashAlgorithm_SHA2_256, LogId: &common.LogId{KeyId: keyID(key)},
			PublicKey: &common.PublicKey{RawBytes: der, KeyDetails: common.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256, ValidFor: since(start)},
		}}
	}
	return &trustroot.TrustedRoot{
		MediaType:              "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		Tlogs:                  log(logHost, s.transparencyLog.Public()),
		Ctlogs:                 log("ct.example.com", s.ctLog.Public()),
		CertificateAuthorities: authorityOf("ca.example.com", s.intermediate, s.root),
	}
}

// withTimestamps is a trusted root that has the timestamp authority as well.
func (s *sigstore) withTimestamps() *trustroot.TrustedRoot {
	root := s.trustedRoot()
	root.TimestampAuthorities = authorityOf("timestamp.example.com", s.timestampCert, s.timestampRoot)
	return root
}

// authorityOf is an authority of a trusted root.
func authorityOf(host string, chain ...*x509.Certificate) []*trustroot.CertificateAuthority {
	ca := &trustroot.CertificateAuthority{
		Subject: &common.DistinguishedName{Organization: "example.com", CommonName: host}, Uri: "https://" + host, ValidFor: since(start),
		CertChain: &common.X509CertificateChain{},
	}
	for _, c := range chain {
		ca.CertChain.Certificates = append(ca.CertChain.Certificates, &common.X509Certificate{RawBytes: c.Raw})
	}
	return []*trustroot.CertificateAuthority{ca}
}

func since(t time.Time) *common.TimeRange {
	return &common.TimeRange{Start: timestamppb.New(t)}
}

func until(t time.Time) *common.TimeRange {
	return &common.TimeRange{Start: timestamppb.New(start), End: timestamppb.New(t)}
}

func certificate(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	must(err)
	cert, err := x509.ParseCertificate(der)
	must(err)
	return cert
}

func certificatePEM(certs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range certs {
		must(pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.Bytes()
}

func publicPEM(key crypto.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	must(err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// keyID is the SHA-256 of the key's SubjectPublicKeyInfo, the name of a log (RFC 6962, section 3.2).
func keyID(key crypto.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	must(err)
	h := sha256.Sum256(der)
	return h[:]
}

func sign(key crypto.Signer, message []byte) []byte {
	signer, err := signature.LoadSigner(key, crypto.SHA256)
	must(err)
	sig, err := signer.SignMessage(bytes.NewReader(message))
	must(err)
	return sig
}

func newP256() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	must(err)
	return n
}
