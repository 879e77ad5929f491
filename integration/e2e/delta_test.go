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
		renewed := fixture.WeeklyLayer{Seed: uint64(71 + i), Week: week, Files: 20, Level: gzip.BestSpeed}
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

// The days of docs/air-gap.md, block by block: the first bundle is whole, the next two have deltas to the one
// before, all are signed, and a volume is spoilt on the way. Without the second bundle the third one is refused.
// docker and podman pull what was made of the last deltas.
func TestDeltasAcrossTheGap(t *testing.T) {
	t.Parallel()
	images := []fixture.Image{weeklyImage(0), weeklyImage(1), weeklyImage(2)}
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := signedGap{src: servers.CNCF(t, servers.Options{}), dst: start(t, servers.Options{}), shell: newPageShell(t), medium: t.TempDir()}
			g.names = strings.NewReplacer("quay.io", g.src.Host, "far.example:5000", g.dst.Host, "/media/usb", g.medium)
			for week, im := range images {
				push(t, g.src, im, "team/app", fmt.Sprint("1.", 6+week))
			}
			newKeys(t, g.shell.Dir) // the home folder of both sides
			blocks := pageSection(t, "Signed, day after day").blocks
			if len(blocks) != 6 {
				t.Fatalf("the page has %d blocks, want 6", len(blocks))
			}
			near, far := g, g.far()
			near.run(t, 0, blocks[0])
			far.run(t, 0, blocks[1])
			near.run(t, 0, blocks[2])
			g.dst.ForgetCalls(t)
			if got := far.run(t, 0, blocks[3]); !strings.Contains(got, "tue.tar.002") || !strings.Contains(got, "exit code 7\n") {
				t.Errorf("of a volume that is spoilt, load says\n%s", got)
			}
			near.run(t, 0, blocks[4])
			far.run(t, 0, "mkdir away; mv mon.* tue.* away")
			if got := far.run(t, exitNotFound, "transship load --require-key ~/team.pub wed.tar far.example:5000"); !strings.Contains(
				got, "wed.tar builds on tue.tar") || !strings.Contains(got, "load tue.tar first") {
				t.Errorf("without tue.tar, load says\n%s", got)
			}
			wantNoWrites(t, g.dst)
			far.run(t, 0, "mv away/tue.* .") // its deltas are applied to the registry's layers
			far.run(t, 0, blocks[5])
			for week, im := range images {
				verify(t, g.dst, im, "team/app", fmt.Sprint("1.", 6+week))
			}
			for day, deltas := range map[string]int{"mon.tar": 0, "tue.tar": 2, "wed.tar": 2} {
				n, size, instead := inventoryDeltas(t, filepath.Join(near.shell.Dir, day))
				if n != deltas || size > instead/10 {
					t.Errorf("%s has %d deltas of %d bytes in place of %d", day, n, size, instead)
				}
			}
			wantPulls(t, g.dst.Host+"/team/app:1.8", images[2])
		})
	}
}

// newKeys makes a private key as key.pem in a folder, and its public key as team.pub, with openssl.
func newKeys(t *testing.T, folder string) {
	t.Helper()
	openssl := servers.Program{Path: servers.Find(t, "openssl", "openssl")}
	key := filepath.Join(folder, "key.pem")
	openssl.Output(t, "genpkey", "-algorithm", "ed25519", "-out", key)
	openssl.Output(t, "pkey", "-in", key, "-pubout", "-out", filepath.Join(folder, "team.pub"))
}

// wantNoWrites checks that nothing was sent to a registry since ForgetCalls.
func wantNoWrites(t *testing.T, at *servers.Registry) {
	t.Helper()
	calls := at.Calls(t)
	if writes := slices.Concat(calls.With("POST", ""), calls.With("PATCH", ""), calls.With("PUT", "")); len(writes) > 0 {
		t.Errorf("it was sent %v", writes)
	}
}

// wantPulls pulls an image with docker and podman, and checks the digest that they have of it.
func wantPulls(t *testing.T, ref string, im fixture.Image) {
	t.Helper()
	want := im.Root().Digest.String()
	if got := servers.Engine(t).CLI(t).Output(t, "pull", ref); !strings.Contains(got, "Digest: "+want+"\n") {
		t.Errorf("%s: docker pulled %s, want %s", ref, got, want)
	}
	podman := servers.Podman(t)
	podman.Output(t, "pull", "--quiet", "--tls-verify=false", ref)
	if got := podman.Output(t, "image", "inspect", "--format", "{{.RepoDigests}}", ref); !strings.Contains(got, want) {
		t.Errorf("%s: podman pulled %s, want %s", ref, got, want)
	}
}
