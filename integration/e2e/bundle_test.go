package e2e

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

var twoPlatforms = []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}

// bundleImages returns the images of the bundle tests: docker's three-platform image, one of two
// platforms with shared layers, and one of a single platform.
func bundleImages(seed uint64) map[string]fixture.Image {
	return map[string]fixture.Image{
		"src/repo:1.6": fixture.Real(),
		"team/app:v1": fixture.Synthetic(fixture.Spec{Seed: seed, Platforms: twoPlatforms, Shared: []int64{300_000},
			Layers: []int64{20_000}}),
		"team/tool:latest": fixture.Synthetic(fixture.Spec{Seed: 99, Layers: []int64{50_000, 1000}}),
	}
}

// pushAll pushes images under their names and returns their references, sorted.
func pushAll(t *testing.T, at *servers.Registry, images map[string]fixture.Image) []string {
	t.Helper()
	var refs []string
	for name, im := range images {
		repository, tag, _ := strings.Cut(name, ":")
		refs = append(refs, push(t, at, im, repository, tag))
	}
	slices.Sort(refs)
	return refs
}

// verifyAll verifies every byte of images below a prefix.
func verifyAll(t *testing.T, at *servers.Registry, prefix string, images map[string]fixture.Image) {
	t.Helper()
	for name, im := range images {
		repository, tag, _ := strings.Cut(name, ":")
		verify(t, at, im, prefix+repository, tag)
	}
}

// tarBlobs returns the digests of the blobs in a tar.
func tarBlobs(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if hex, found := strings.CutPrefix(h.Name, "blobs/sha256/"); found {
			out = append(out, "sha256:"+hex)
		}
	}
}

// Three images are carried by save, verify and load, then the changes by save --since and load. The
// target gets every byte, and the second bundle has no blob of the first.
func TestBundlesCarryImages(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := servers.CNCF(t, servers.Options{}), start(t, servers.Options{})
			transship, _ := servers.Transship(t)
			dir := t.TempDir()
			first, second := filepath.Join(dir, "first.tar"), filepath.Join(dir, "second.tar")

			images := bundleImages(1)
			refs := pushAll(t, from, images)
			transship.Output(t, append([]string{"save", "-o", first}, refs...)...)
			transship.Output(t, "verify", first)
			if got := transship.Output(t, "load", first, to.Host+"/mirror"); strings.Count(got, "@sha256:") != 3 {
				t.Errorf("load printed\n%s", got)
			}
			verifyAll(t, to, "mirror/", images)

			changed := bundleImages(1)
			changed["team/app:v2"] = fixture.Synthetic(fixture.Spec{Seed: 1, Platforms: twoPlatforms,
				Shared: []int64{300_000}, Layers: []int64{20_000, 7_000}})
			refs = pushAll(t, from, changed)
			list := filepath.Join(dir, "images.txt")
			writeFile(t, dir, "images.txt", "# weekly\n"+strings.Join(refs, "\n")+"\n")
			transship.Output(t, "save", "-o", second, "--since", first+".json", "-f", list)
			transship.Output(t, "verify", second)
			checkOnlyNewBlobs(t, second, changed["team/app:v2"], tarBlobs(t, first))

			empty := start(t, servers.Options{})
			r := transship.Run(t, "load", second, empty.Host+"/mirror")
			wantRefused(t, r, exitNotFound, "first.tar", "load first.tar first")
			if writes := slices.Concat(empty.Calls(t).With("POST", ""),
				empty.Calls(t).With("PUT", "")); len(writes) > 0 {
				t.Errorf("without the base it pushed: %v", writes)
			}
			transship.Output(t, "load", second, to.Host+"/mirror")
			verifyAll(t, to, "mirror/", changed)
			transship.Output(t, "verify", "--deep", to.Host+"/mirror/team/app:v2")
		})
	}
}

// checkOnlyNewBlobs checks that a bundle has only manifests and those blobs of an image that its
// base lacks.
func checkOnlyNewBlobs(t *testing.T, path string, im fixture.Image, base []string) {
	t.Helper()
	blobs := map[string]bool{}
	for _, b := range im.Blobs {
		blobs[b.Digest.String()] = true
	}
	n := 0
	manifests := inventoryManifests(t, path+".json")
	for _, d := range tarBlobs(t, path) {
		switch {
		case manifests[d]:
		case slices.Contains(base, d) || !blobs[d]:
			t.Errorf("%s is in the second bundle, and the far side has it", d)
		default:
			n++
		}
	}
	if n != 4 { // a config and a layer for each platform
		t.Errorf("%d new blobs are in the second bundle, want 4", n)
	}
}

// inventoryManifests returns the digests of the manifests in an inventory.
func inventoryManifests(t *testing.T, path string) map[string]bool {
	t.Helper()
	var doc struct {
		Content []struct{ Digest, MediaType string }
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, c := range doc.Content {
		if c.MediaType != "" {
			out[c.Digest] = true
		}
	}
	return out
}

// With a registry as the base, only blobs that its repositories lack are saved.
func TestSaveSinceRegistry(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	transship, _ := servers.Transship(t)
	path := filepath.Join(t.TempDir(), "rest.tar")
	images := bundleImages(2)
	refs := pushAll(t, from, images)
	have := push(t, to, images["src/repo:1.6"], "m/src/repo", "1.6")
	push(t, to, images["team/tool:latest"], "m/team/tool", "old")
	transship.Output(t, append([]string{"save", "-o", path, "--since", "docker://" + to.Host + "/m"}, refs...)...)
	inside := tarBlobs(t, path)
	for _, name := range []string{"src/repo:1.6", "team/tool:latest"} {
		for _, b := range images[name].Blobs {
			if slices.Contains(inside, b.Digest.String()) {
				t.Errorf("%s has %s, and it was saved", have, b.Digest)
			}
		}
	}
	transship.Output(t, "load", path, to.Host+"/m")
	verifyAll(t, to, "m/", images)
}

// verify and load name a damaged or missing volume, and nothing is pushed.
func TestDamagedVolumes(t *testing.T) {
	t.Parallel()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	transship, _ := servers.Transship(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	transship.Output(t, append([]string{"save", "-o", path, "--split", "200KB"},
		pushAll(t, from, bundleImages(3))...)...)
	transship.Output(t, "verify", path)
	third := path + ".003"
	whole, err := os.ReadFile(third)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func() error{
		"changed": func() error {
			spoilt := slices.Clone(whole)
			spoilt[100_000] ^= 1
			return os.WriteFile(third, spoilt, 0o600)
		},
		"cut":     func() error { return os.WriteFile(third, whole[:1000], 0o600) },
		"missing": func() error { return os.Remove(third) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"verify", path}, {"load", path, to.Host}} {
			r := transship.Run(t, args...)
			if r.Exit != exitIntegrity && (name != "changed" || r.Exit != 8) {
				t.Errorf("%s, %s: exit %d\n%s%s", name, args[0], r.Exit, r.Stdout, r.Stderr)
			}
			if !strings.Contains(r.Stdout+r.Stderr, "b.tar.003") && args[0] == "verify" {
				t.Errorf("%s, %s does not name the volume:\n%s%s", name, args[0], r.Stdout, r.Stderr)
			}
		}
		if err := os.WriteFile(third, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	transship.Output(t, "load", path, to.Host)
	verifyAll(t, to, "", bundleImages(3))
}
