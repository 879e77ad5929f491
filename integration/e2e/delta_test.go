package e2e

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// weeklyImage returns an image of two platforms, each with a layer that stays and one that is made again
// each week.
func weeklyImage(week int) fixture.Image {
	stays := fixture.RandomLayer("stays", 200_000, 70)
	variants := make([]fixture.Variant, 0, len(twoPlatforms))
	for i, p := range twoPlatforms {
		renewed := fixture.WeeklyLayer{Seed: uint64(71 + i), Week: week, Files: 80, Level: gzip.DefaultCompression}
		variants = append(variants, fixture.Variant{Platform: p, Layers: []fixture.Layer{stays, renewed.Layer()}})
	}
	return fixture.Assemble(variants...)
}

// inventoryDeltas returns how many blobs a bundle has as deltas, the bytes of these, and those of the
// blobs that they are in place of.
func inventoryDeltas(t *testing.T, path string) (n int, size, instead int64) {
	t.Helper()
	raw, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Content []struct {
			Size  int64
			Delta *struct{ Size int64 }
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for _, c := range doc.Content {
		if c.Delta != nil {
			n++
			size += c.Delta.Size
			instead += c.Size
		}
	}
	return n, size, instead
}

// move moves a bundle, its inventory and its signature to a folder.
func move(t *testing.T, path, dir string) {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", path, err)
	}
	for _, f := range files {
		if err := os.Rename(f, filepath.Join(dir, filepath.Base(f))); err != nil {
			t.Fatal(err)
		}
	}
}

// weeks are the bundles of TestDeltasAcrossTheGap.
var weeks = []string{"monday.tar", "tuesday.tar", "wednesday.tar"}

// Monday's bundle is whole, Tuesday's and Wednesday's have deltas to the one before; all are signed. They go
// from registry to registry, one volume is damaged on the way, and one bundle is left out at first. docker
// and podman pull what was made of the deltas.
func TestDeltasAcrossTheGap(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := t.TempDir(), t.TempDir()
			private, public := newKeys(t, near)
			images := saveWeeks(t, near, private)

			to := start(t, servers.Options{})
			transship, _ := servers.Transship(t)
			load := func(i int, prefix string) servers.Result {
				return transship.Run(t, "load", "-q", "--require-key", public, filepath.Join(far, weeks[i]), to.Host+prefix)
			}
			wantLoaded := func(i int) {
				t.Helper()
				if r := load(i, ""); r.Exit != 0 {
					t.Fatalf("%s: %+v", weeks[i], r)
				}
				verify(t, to, images[i], "team/app", fmt.Sprint(i+1))
			}
			move(t, filepath.Join(near, weeks[0]), far)
			wantLoaded(0)
			// Tuesday's deltas are then applied to the registry's layers, and Wednesday's to those of Tuesday's bundle.
			move(t, filepath.Join(far, weeks[0]), near)

			move(t, filepath.Join(near, weeks[2]), far)
			to.ForgetCalls(t)
			wantRefused(t, load(2, ""), exitNotFound, "wednesday.tar builds on tuesday.tar", "load tuesday.tar first")
			wantNoWrites(t, to)

			move(t, filepath.Join(near, weeks[1]), far)
			whole := damageVolume(t, filepath.Join(far, weeks[1]+".001"))
			wantRefused(t, load(1, ""), exitIntegrity, "tuesday.tar.001")
			wantNoWrites(t, to)
			writeFile(t, far, weeks[1]+".001", string(whole))
			wantLoaded(1)
			wantLoaded(2)
			pullWeeks(t, to, images)
		})
	}
}

// newKeys returns the files of a new private and public key, as openssl makes them.
func newKeys(t *testing.T, dir string) (private, public string) {
	t.Helper()
	openssl := servers.Program{Path: servers.Find(t, "openssl", "openssl")}
	private, public = filepath.Join(dir, "key.pem"), filepath.Join(dir, "key.pub")
	openssl.Output(t, "genpkey", "-algorithm", "ed25519", "-out", private)
	openssl.Output(t, "pkey", "-in", private, "-pubout", "-out", public)
	return private, public
}

// saveWeeks saves the three bundles, the last two in volumes, and returns their images.
func saveWeeks(t *testing.T, dir, key string) []fixture.Image {
	t.Helper()
	from := servers.CNCF(t, servers.Options{})
	transship, _ := servers.Transship(t)
	var images []fixture.Image
	for i, name := range weeks {
		images = append(images, weeklyImage(i))
		args := []string{"save", "-q", "--sign", key, "-o", filepath.Join(dir, name)}
		if i > 0 {
			args = append(args, "--split", "200KB", "--delta", "--since", filepath.Join(dir, weeks[i-1]))
		}
		transship.Output(t, append(args, push(t, from, images[i], "team/app", fmt.Sprint(i+1)))...)
		n, size, instead := inventoryDeltas(t, filepath.Join(dir, name))
		if i > 0 && (n != 2 || size > instead/10) || i == 0 && n > 0 {
			t.Errorf("%s has %d deltas of %d bytes in place of %d", name, n, size, instead)
		}
	}
	return images
}

// damageVolume changes a byte in the middle of a file, and returns what the file had.
func damageVolume(t *testing.T, path string) []byte {
	t.Helper()
	whole, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, flipByte(slices.Clone(whole)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// wantNoWrites checks that nothing was sent to a registry since ForgetCalls.
func wantNoWrites(t *testing.T, at *servers.Registry) {
	t.Helper()
	calls := at.Calls(t)
	if writes := slices.Concat(calls.With("POST", ""), calls.With("PATCH", ""), calls.With("PUT", "")); len(writes) > 0 {
		t.Errorf("it was sent %v", writes)
	}
}

// pullWeeks pulls the images of all weeks with docker and podman.
func pullWeeks(t *testing.T, at *servers.Registry, images []fixture.Image) {
	t.Helper()
	docker, podman := servers.Engine(t).CLI(t), servers.Podman(t)
	for i, im := range images {
		ref := fmt.Sprintf("%s/team/app:%d", at.Host, i+1)
		if got := docker.Output(t, "pull", ref); !strings.Contains(got, "Digest: "+im.Root().Digest.String()+"\n") {
			t.Errorf("%s: docker pulled %s, want %s", ref, got, im.Root().Digest)
		}
		podman.Output(t, "pull", "--quiet", "--tls-verify=false", ref)
		got := podman.Output(t, "image", "inspect", "--format", "{{.RepoDigests}}", ref)
		if !strings.Contains(got, im.Root().Digest.String()) {
			t.Errorf("%s: podman pulled %s, want %s", ref, got, im.Root().Digest)
		}
	}
}
