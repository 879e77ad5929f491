package signature

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
)

const (
	testIssuer   = "https://issuer.example.com"
	testIdentity = "https://example.com/team/app/release.yml@refs/tags/v1"
)

// world is a certificate authority and a log, as the trusted root has them, and a signer's key.
type world struct {
	t      testing.TB
	ca     *x509.Certificate
	caKey  *ecdsa.PrivateKey
	logKey *ecdsa.PrivateKey
	key    *ecdsa.PrivateKey
	at     time.Time // when the log takes entries
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, caKey: newKey(t), logKey: newKey(t), key: newKey(t), at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: w.at.AddDate(-1, 0, 0), NotAfter: w.at.AddDate(9, 0, 0),
	}
	w.ca = w.certificate(template, template, &w.caKey.PublicKey)
	return w
}

func (w *world) certificate(template, parent *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	w.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, w.caKey)
	if err != nil {
		w.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		w.t.Fatal(err)
	}
	return cert
}

// leaf returns a certificate of ten minutes around w.at for the signer's key.
func (w *world) leaf() *x509.Certificate {
	w.t.Helper()
	issuer, err := asn1.MarshalWithParams(testIssuer, "utf8")
	if err != nil {
		w.t.Fatal(err)
	}
	name, err := url.Parse(testIdentity)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.certificate(&x509.Certificate{
		SerialNumber: big.NewInt(2), URIs: []*url.URL{name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, NotBefore: w.at.Add(-5 * time.Minute),
		NotAfter: w.at.Add(5 * time.Minute), ExtraExtensions: []pkix.Extension{{Id: oidIssuerV2(), Value: issuer}},
	}, w.ca, &w.key.PublicKey)
}

// root returns the trusted root.
func (w *world) root() *TrustedRoot {
	w.t.Helper()
	text, err := json.Marshal(map[string]any{
		"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs": []any{map[string]any{
			"publicKey": map[string]any{"rawBytes": w.der(w.logKey), "validFor": map[string]any{"start": "2020-01-01T00:00:00Z"}},
			"logId":     map[string]any{"keyId": w.logID()},
		}},
		"certificateAuthorities": []any{map[string]any{
			"certChain": map[string]any{"certificates": []any{map[string]any{"rawBytes": w.ca.Raw}}},
			"validFor":  map[string]any{"start": "2020-01-01T00:00:00Z"},
		}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	root, err := ParseTrustedRoot(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return root
}

func (w *world) der(key *ecdsa.PrivateKey) []byte {
	w.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		w.t.Fatal(err)
	}
	return der
}

func (w *world) logID() []byte {
	id := sha256.Sum256(w.der(w.logKey))
	return id[:]
}

// keys returns the signer's public key.
func (w *world) keys() []PublicKey {
	w.t.Helper()
	keys, err := ParsePublicKeys(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: w.der(w.key)}))
	if err != nil {
		w.t.Fatal(err)
	}
	return keys
}

func (w *world) sign(key *ecdsa.PrivateKey, message []byte) []byte {
	w.t.Helper()
	digest := sha256.Sum256(message)
	sig, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		w.t.Fatal(err)
	}
	return sig
}

// entry is a log entry about a signature of a payload in an envelope, as a bundle has it. It is the
// second of five leaves.
func (w *world) entry(sig, payload, verifier []byte) map[string]any {
	w.t.Helper()
	digest := sha256.Sum256(payload)
	body, err := json.Marshal(map[string]any{"apiVersion": "0.0.1", "kind": "dsse", "spec": map[string]any{
		"payloadHash": map[string]any{"algorithm": "sha256", "value": hex.EncodeToString(digest[:])},
		"signatures":  []any{map[string]any{"signature": sig, "verifier": verifier}},
	}})
	if err != nil {
		w.t.Fatal(err)
	}
	promise := fmt.Appendf(nil, `{"body":%q,"integratedTime":%d,"logID":"%x","logIndex":77}`,
		base64.StdEncoding.EncodeToString(body), w.at.Unix(), w.logID())
	leaves := [][]byte{hashOf([]byte{0}, []byte("a")), hashOf([]byte{0}, body), hashOf([]byte{0}, []byte("c")),
		hashOf([]byte{0}, []byte("d")), hashOf([]byte{0}, []byte("e"))}
	right := hashOf([]byte{1}, leaves[2], leaves[3])
	root := hashOf([]byte{1}, hashOf([]byte{1}, hashOf([]byte{1}, leaves[0], leaves[1]), right), leaves[4])
	note := fmt.Sprintf("log.example.com - 1\n5\n%s\n", base64.StdEncoding.EncodeToString(root))
	signed := append(binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(w.logID())), w.sign(w.logKey, []byte(note))...)
	return map[string]any{
		"logIndex": "77", "logId": map[string]any{"keyId": w.logID()}, "integratedTime": fmt.Sprint(w.at.Unix()),
		"inclusionPromise": map[string]any{"signedEntryTimestamp": w.sign(w.logKey, promise)},
		"inclusionProof": map[string]any{
			"logIndex": "1", "treeSize": "5", "rootHash": root, "hashes": [][]byte{leaves[0], right, leaves[4]},
			"checkpoint": map[string]any{"envelope": note + "\n— log.example.com " + base64.StdEncoding.EncodeToString(signed) + "\n"},
		},
		"canonicalizedBody": body,
	}
}

// document is a bundle or a part of it, which a test changes before it is encoded.
type document = map[string]any

// bundle returns a bundle of version 0.3 about an image: by a certificate, or by the key.
func (w *world) bundle(image blob.Digest, byCertificate bool) document {
	w.t.Helper()
	payload := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":"x"}`, image.Hex())
	pae := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadInToto), payloadInToto, len(payload), payload)
	sig := w.sign(w.key, pae)
	material := document{"publicKey": document{"hint": ""}}
	verifier := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: w.der(w.key)})
	if byCertificate {
		leaf := w.leaf()
		material = document{"certificate": document{"rawBytes": leaf.Raw}}
		verifier = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	}
	material["tlogEntries"] = []any{w.entry(sig, payload, verifier)}
	return document{
		"mediaType": MediaTypeBundle + ".v0.3+json", "verificationMaterial": material,
		"dsseEnvelope": document{"payload": payload, "payloadType": payloadInToto, "signatures": []any{document{"sig": sig}}},
	}
}

func (w *world) encode(v any) []byte {
	w.t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// verify verifies a bundle.
func (w *world) verify(bundle document, t Trust, image blob.Digest) (Proof, error) {
	w.t.Helper()
	b, err := ParseBundle(w.encode(bundle))
	if err != nil {
		return Proof{}, err
	}
	return b.Verify(t, image)
}
