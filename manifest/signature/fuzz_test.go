package signature

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// addBlobs adds the small blobs of the cases in testdata/verdicts: payloads, bundles, envelopes.
func addBlobs(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "verdicts", "*", "layout", "blobs", "sha256", "*"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil && len(text) < 16<<10 {
			f.Add(text)
		}
	}
}

// No bundle, whatever its bytes, is accepted for a key that has signed none, or panics.
func FuzzBundle(f *testing.F) {
	addBlobs(f)
	w := newWorld(f)
	root, image := w.root(), blob.FromBytes([]byte("image"))
	f.Add(w.encode(w.bundle(image, true)))
	keys := newWorld(f).keys()
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := ParseBundle(text)
		if err != nil {
			return
		}
		for _, trust := range []Trust{{Keys: keys}, {Keys: keys, Root: root}, {Root: root, Identity: Identity{"x", "*"}}} {
			if _, err := b.Verify(trust, image); err == nil {
				t.Fatal("it is accepted")
			}
		}
	})
}

// No envelope is accepted for a certificate that is not in its chain, or panics.
func FuzzNotation(f *testing.F) {
	addBlobs(f)
	w := newWorld(f)
	trust := NotationTrust{Certificates: []*x509.Certificate{w.ca}}
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := VerifyNotation(trust, manifest.Descriptor{}, text, time.Now()); err == nil {
			t.Fatal("it is accepted")
		}
	})
}

// No signature of cosign's is accepted for a key that has signed none, or panics.
func FuzzSimple(f *testing.F) {
	w := newWorld(f)
	root, keys := w.root(), w.keys()
	f.Add([]byte(`{"critical":{"image":{"docker-manifest-digest":"sha256:00"}}}`), "MEUCIQ==", "", `{"SignedEntryTimestamp":"","Payload":{"logID":"00"}}`)
	f.Fuzz(func(t *testing.T, payload []byte, sig, certificate, bundle string) {
		annotations := map[string]string{annotationSignature: sig, annotationCertificate: certificate, annotationBundle: bundle}
		for _, trust := range []Trust{{Keys: keys}, {Root: root, Identity: Identity{"x", "*"}}} {
			if _, err := VerifySimple(trust, blob.FromBytes(payload), payload, annotations); err == nil {
				t.Fatal("it is accepted")
			}
		}
	})
}

// No trusted root, key or name panics; what is parsed can be used.
func FuzzTrust(f *testing.F) {
	w := newWorld(f)
	f.Add([]byte("C=US, ST=WA, O=example\\, Inc"))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json"}`))
	entry := logEntry{LogID: keyID{w.logID()}}
	f.Fuzz(func(t *testing.T, text []byte) {
		if root, err := ParseTrustedRoot(text); err == nil && entry.verify(root) == nil {
			t.Fatal("an entry without a proof is verified")
		}
		_, _ = ParsePublicKeys(text)
		_, _ = ParsePrivateKey(text)
		_, _ = ParseDistinguishedName(string(text))
	})
}
