package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// blobFile returns the path of a blob or manifest in distribution's filesystem driver.
func blobFile(r *servers.Registry, d digest.Digest) string {
	return filepath.Join(r.Dir, "data", "docker", "registry", "v2", "blobs", d.Algorithm().String(), d.Encoded()[:2],
		d.Encoded(), "data")
}

// damage changes a stored blob and returns its new digest.
func damage(t *testing.T, r *servers.Registry, d digest.Digest, change func([]byte) []byte) digest.Digest {
	t.Helper()
	file := blobFile(r, d)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw = change(raw)
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return digest.FromBytes(raw)
}

func flipByte(raw []byte) []byte { raw[len(raw)/2] ^= 1; return raw }
func dropByte(raw []byte) []byte { return raw[:len(raw)-1] }
func addByte(raw []byte) []byte  { return append(raw, 0) }

// A corrupt blob at the source fails the copy. The error names the expected and the actual digest,
// and the target gets neither the blob nor a tag.
func TestCorruptBlobs(t *testing.T) {
	t.Parallel()
	im := largeImage()
	for name, change := range map[string]func([]byte) []byte{"a bit": flipByte, "shorter": dropByte,
		"longer": addByte} {
		for what, spoilt := range map[string]fixture.Blob{"layer": largestBlob(im), "config": im.Blobs[0]} {
			for upload, flags := range map[string][]string{"whole": nil, "chunks": {"--chunk-size=1MiB"}} {
				t.Run(name+"/"+what+"/"+upload, func(t *testing.T) {
					t.Parallel()
					from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
					source := push(t, from, im, "src/repo", "1.6")
					got := damage(t, from, spoilt.Digest, change)
					transship, _ := servers.Transship(t)
					result := transship.Run(t, append([]string{"copy", source, to.Host + "/dst/repo:1.6"}, flags...)...)
					texts := []string{spoilt.Digest.String()}
					if name == "a bit" {
						texts = append(texts, got.String())
					}
					wantRefused(t, result, exitIntegrity, texts...)
					wantAbsent(t, to, "dst/repo", "1.6")
					if _, err := os.Stat(blobFile(to, spoilt.Digest)); err == nil {
						t.Error("the target has the blob")
					}
				})
			}
		}
	}
}

// Corrupt manifests: of an image, and of the list if it is named by digest.
func TestCorruptManifests(t *testing.T) {
	t.Parallel()
	im := fixture.Real()
	spoil := func(raw []byte) []byte {
		return []byte(strings.Replace(string(raw), "schemaVersion\": 2", "schemaVersion\":2 ", 1))
	}
	for name, m := range map[string]fixture.Manifest{"image": im.Manifests[1], "list": im.Root()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
			source := push(t, from, im, "src/repo", "1.6")
			got := damage(t, from, m.Digest, spoil)
			if got == m.Digest {
				t.Fatal("nothing was changed")
			}
			transship, _ := servers.Transship(t)
			result := transship.Run(t, "copy", source+"@"+im.Root().Digest.String(), to.Host+"/dst/repo:1.6")
			wantRefused(t, result, exitIntegrity, m.Digest.String(), got.String())
			wantAbsent(t, to, "dst/repo", "1.6")
		})
	}
}
