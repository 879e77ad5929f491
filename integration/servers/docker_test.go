package servers

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hczjl/transship/integration/fixture"
)

// tags are the real image's platforms with the tags that a re-hosted image commonly gives them.
var tags = []struct{ tag, platform string }{
	{"amd64", "linux/amd64"},
	{"arm64", "linux/arm64"},
	{"arm32", "linux/arm/v7"},
}

// pushTags pushes each platform of im under its own tag and gives the references, in the order of
// tags.
func pushTags(t *testing.T, r *Registry, repository string, im fixture.Image) []string {
	t.Helper()
	var refs []string
	for _, p := range tags {
		if err := r.Repository(repository).Push(t.Context(), im.Only(p.platform), p.tag); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, r.Host+"/"+repository+":"+p.tag)
	}
	return refs
}

// docker's own manifest commands give a list sorted by file name (amd64, arm32, arm64) in docker's
// encoding: the bytes of the real image's list.
func TestDockerManifest(t *testing.T) {
	t.Parallel()
	for _, docker := range DockerVersions(t) {
		t.Run(docker.Version, func(t *testing.T) {
			t.Parallel()
			r := CNCF(t, Options{})
			im := fixture.Real()
			refs := pushTags(t, r, "dst/repo", im)
			list := r.Host + "/dst/repo:1.6"

			created := docker.Output(t, append([]string{"manifest", "create", "--insecure", list}, refs...)...)
			if want := "Created manifest list " + list + "\n"; created != want {
				t.Errorf("create printed %q, want %q", created, want)
			}
			docker.Output(t, "manifest", "annotate", list, refs[0], "--os", "linux", "--arch", "amd64")
			docker.Output(t, "manifest", "annotate", list, refs[1], "--os", "linux", "--arch", "arm64")
			docker.Output(t, "manifest", "annotate", list, refs[2], "--os", "linux", "--arch", "arm", "--variant", "v7")
			stored, err := filepath.Glob(filepath.Join(docker.Config, "manifests", "*_dst_repo-1.6", "*_dst_repo-*"))
			if err != nil || len(stored) != len(tags) {
				t.Errorf("local list: %q, %v", stored, err)
			}
			pushed := docker.Output(t, "manifest", "push", "--insecure", "--purge", list)
			if want := im.Root().Digest.String() + "\n"; pushed != want {
				t.Errorf("push printed %q, want %q", pushed, want)
			}
			if err := r.Repository("dst/repo").Verify(t.Context(), im, "1.6"); err != nil {
				t.Error(err)
			}
			inspected := docker.Output(t, "manifest", "inspect", "--insecure", list)
			if diff := cmp.Diff(string(im.Root().Raw)+"\n", inspected); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// OCI images give an OCI index, if this docker knows them.
func TestDockerManifestOCI(t *testing.T) {
	t.Parallel()
	for _, docker := range DockerVersions(t) {
		t.Run(docker.Version, func(t *testing.T) {
			t.Parallel()
			r := CNCF(t, Options{})
			refs := pushTags(t, r, "dst/repo", fixture.Real().OCI())
			list := r.Host + "/dst/repo:1.6"
			created := docker.Run(t, append([]string{"manifest", "create", "--insecure", list}, refs...)...)
			if !docker.KnowsOCI {
				if want := "no such manifest: " + refs[0] + "\n"; created.Exit != 1 || created.Stderr != want {
					t.Errorf("create: %+v, want %q", created, want)
				}
				return
			}
			docker.Output(t, "manifest", "push", "--insecure", list)
			index, err := r.Repository("dst/repo").Manifest(t.Context(), "1.6")
			if err != nil {
				t.Fatal(err)
			}
			if want := "application/vnd.oci.image.index.v1+json"; index.MediaType != want {
				t.Errorf("pushed %s, want %s", index.MediaType, want)
			}
		})
	}
}

// docker manifest uses the credentials of its configuration.
func TestDockerAuths(t *testing.T) {
	t.Parallel()
	docker := Docker(t)
	r := Debian(t, Options{Users: map[string]string{"alice": "secret"}})
	if err := r.Repository("dst/klibc").Push(t.Context(), fixture.Real(), "1"); err != nil {
		t.Fatal(err)
	}
	ref := r.Host + "/dst/klibc:1"
	if got := docker.Run(t, "manifest", "inspect", "--insecure", ref); got.Exit != 1 {
		t.Errorf("without credentials: %+v", got)
	}
	WriteAuths(t, docker.Config, map[string]string{r.Host: "alice:secret"})
	if got := docker.Output(t, "manifest", "inspect", "--insecure", ref); !strings.Contains(got, fixture.DockerList) {
		t.Errorf("inspect printed %s", got)
	}
}
