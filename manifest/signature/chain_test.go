package signature

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"runtime"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Of a chain that is too long no certificate is parsed, as none of it can be and the reason is another
// one, and what is allocated is for its text alone.
func TestLongChains(t *testing.T) { // not parallel: it measures what the process allocates
	const n, size = 10_000, 350
	w := newWorld(t)
	garbage := bytes.Repeat([]byte("x"), size)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: garbage}))
	leaf := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.leaf().Raw}))
	chain := make([][]byte, n)
	for i := range chain {
		chain[i] = garbage
	}
	image := manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Digest: blob.FromBytes([]byte("image")), Size: 5}
	envelope := w.envelope(image, w.key, chain...)
	trust := Trust{Root: w.root(), Identity: Identity{testIssuer, testIdentity}}
	simple := func(certificate, chain string) func() error {
		return func() error {
			_, err := VerifySimple(trust, image.Digest, []byte("payload"), map[string]string{
				annotationSignature: "MEUCIQ==", annotationCertificate: certificate, annotationChain: chain,
			})
			return err
		}
	}
	for name, test := range map[string]struct {
		verify func() error
		reason string
		copies uint64 // of the text at most, in all that is allocated; strict JSON is read several times
	}{
		"chain of a tag":       {simple(leaf, strings.Repeat(block, n)), "its chain has more than 16 certificates", 1},
		"certificate of a tag": {simple(strings.Repeat(block, n), ""), "it is not one PEM block", 2},
		"Notation": {func() error {
			_, err := VerifyNotation(NotationTrust{Certificates: []*x509.Certificate{w.ca}}, image, envelope, w.at)
			return err
		}, "its chain has 10000 certificates; 1 to 16 may be", 20},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := test.verify()
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: error %v, want %s", name, err, test.reason)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > test.copies*n*size {
			t.Errorf("%s: %d bytes of certificates allocate %d bytes", name, n*size, used)
		}
	}
}
