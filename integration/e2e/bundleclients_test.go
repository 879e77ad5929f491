package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// One file of transship save is read by every tool that reads such files. Package bundle tests
// bundles of several images.
func TestClientsReadOneBundle(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := fixture.Real()
	ref := push(t, from, im, "dst/repo", "1.6")
	transship, _ := servers.Transship(t)
	file := filepath.Join(t.TempDir(), "bundle.tar")
	transship.Output(t, "save", "-o", file, ref)
	amd64 := im.Only("linux/amd64")
	config := decodeConfig(t, amd64)
	inspect := []string{"image", "inspect", "--format", "{{.Id}}", ref}

	t.Run("docker load", func(t *testing.T) {
		docker := servers.Engine(t).CLI(t)
		docker.Output(t, "load", "--input", file)
		if got := docker.Output(t, inspect...); got != config+"\n" {
			t.Errorf("docker has %s, want %s", got, config)
		}
	})
	t.Run("podman load", func(t *testing.T) {
		podman := servers.Podman(t)
		podman.Output(t, "load", "--quiet", "--input", file)
		if got := podman.Output(t, inspect...); "sha256:"+got != config+"\n" {
			t.Errorf("podman has %s, want %s", got, config)
		}
	})
	t.Run("ctr image import", func(t *testing.T) {
		ctr := servers.Engine(t).Ctr(t)
		ctr.Output(t, "image", "import", "--all-platforms", file)
		for _, m := range im.Manifests {
			if got := ctr.Output(t, "content", "get", m.Digest.String()); got != string(m.Raw) {
				t.Errorf("%s holds %s", m.Digest, got)
			}
		}
	})
	t.Run("skopeo copy", func(t *testing.T) {
		skopeo := servers.Skopeo(t)
		dir := t.TempDir()
		skopeo.Output(t, "copy", "--all", "oci-archive:"+file, "dir:"+dir)
		if got, err := os.ReadFile(filepath.Join(dir, "manifest.json")); err != nil ||
			string(got) != string(im.Root().Raw) {
			t.Errorf("oci-archive: got %s, error %v", got, err)
		}
		if got := skopeo.Output(t, "inspect", "--raw", "docker-archive:"+file); !strings.Contains(got, config) {
			t.Errorf("docker-archive: got %s, want one with the config %s", got, config)
		}
	})
	t.Run("oras cp", func(t *testing.T) {
		servers.Oras(t).Output(t, "cp", "--from-oci-layout", "--to-plain-http", file+":1.6", to.Host+"/oras/repo:1.6")
		verify(t, to, im, "oras/repo", "1.6")
	})
	t.Run("crane push", func(t *testing.T) {
		servers.Crane(t).Output(t, "push", file, to.Host+"/crane/repo:1.6")
		m, err := to.Repository("crane/repo").Manifest(t.Context(), "1.6")
		if err != nil || !strings.Contains(string(m.Raw), config) {
			t.Errorf("crane has pushed %s, want one with the config %s; error %v", m.Raw, config, err)
		}
	})
}

// decodeConfig returns the config digest of a single-platform image.
func decodeConfig(t *testing.T, im fixture.Image) string {
	t.Helper()
	_, rest, found := strings.Cut(string(im.Root().Raw), `"digest": "`) // the config comes first
	if !found {
		t.Fatalf("no config in %s", im.Root().Raw)
	}
	digest, _, _ := strings.Cut(rest, `"`)
	return digest
}
