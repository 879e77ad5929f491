package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// startBundle serves a bundle with two images for three platforms, with Docker's and OCI media
// types.
func startBundle(t *testing.T) (host string, images map[string]fixture.Image) {
	t.Helper()
	images = map[string]fixture.Image{"dst/repo:1.6": fixture.Real(), "dst/repo:oci": fixture.Real().OCI()}
	return servers.Serve(t, saveBundle(t, images)).Host, images
}

// docker and podman pull every platform, and see the list's digest.
func TestDockerAndPodmanPull(t *testing.T) {
	t.Parallel()
	docker, podman := servers.Engine(t).CLI(t), servers.Podman(t)
	host, images := startBundle(t)
	for name, im := range images {
		ref := host + "/" + name
		for _, platform := range fixture.Real().Platforms() {
			if got := docker.Output(t, "pull", "--platform", platform, ref); !strings.Contains(got,
				"Digest: "+im.Root().Digest.String()) {
				t.Errorf("%s: docker pulled\n%s", ref, got)
			}
			podman.Output(t, "pull", "--quiet", "--tls-verify=false", "--platform", platform, ref)
		}
		if got := podman.Output(t, "image", "inspect", "--format", "{{.RepoDigests}}", ref); !strings.Contains(got,
			im.Root().Digest.String()) {
			t.Errorf("%s: podman has %s, want %s", ref, got, im.Root().Digest)
		}
	}
}

// containerd pulls each platform under the list's digest, and fetches every manifest byte for byte.
// (It cannot unpack attestations, so it does not pull all platforms at once.)
func TestCtrPull(t *testing.T) {
	t.Parallel()
	ctr := servers.Engine(t).Ctr(t)
	host, images := startBundle(t)
	for name, im := range images {
		ref := host + "/" + name
		for _, platform := range fixture.Real().Platforms() {
			ctr.Output(t, "image", "pull", "--plain-http", "--platform", platform, "--snapshotter", "native", ref)
		}
		ctr.Output(t, "content", "fetch", "--plain-http", "--all-platforms", ref)
		if list := ctr.Output(t, "image", "ls"); !strings.Contains(list, ref) ||
			!strings.Contains(list, im.Root().Digest.String()) {
			t.Errorf("%s with %s is not in\n%s", ref, im.Root().Digest, list)
		}
		for _, m := range im.Manifests {
			if got := ctr.Output(t, "content", "get", m.Digest.String()); got != string(m.Raw) {
				t.Errorf("%s: containerd has %s, want %s", ref, got, m.Raw)
			}
		}
	}
}

// skopeo and crane copy all platforms byte for byte. crane also checks every digest and size.
func TestSkopeoAndCraneCopy(t *testing.T) {
	t.Parallel()
	skopeo, crane := servers.Skopeo(t), servers.Crane(t)
	host, images := startBundle(t)
	to := servers.CNCF(t, servers.Options{})
	for name, im := range images {
		dir, tag := t.TempDir(), name[strings.Index(name, ":")+1:]
		skopeo.Output(t, "copy", "--all", "--src-tls-verify=false", "docker://"+host+"/"+name, "dir:"+dir)
		if got, err := os.ReadFile(filepath.Join(dir, "manifest.json")); err != nil ||
			string(got) != string(im.Root().Raw) {
			t.Errorf("%s: skopeo got %s, error %v", name, got, err)
		}
		crane.Output(t, "copy", host+"/"+name, to.Host+"/"+name)
		if err := to.Repository("dst/repo").Verify(t.Context(), im, tag); err != nil {
			t.Error(err)
		}
		if got := crane.Output(t, "digest", host+"/"+name); got != im.Root().Digest.String()+"\n" {
			t.Errorf("%s: crane says %s, want %s", name, got, im.Root().Digest)
		}
	}
	crane.Output(t, "validate", "--remote", host+"/dst/repo:1.6")
	if got := crane.Output(t, "ls", host+"/dst/repo"); got != "1.6\noci\n" {
		t.Errorf("crane lists %q", got)
	}
	if got := crane.Output(t, "catalog", host); got != "dst/repo\n" {
		t.Errorf("crane lists repositories %q", got)
	}
	if r := crane.Run(t, "copy", host+"/dst/repo:1.6", host+"/copy/of:1"); r.Exit == 0 ||
		!strings.Contains(r.Stderr, "405") {
		t.Errorf("crane pushed: %s", r.Stderr)
	}
}
