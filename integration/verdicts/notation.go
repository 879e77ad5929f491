package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	notationType    = "application/vnd.cncf.notary.signature"
	notationPayload = "application/vnd.cncf.notary.payload.v1+json"
)

// notary signs as notation does.
type notary struct {
	key     crypto.Signer
	chain   []*x509.Certificate // the leaf first, the root last
	at      time.Time           // when it says that it signed; zero is signed
	expires time.Time           // zero is never
	format  string              // jws if empty, else cose
	scheme  signature.SigningScheme
}

// subject is what leaf certificates of notation's cases name.
var subject = pkix.Name{Country: []string{"US"}, Province: []string{"WA"}, Organization: []string{"team"}, CommonName: "app"}

// newNotary has a root and a leaf for key, which is valid from start to until.
func newNotary(key crypto.Signer, until time.Time, leaf func(*x509.Certificate)) notary {
	rootKey := newP256()
	root := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Country: []string{"US"}, Province: []string{"WA"}, Organization: []string{"team"}, CommonName: "root"},
		NotBefore: start, NotAfter: end, KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	root = certificate(root, root, rootKey.Public(), rootKey)
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: subject, NotBefore: start, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	if leaf != nil {
		leaf(t)
	}
	return notary{key: key, chain: []*x509.Certificate{certificate(t, root, key.Public(), rootKey), root}}
}

func (n notary) root() *x509.Certificate {
	return n.chain[len(n.chain)-1]
}

func (n notary) mediaType() string {
	if n.format == "cose" {
		return cose.MediaTypeEnvelope
	}
	return jws.MediaTypeEnvelope
}

// envelope signs the descriptor of an image.
func (n notary) envelope(image ocispec.Descriptor) []byte {
	payload := mustJSON(map[string]any{"targetArtifact": ocispec.Descriptor{MediaType: image.MediaType, Digest: image.Digest, Size: image.Size}})
	local, err := signature.NewLocalSigner(n.chain, n.key)
	must(err)
	at, scheme := n.at, n.scheme
	if at.IsZero() {
		at = signed
	}
	if scheme == "" {
		scheme = signature.SigningSchemeX509
	}
	e, err := signature.NewEnvelope(n.mediaType())
	must(err)
	b, err := e.Sign((&signature.SignRequest{
		Payload: signature.Payload{ContentType: notationPayload, Content: payload}, Signer: local, SigningTime: at, Expiry: n.expires,
		SigningAgent: "notation-go", SigningScheme: scheme,
	}).WithContext(context.Background()))
	must(err)
	return b
}

// notarize adds an envelope as a referrer of image, with the annotations that notation writes.
func (t *caseFiles) notarize(image ocispec.Descriptor, n notary, envelope []byte) {
	var prints []string
	for _, c := range n.chain {
		h := sha256.Sum256(c.Raw)
		prints = append(prints, hex.EncodeToString(h[:]))
	}
	t.referrer(image, notationType, n.mediaType(), envelope, map[string]string{
		"io.cncf.notary.x509chain.thumbprint#S256": string(mustJSON(prints)),
		ocispec.AnnotationCreated:                  signed.Format(time.RFC3339),
	})
}

func (t *caseFiles) notation(root *x509.Certificate, subject string) {
	t.files["root.pem"] = certificatePEM(root)
	t.require = requirement{Notation: &notationRule{Certificates: []string{"root.pem"}, Subject: subject}}
}

func notationCases(*world) []testCase {
	team := newNotary(newP256(), end, nil)
	one := func(name, about string, n notary, change func(envelope []byte) []byte) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.notation(n.root(), "")
			e := n.envelope(image)
			if change != nil {
				e = change(e)
			}
			t.notarize(image, n, e)
			if n.format == "cose" {
				t.differs(false, "COSE envelopes are not read; the reason says so")
			}
		}}
	}
	named := func(name, about, subject string) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.notation(team.root(), subject)
			t.notarize(image, team, team.envelope(image))
		}}
	}
	with := func(change func(*notary)) notary {
		n := team
		change(&n)
		return n
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	expired := newNotary(newP256(), signed.Add(time.Hour), nil)
	return []testCase{
		one("notation-jws", "a JWS envelope by a certificate of the root", team, nil),
		one("notation-p384", "an ECDSA P-384 key", newNotary(p384, end, nil), nil),
		one("notation-rsa", "an RSA key of 2048 bits, RSASSA-PSS", newNotary(rsaKey, end, nil), nil),
		one("notation-cose", "a COSE envelope", with(func(n *notary) { n.format = "cose" }), nil),
		one("notation-expires-later", "a signature that expires in 2045", with(func(n *notary) { n.expires = end.AddDate(-1, 0, 0) }), nil),
		one("notation-expired", "a signature that has expired", with(func(n *notary) { n.expires = signed.Add(time.Hour) }), nil),
		one("notation-certificate-expired", "a certificate that has expired since, no time stamp", expired, nil),
		one("notation-authority", "the scheme in which a signing authority vouches for the time; the store holds no authority",
			with(func(n *notary) { n.scheme = signature.SigningSchemeX509SigningAuthority }), nil),
		one("notation-revocation", "the certificate names an OCSP responder that nobody asks", newNotary(newP256(), end, func(c *x509.Certificate) {
			c.OCSPServer = []string{"http://ocsp.example.com"}
		}), nil),
		one("notation-payload-swapped", "the payload was replaced after signing", team, func(e []byte) []byte {
			var parts map[string]json.RawMessage
			must(json.Unmarshal(e, &parts))
			var payload string
			must(json.Unmarshal(parts["payload"], &payload))
			raw, err := base64.RawURLEncoding.DecodeString(payload)
			must(err)
			raw = bytes.Replace(raw, []byte(`"size":`), []byte(`"size":1`), 1)
			parts["payload"] = mustJSON(base64.RawURLEncoding.EncodeToString(raw))
			return mustJSON(parts)
		}),
		one("notation-not-json", "an envelope that is no JSON", team, func([]byte) []byte { return []byte("hello") }),
		named("notation-subject", "the certificate has the subject that the policy asks for", "C=US, ST=WA, O=team, CN=app"),
		named("notation-subject-part", "the policy names a part of the subject", "C=US, ST=WA, O=team"),
		named("notation-other-subject", "the certificate has another subject", "C=US, ST=WA, O=mallory"),
		{"notation-wrong-root", "a JWS envelope by a certificate of another root", func(t *caseFiles) {
			image := t.app()
			t.notation(newNotary(newP256(), end, nil).root(), "")
			t.notarize(image, team, team.envelope(image))
		}},
		{"notation-other-image", "a JWS envelope about another image that refers to this one", func(t *caseFiles) {
			image := t.app()
			t.notation(team.root(), "")
			t.notarize(image, team, team.envelope(newContent().image("another")))
		}},
		{"notation-unsigned", "an image without signatures", func(t *caseFiles) {
			t.app()
			t.notation(team.root(), "")
		}},
		{"notation-two-one-good", "two signatures, the first by another root", func(t *caseFiles) {
			image := t.app()
			t.notation(team.root(), "")
			other := newNotary(newP256(), end, nil)
			t.notarize(image, other, other.envelope(image))
			t.notarize(image, team, team.envelope(image))
		}},
		{"notation-list-signed", "an image index of two platforms, the index signed", func(t *caseFiles) {
			list, _ := t.platforms()
			t.list(list, "1")
			t.notation(team.root(), "")
			t.notarize(list, team, team.envelope(list))
		}},
		{"notation-children-signed", "an image index of two platforms, only the images signed", func(t *caseFiles) {
			list, children := t.platforms()
			t.list(list, "1")
			t.notation(team.root(), "")
			for _, child := range children {
				t.notarize(child, team, team.envelope(child))
			}
		}},
	}
}
