package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// Unlike docker, manifest create accepts a list as a child, and children on another registry.
func TestManifestCreateTakesListsAndOtherRegistries(t *testing.T) {
	t.Parallel()
	for name, im := range map[string]fixture.Image{"docker": fixture.Real(), "OCI": fixture.Real().OCI()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := servers.CNCF(t, servers.Options{}), servers.Debian(t, servers.Options{})
			one := keepEntries(t, im, ofPlatforms(im, "linux/amd64", "linux/arm/v7"))
			other := im.Only("linux/arm64")
			transship, _ := servers.Transship(t)
			list := to.Host + "/dst/repo:1.6"
			transship.Output(t, "manifest", "create", list,
				push(t, from, one, "src/repo", "1.6"), push(t, to, other, "other/repo", "arm64"))
			printed := transship.Output(t, "manifest", "push", list)

			m, err := to.Repository("dst/repo").Manifest(t.Context(), "1.6")
			if err != nil {
				t.Fatal(err)
			}
			if want := m.Digest.String() + "\n"; !strings.HasSuffix(printed, want) {
				t.Errorf("push printed %q, want ...%q", printed, want)
			}
			want := entries(t, one.Root())
			added := other.Root().Descriptor
			added.Platform = &v1.Platform{OS: "linux", Architecture: "arm64"}
			want[added.Digest] = added
			if diff := cmp.Diff(want, entries(t, m)); diff != "" {
				t.Error(diff)
			}
			for _, child := range append(one.Manifests[:len(one.Manifests)-1:len(one.Manifests)-1], other.Root()) {
				verify(t, to, fixture.Image{Manifests: []fixture.Manifest{child}}, "dst/repo", child.Digest.String())
			}
		})
	}
}

// entries returns the descriptors of a list by digest, with their annotations.
func entries(t *testing.T, list fixture.Manifest) map[digest.Digest]v1.Descriptor {
	t.Helper()
	return byDigest(decode[v1.Index](t, list.Raw))
}

// A platform that is not in docker's table is accepted with a note on standard error.
func TestAnnotateUnknownPlatform(t *testing.T) {
	t.Parallel()
	at := servers.CNCF(t, servers.Options{})
	r := pushPlatforms(t, at, fixture.Real(), "dst/repo")
	transship, _ := servers.Transship(t)
	transship.Output(t, "manifest", "create", r.list, r.images[0])
	got := transship.Run(t, "manifest", "annotate", r.list, r.images[0], "--os", "linux", "--arch", "loong64")
	if got.Exit != 0 || !strings.Contains(got.Stderr, "linux/loong64") {
		t.Errorf("annotate: %+v", got)
	}
	transship.Output(t, "manifest", "push", r.list)
	if got := transship.Output(t, "manifest", "inspect", r.list); !strings.Contains(got, `"architecture": "loong64"`) {
		t.Errorf("inspect printed %s", got)
	}
}

// manifest rm removes one image from a local list, and keeps the others.
func TestManifestRemoveImage(t *testing.T) {
	t.Parallel()
	at := servers.CNCF(t, servers.Options{})
	r := pushPlatforms(t, at, fixture.Real(), "dst/repo")
	transship, config := servers.Transship(t)
	transship.Output(t, append([]string{"manifest", "create", r.list}, r.images...)...)
	transship.Output(t, "manifest", "rm", r.list, r.images[1])
	var left []string
	for name := range readFiles(t, filepath.Join(config, "manifests")) {
		left = append(left, name[strings.LastIndex(name, "-")+1:])
	}
	slices.Sort(left)
	if diff := cmp.Diff([]string{"amd64", "arm32"}, left); diff != "" {
		t.Error(diff)
	}
}
