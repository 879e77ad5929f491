package layout

import (
	"os"
	"path/filepath"
	"testing"
)

// All ways to write the path of a folder are one place, which is no host's, before and after it is
// created.
func TestPlace(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	replaceByLink(t, home, home, "link")
	ways := []string{
		"ghcr.io", "./ghcr.io", "x/../ghcr.io", "ghcr.io/", filepath.Join(home, "ghcr.io"), filepath.Join(home, "link", "ghcr.io"),
	}
	for _, create := range []bool{false, true} {
		if create {
			openDir(t, "ghcr.io")
			replaceByLink(t, "ghcr.io", home, "other")
			ways = append(ways, "other")
		}
		want := Place(ways[0])
		if want == "ghcr.io" || !filepath.IsAbs(want) {
			t.Errorf("got %s", want)
		}
		for _, path := range ways {
			if got := Place(path); got != want {
				t.Errorf("%s: got %s, want %s", path, got, want)
			}
		}
	}
	a, b := openDir(t, "ghcr.io").Repository("r"), openDir(t, "./ghcr.io").Repository("r")
	placeA, _ := a.Place()
	placeB, _ := b.Place()
	if placeA != placeB || placeA == "ghcr.io" {
		t.Errorf("got %s and %s", placeA, placeB)
	}
	if Place("other.tar") == Place("ghcr.io") {
		t.Error("another file is the same place")
	}
	if err := os.Remove("other"); err != nil {
		t.Error(err)
	}
}
