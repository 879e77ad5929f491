package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// A folder that was opened before is found again at its path only: what has taken its place counts, and a
// link there is refused.
func TestKeptFolderIsTheOneAtItsPath(t *testing.T) {
	f := &folder{dir: t.TempDir()}
	f.kept.hold()
	mustWrite(t, "old", f.path("a/b/file"))
	read := func() (string, error) {
		b, err := f.readFile("a/b/file", 100)
		return string(b), err
	}
	for range 2 {
		if got, err := read(); got != "old" || err != nil {
			t.Fatal(got, err)
		}
	}
	if err := os.Rename(f.path("a/b"), f.path("elsewhere")); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("once it has gone: %v", err)
	}
	mustWrite(t, "new", f.path("a/b/file"))
	if got, err := read(); got != "new" || err != nil {
		t.Errorf("once there is another: %q, %v", got, err)
	}
	replaceByLink(t, f.path("elsewhere"), f.path("a/b"))
	_, err := read()
	wantIrregular(t, err, f.path("a/b"))
}

// However many folders are used, few stay open, and all go on working.
func TestKeptFoldersAreFew(t *testing.T) {
	f := &folder{dir: t.TempDir()}
	f.kept.hold()
	for i := range 3 * maxKept {
		mustWrite(t, "x", f.path(fmt.Sprintf("%d/file", i)))
	}
	mustWrite(t, "x", f.path("often/file"))
	for range 2 {
		for i := range 3 * maxKept {
			for _, name := range []string{fmt.Sprintf("%d/file", i), "often/file"} {
				if _, err := f.readFile(name, 100); err != nil {
					t.Fatal(err)
				}
			}
			if f.kept.open["often"] == nil {
				t.Fatal("a folder that is used all the time was closed")
			}
		}
	}
	if n := len(f.kept.open); n > maxKept {
		t.Errorf("%d folders are kept", n)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	n := 0
	for _, e := range open {
		target, _ := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if len(target) > len(f.dir) && target[:len(f.dir)] == f.dir {
			n++
		}
	}
	if n > 2*maxKept {
		t.Errorf("%d folders are open", n)
	}
	f.kept.unhold()
	if _, err := f.readFile("0/file", 100); err != nil || len(f.kept.open) > 0 {
		t.Errorf("%d folders are kept without a hold: %v", len(f.kept.open), err)
	}
}
