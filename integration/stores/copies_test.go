package stores

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/manifest"
)

// Every store copies to every other, and one engine may copy several images that share blobs at
// once.
func TestCopies(t *testing.T) {
	t.Parallel()
	started := map[string]storeSet{}
	for name, start := range storeSets {
		if !strings.Contains(name, "chunks") {
			started[name] = start(t)
		}
	}
	docker, oci := fixture.Real(), fixture.Real().OCI()
	for name, h := range started {
		putImage(t, h("src/repo"), docker, "docker")
		putImage(t, h("src/repo"), oci, "oci")
		for other, to := range started {
			t.Run(name+" to "+other, func(t *testing.T) {
				t.Parallel()
				var engine transfer.Engine
				group, ctx := errgroup.WithContext(t.Context())
				for i, tag := range []string{"docker", "oci", "docker", "oci"} {
					dst := to(fmt.Sprintf("copy-%d/%s", i, repositoryName(name)))
					group.Go(func() error {
						_, err := engine.Copy(ctx, h("src/repo"), tag, dst, tag)
						return err
					})
				}
				if err := group.Wait(); err != nil {
					t.Fatal(err)
				}
				for i, im := range []fixture.Image{docker, oci, docker, oci} {
					wantImage(t, to(fmt.Sprintf("copy-%d/%s", i, repositoryName(name))), im)
				}
			})
		}
	}
}

// repositoryName makes a repository name of a store set's name.
func repositoryName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return 'x'
	}, name)
}

// wantImage checks every manifest and blob.
func wantImage(t *testing.T, s store, im fixture.Image) {
	t.Helper()
	for _, m := range im.Manifests {
		got, err := s.Manifest(t.Context(), string(m.Digest))
		if err != nil || !bytes.Equal(got.Raw, m.Raw) {
			t.Errorf("%s in %s: %s, %v", m.Digest, s, got.Raw, err)
		}
	}
	for _, b := range im.Blobs {
		content := b.Open()
		raw, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		content.Close()
		wantBlob(t, s, manifest.Descriptor{Digest: blob.Digest(b.Digest), Size: b.Size}, raw)
	}
}
