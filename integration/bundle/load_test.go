package bundle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// docker load loads every image for linux/amd64 under all its names, and ignores artifacts.
func TestDockerLoad(t *testing.T) {
	t.Parallel()
	docker := servers.Engine(t).CLI(t)
	multi, oci, tool := testImages()
	latest := multi
	latest.name = "dst/repo:latest"
	docker.Output(t, "load", "--input", writeBundle(t, nil, multi, latest, oci, tool, newSBOM(multi)))
	for _, im := range []namedImage{multi, latest, oci, tool} {
		got := docker.Output(t, "image", "inspect", "--format", "{{.Id}} {{.Architecture}}", im.name)
		if want := configDigest(t, im.Image) + " amd64\n"; got != want {
			t.Errorf("%s: loaded %s, want %s", im.name, got, want)
		}
	}
	if got := docker.Output(t, "image", "ls", "--quiet", "--all", "--no-trunc"); len(strings.Fields(got)) != 4 {
		t.Errorf("docker has\n%s", got)
	}
	out := docker.Output(t, "run", "--rm", "--network=none", multi.name, "uname", "-m")
	if out != "x86_64\n" {
		t.Errorf("the container printed %q", out)
	}
}

// docker load accepts a bundle with a base after the base, and refuses it before.
func TestDockerLoadDifferential(t *testing.T) {
	t.Parallel()
	docker := servers.Engine(t).CLI(t)
	spec := fixture.Spec{Seed: 7, Shared: []int64{30_000}, Layers: []int64{10_000}}
	old := namedImage{"app:1", fixture.Synthetic(spec)}
	spec.Layers = []int64{10_000, 5_000} // one layer more
	base := writeBundle(t, nil, old)
	in, err := layout.ReadInventory(base + ".json")
	if err != nil {
		t.Fatal(err)
	}
	path := writeBundle(t, &in, namedImage{"app:2", fixture.Synthetic(spec)})
	if fileSize(t, path) > fileSize(t, base) {
		t.Errorf("the differential bundle has %d bytes, its base %d", fileSize(t, path), fileSize(t, base))
	}
	if r := docker.Run(t, "load", "--input", path); r.Exit == 0 {
		t.Errorf("docker loaded it without its base: %s", r.Stdout)
	}
	docker.Output(t, "load", "--input", base)
	docker.Output(t, "load", "--input", path)
	docker.Output(t, "image", "inspect", "app:2")
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// containerd imports every image with all platforms and its digest.
func TestCtrImport(t *testing.T) {
	t.Parallel()
	ctr := servers.Engine(t).Ctr(t)
	multi, oci, tool := testImages()
	byDigest := namedImage{"dst/repo@" + tool.Root().Digest.String(), tool.Image}
	ctr.Output(t, "image", "import", "--all-platforms", writeBundle(t, nil, multi, oci, tool, byDigest, newSBOM(multi)))
	list := ctr.Output(t, "image", "ls")
	for name, im := range map[string]namedImage{"docker.io/dst/repo:1.6": multi, oci.name: oci,
		"docker.io/library/tool:2": tool, "docker.io/" + byDigest.name: tool} {
		found := false
		for line := range strings.Lines(list) {
			found = found || strings.HasPrefix(line, name+" ") && strings.Contains(line, im.Root().Digest.String())
		}
		if !found {
			t.Errorf("no %s with %s in\n%s", name, im.Root().Digest, list)
		}
		for _, m := range im.Manifests {
			if got := ctr.Output(t, "content", "get", m.Digest.String()); got != string(m.Raw) {
				t.Errorf("%s holds %s\nwant %s", m.Digest, got, m.Raw)
			}
		}
	}
	if n := strings.Count(list, "\n"); n != 5 {
		t.Errorf("%d lines, want the head and four images:\n%s", n, list)
	}
}

// podman load keeps the digest of the list of a bundle with one image.
func TestPodmanLoad(t *testing.T) {
	t.Parallel()
	podman := servers.Podman(t)
	multi, oci, _ := testImages()
	for _, im := range []namedImage{multi, oci} {
		podman.Output(t, "load", "--quiet", "--input", writeBundle(t, nil, im))
		got := podman.Output(t, "image", "inspect", "--format",
			"sha256:{{.Id}} {{.Architecture}} {{.RepoDigests}}", im.name)
		if !strings.HasPrefix(got, configDigest(t, im.Image)+" amd64 ") ||
			!strings.Contains(got, im.Root().Digest.String()) {
			t.Errorf("%s: podman has %s, want the config %s and the digest %s", im.name, got, configDigest(t, im.Image),
				im.Root().Digest)
		}
	}
}

// podman load loads every image of a bundle for linux/amd64 under its name.
func TestPodmanLoadMany(t *testing.T) {
	t.Parallel()
	podman := servers.Podman(t)
	multi, oci, tool := testImages()
	podman.Output(t, "load", "--quiet", "--input", writeBundle(t, nil, multi, oci, tool, newSBOM(multi)))
	for name, im := range map[string]namedImage{"docker.io/dst/repo:1.6": multi, oci.name: oci,
		"docker.io/library/tool:2": tool} {
		got := podman.Output(t, "image", "inspect", "--format", "sha256:{{.Id}}", name)
		if strings.TrimSpace(got) != configDigest(t, im.Image) {
			t.Errorf("%s: podman has %s, want %s", name, got, configDigest(t, im.Image))
		}
	}
}

// skopeo copies all platforms byte for byte: by tag from a bundle of several images, without a tag
// from a bundle of one. It also copies one platform from a docker-archive.
func TestSkopeoCopy(t *testing.T) {
	t.Parallel()
	skopeo := servers.Skopeo(t)
	multi, oci, tool := testImages()
	all, one := writeBundle(t, nil, multi, oci, tool), writeBundle(t, nil, multi)
	for source, im := range map[string]namedImage{"oci-archive:" + all + ":oci": oci, "oci-archive:" + one: multi} {
		dir := t.TempDir()
		skopeo.Output(t, "copy", "--all", source, "dir:"+dir)
		got, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil || string(got) != string(im.Root().Raw) {
			t.Errorf("%s: got %s, error %v", source, got, err)
		}
	}
	for source, im := range map[string]namedImage{"docker-archive:" + all + ":dst/repo:1.6": multi,
		"docker-archive:" + one: multi, "docker-archive:" + all + ":" + oci.name: oci} {
		got := skopeo.Output(t, "inspect", "--raw", source)
		if !strings.Contains(got, configDigest(t, im.Image)) {
			t.Errorf("%s: got %s, want one with the config %s", source, got, configDigest(t, im.Image))
		}
	}
}
