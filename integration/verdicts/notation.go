package main

import (
	"bytes"
	"cmp"
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
	"os"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	"github.com/notaryproject/notation-go"
	notationregistry "github.com/notaryproject/notation-go/registry"
	notationsigner "github.com/notaryproject/notation-go/signer"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote"
)

const (
	notationType    = "application/vnd.cncf.notary.signature"
	notationPayload = "application/vnd.cncf.notary.payload.v1+json"
)

// notary signs as notation does.
type notary struct {
	key     crypto.Signer
	rootKey crypto.Signer
	chain   []*x509.Certificate // the leaf first, the root last
	at      time.Time           // when it says that it signed; zero is signed
	expires time.Time           // zero is never
	format  string              // jws if empty, else cose
	scheme  signature.SigningScheme

	payloadType string // notation's if empty
	attributes  []signature.Attribute
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
	return notary{key: key, rootKey: rootKey, chain: []*x509.Certificate{certificate(t, root, key.Public(), rootKey), root}}
}

// withLeaf is an envelope whose certificate was replaced by another one for the same key, which notation would not sign with.
func (n notary) withLeaf(image ocispec.Descriptor, change func(*x509.Certificate)) []byte {
	t := &x509.Certificate{
		SerialNumber: serial(), Subject: subject, NotBefore: start, NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	change(t)
	return changeJWS(n.envelope(image), func(header map[string]json.RawMessage) {
		header["x5c"] = mustJSON([][]byte{certificate(t, n.root(), n.key.Public(), n.rootKey).Raw, n.root().Raw})
	})
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
	payload := mustJSON(map[string]any{"targetArtifact": ocispec.Descriptor{
		MediaType: image.MediaType, Digest: image.Digest, Size: image.Size, Annotations: image.Annotations,
	}})
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
		Payload: signature.Payload{ContentType: cmp.Or(n.payloadType, notationPayload), Content: payload}, Signer: local, SigningTime: at, Expiry: n.expires,
		SigningAgent: "notation-go", SigningScheme: scheme, ExtendedSignedAttributes: n.attributes,
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

func notationCases(w *world) []testCase {
	return append(notationKeyCases(), notationFormCases(w)...)
}

// notationFormCases are envelopes of other forms.
func notationFormCases(w *world) []testCase {
	team := newNotary(newP256(), end, nil)
	expired := newNotary(newP256(), signed.Add(time.Hour), nil)
	one := func(name, about string, n notary, make func(n notary, image ocispec.Descriptor) []byte) testCase {
		return testCase{name, about, func(t *caseFiles) {
			image := t.app()
			t.notation(n.root(), "")
			t.notarize(image, n, make(n, image))
		}}
	}
	stamped := func(n notary, image ocispec.Descriptor) []byte {
		return w.sigstore.stampJWS(n.envelope(image), signed.Add(time.Minute))
	}
	plain := func(n notary, image ocispec.Descriptor) []byte { return n.envelope(image) }
	leaf := func(change func(*x509.Certificate)) notary { return newNotary(newP256(), end, change) }
	return []testCase{
		one("notation-timestamped", "a timestamp, and no trust in its authority", team, stamped),
		one("notation-timestamped-expired", "a certificate that has expired since, a timestamp, and no trust in its authority", expired, stamped),
		one("notation-size", "the payload names another size", team, func(n notary, image ocispec.Descriptor) []byte {
			image.Size++
			return n.envelope(image)
		}),
		one("notation-media-type", "the payload names another media type", team, func(n notary, image ocispec.Descriptor) []byte {
			image.MediaType = "application/vnd.docker.distribution.manifest.v2+json"
			return n.envelope(image)
		}),
		one("notation-metadata", "the payload has metadata that nobody asked for", team, func(n notary, image ocispec.Descriptor) []byte {
			image.Annotations = map[string]string{"release": "1"}
			return n.envelope(image)
		}),
		one("notation-payload-type", "the payload has another content type", team, func(n notary, image ocispec.Descriptor) []byte {
			n.payloadType = "application/vnd.example.payload+json"
			return n.envelope(image)
		}),
		one("notation-attribute", "a signed attribute that nobody knows", team, func(n notary, image ocispec.Descriptor) []byte {
			n.attributes = []signature.Attribute{{Key: "example", Value: "1"}}
			return n.envelope(image)
		}),
		one("notation-critical-attribute", "a critical signed attribute that nobody knows", team, func(n notary, image ocispec.Descriptor) []byte {
			n.attributes = []signature.Attribute{{Key: "example", Critical: true, Value: "1"}}
			return n.envelope(image)
		}),
		one("notation-plugin", "a signature that a plugin must verify", team, func(n notary, image ocispec.Descriptor) []byte {
			n.attributes = []signature.Attribute{{Key: "io.cncf.notary.verificationPlugin", Critical: true, Value: "example"}}
			return n.envelope(image)
		}),
		one("notation-signing-time", "a signing time in 2045", team, func(n notary, image ocispec.Descriptor) []byte {
			n.at = end.AddDate(-1, 0, 0)
			return n.envelope(image)
		}),
		one("notation-unsigned-agent", "the unsigned header was changed", team, func(n notary, image ocispec.Descriptor) []byte {
			return bytes.Replace(n.envelope(image), []byte("notation-go"), []byte("another"), 1)
		}),
		one("notation-chain-order", "the root comes before the leaf", team, func(n notary, image ocispec.Descriptor) []byte {
			return changeJWS(n.envelope(image), func(header map[string]json.RawMessage) {
				header["x5c"] = mustJSON([][]byte{n.chain[1].Raw, n.chain[0].Raw})
			})
		}),
		one("notation-leaf-alone", "the envelope has no root", team, func(n notary, image ocispec.Descriptor) []byte {
			return changeJWS(n.envelope(image), func(header map[string]json.RawMessage) {
				header["x5c"] = mustJSON([][]byte{n.chain[0].Raw})
			})
		}),
		one("notation-two-roots", "the envelope has a root that signed nothing, at the end", team, func(n notary, image ocispec.Descriptor) []byte {
			return changeJWS(n.envelope(image), func(header map[string]json.RawMessage) {
				header["x5c"] = mustJSON([][]byte{n.chain[0].Raw, n.chain[1].Raw, expired.chain[1].Raw})
			})
		}),
		one("notation-not-yet", "a certificate that is valid from 2045", leaf(func(c *x509.Certificate) {
			c.NotBefore = end.AddDate(-1, 0, 0)
		}), func(n notary, image ocispec.Descriptor) []byte {
			n.at = end.AddDate(0, -1, 0)
			return n.envelope(image)
		}),
		one("notation-intermediate", "a certificate by an authority below the root", team.below(), plain),
		one("notation-more-usages", "a certificate for e-mail as well", team, func(n notary, image ocispec.Descriptor) []byte {
			return n.withLeaf(image, func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageEmailProtection) })
		}),
		one("notation-no-extended-usage", "a certificate without extended key usage", team, func(n notary, image ocispec.Descriptor) []byte {
			return n.withLeaf(image, func(c *x509.Certificate) { c.ExtKeyUsage = nil })
		}),
		one("notation-no-usage", "a certificate without key usage", team, func(n notary, image ocispec.Descriptor) []byte {
			return n.withLeaf(image, func(c *x509.Certificate) { c.KeyUsage = 0 })
		}),
		one("notation-leaf-authority", "a certificate that is an authority", team, func(n notary, image ocispec.Descriptor) []byte {
			return n.withLeaf(image, func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true })
		}),
		{"notation-self-signed", "a certificate that signs itself and is in the trust store", func(t *caseFiles) {
			image := t.app()
			key := newP256()
			c := &x509.Certificate{
				SerialNumber: serial(), Subject: subject, NotBefore: start, NotAfter: end,
				KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
			}
			n := notary{key: key, chain: []*x509.Certificate{certificate(c, c, key.Public(), key)}}
			t.notation(n.root(), "")
			t.notarize(image, n, n.envelope(image))
		}},
		{"notation-two-certificates", "the trust store has two roots", func(t *caseFiles) {
			image := t.app()
			t.notation(team.root(), "")
			t.files["other.pem"] = certificatePEM(expired.root())
			t.require.Notation.Certificates = []string{"other.pem", "root.pem"}
			t.notarize(image, team, team.envelope(image))
		}},
		{"notation-layer-type", "the layer's media type is COSE, the envelope is JWS", func(t *caseFiles) {
			image := t.app()
			t.notation(team.root(), "")
			n := team
			n.format = "cose"
			t.notarize(image, n, team.envelope(image))
		}},
		{"made-by-notation", "made by notation-go's Sign", func(t *caseFiles) {
			image := t.app()
			t.notation(team.root(), "")
			t.notationSign(team, image)
		}},
	}
}

// stampJWS adds a timestamp of the envelope's signature to its unsigned header.
func (s *sigstore) stampJWS(envelope []byte, at time.Time) []byte {
	var parts struct {
		Payload   string                     `json:"payload"`
		Protected string                     `json:"protected"`
		Header    map[string]json.RawMessage `json:"header"`
		Signature string                     `json:"signature"`
	}
	must(json.Unmarshal(envelope, &parts))
	sig, err := base64.RawURLEncoding.DecodeString(parts.Signature)
	must(err)
	answer, err := timestamp.ParseResponse(s.timestamp(sig, at))
	must(err)
	parts.Header["io.cncf.notary.timestampSignature"] = mustJSON(answer.RawToken)
	return mustJSON(parts)
}

// changeJWS changes the unsigned header of an envelope.
func changeJWS(envelope []byte, change func(header map[string]json.RawMessage)) []byte {
	var parts, header map[string]json.RawMessage
	must(json.Unmarshal(envelope, &parts))
	must(json.Unmarshal(parts["header"], &header))
	change(header)
	parts["header"] = mustJSON(header)
	return mustJSON(parts)
}

// below is a notary whose certificate is by an authority below a root of its own.
func (n notary) below() notary {
	rootKey, middleKey, key := newP256(), newP256(), newP256()
	ca := func(name string) *x509.Certificate {
		c := authority(name)
		c.Subject = pkix.Name{Country: []string{"US"}, Province: []string{"WA"}, Organization: []string{"team"}, CommonName: name}
		return c
	}
	root := certificate(ca("root"), ca("root"), rootKey.Public(), rootKey)
	middle := certificate(ca("middle"), root, middleKey.Public(), rootKey)
	leaf := certificate(&x509.Certificate{
		SerialNumber: serial(), Subject: subject, NotBefore: start, NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}, middle, key.Public(), middleKey)
	return notary{key: key, chain: []*x509.Certificate{leaf, middle, root}}
}

// notationSign serves the layout so far, has notation-go sign the image, and takes over what that has pushed.
func (t *caseFiles) notationSign(n notary, image ocispec.Descriptor) {
	dir, err := os.MkdirTemp("", "notation")
	must(err)
	defer os.RemoveAll(dir)
	t.write(dir)
	server, host := serve(dir)
	defer server.Close()
	repository, err := remote.NewRepository(host + "/team/app")
	must(err)
	repository.PlainHTTP = true
	by, err := notationsigner.NewGenericSigner(n.key, n.chain)
	must(err)
	_, err = notation.Sign(context.Background(), by, notationregistry.NewRepository(repository), notation.SignOptions{
		ArtifactReference: host + "/team/app@" + image.Digest.String(),
		SignerSignOptions: notation.SignerSignOptions{SignatureMediaType: jws.MediaTypeEnvelope},
	})
	must(err)
	t.takeOverReferrers("http://"+host+"/v2/team/app/", image.Digest)
}

// notationKeyCases are keys, certificates and times.
func notationKeyCases() []testCase {
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
		{"notation-payload-replaced", "the signed payload of another image was replaced by this image's", func(t *caseFiles) {
			image := t.app()
			t.notation(team.root(), "")
			var signed, wanted map[string]json.RawMessage
			must(json.Unmarshal(team.envelope(newContent().image("another")), &signed))
			must(json.Unmarshal(team.envelope(image), &wanted))
			signed["payload"] = wanted["payload"]
			t.notarize(image, team, mustJSON(signed))
		}},
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
