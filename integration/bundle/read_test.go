package bundle

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
	"github.com/hczjl/transship/manifest"
)

// A tar of docker save can be read: two images that share a layer, which docker stores as a link.
func TestReadDockerSave(t *testing.T) {
	t.Parallel()
	docker := servers.Engine(t).CLI(t)
	spec := fixture.Spec{Seed: 3, Shared: []int64{20_000}, Layers: []int64{1000}}
	one, two := namedImage{"r.example/app:1", fixture.Synthetic(spec)},
		namedImage{"r.example/app:2", fixture.Synthetic(spec)}
	two.Image = fixture.Synthetic(fixture.Spec{Seed: 3, Shared: []int64{20_000}, Layers: []int64{1000, 2000}})
	docker.Output(t, "load", "--input", writeBundle(t, nil, one, two))
	path := filepath.Join(t.TempDir(), "saved.tar")
	docker.Output(t, "save", "--output", path, one.name, two.name)
	a := openBundle(t, path)
	for _, im := range []namedImage{one, two} {
		checkConfig(t, a, im.name, configDigest(t, im.Image))
	}
}

// A tar of podman save can be read in both formats.
func TestReadPodmanSave(t *testing.T) {
	t.Parallel()
	podman := servers.Podman(t)
	_, _, tool := testImages()
	podman.Output(t, "load", "--quiet", "--input", writeBundle(t, nil, tool))
	path := filepath.Join(t.TempDir(), "saved.tar")
	podman.Output(t, "save", "--format", "docker-archive", "--output", path, tool.name)
	checkConfig(t, openBundle(t, path), tool.name, configDigest(t, tool.Image))
	path = filepath.Join(t.TempDir(), "oci.tar")
	podman.Output(t, "save", "--format", "oci-archive", "--output", path, tool.name)
	if _, err := openBundle(t, path).Manifest(t.Context(), tool.name); err != nil { // podman rewrites the config
		t.Error(err)
	}
}

func TestReadSkopeoCopy(t *testing.T) {
	t.Parallel()
	skopeo := servers.Skopeo(t)
	multi, _, _ := testImages()
	source := "oci-archive:" + writeBundle(t, nil, multi)
	path := filepath.Join(t.TempDir(), "copy.tar")
	skopeo.Output(t, "copy", "--all", source, "oci-archive:"+path+":docker.io/dst/repo:1.6")
	m, err := openBundle(t, path).Manifest(t.Context(), multi.name)
	if err != nil || !manifest.IsIndex(m.MediaType) {
		t.Errorf("got %s, error %v", m.MediaType, err)
	}
	path = filepath.Join(t.TempDir(), "docker.tar")
	skopeo.Output(t, "copy", source, "docker-archive:"+path+":dst/repo:1.6")
	checkConfig(t, openBundle(t, path), multi.name, configDigest(t, multi.Image))
}

// A tar of containerd's export can be read, with the imported digests.
func TestReadCtrExport(t *testing.T) {
	t.Parallel()
	ctr := servers.Engine(t).Ctr(t)
	multi, oci, _ := testImages()
	ctr.Output(t, "image", "import", "--all-platforms", writeBundle(t, nil, multi, oci))
	path := filepath.Join(t.TempDir(), "exported.tar")
	ctr.Output(t, "image", "export", "--all-platforms", path, "docker.io/dst/repo:1.6", oci.name)
	a := openBundle(t, path)
	for _, im := range []namedImage{multi, oci} {
		if got, err := a.Find(im.name); err != nil || string(got.Digest) != im.Root().Digest.String() {
			t.Errorf("%s: got %s, error %v", im.name, got.Digest, err)
		}
	}
}

// checkConfig checks the config digest of an image.
func checkConfig(t *testing.T, a *layout.Archive, name, want string) {
	t.Helper()
	m, err := a.Manifest(t.Context(), name)
	if err != nil {
		t.Error(err)
		return
	}
	refs, err := m.References()
	if err != nil || !slices.ContainsFunc(refs, func(d manifest.Descriptor) bool { return string(d.Digest) == want }) {
		t.Errorf("%s: got %s, want one with the config %s", name, m.Raw, want)
	}
}
