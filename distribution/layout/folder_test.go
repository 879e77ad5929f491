package layout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// victimDir returns a folder that a foreign layout must not lead to, with files that have the names
// of ours, and a function that fails the test if anything there has changed.
func victimDir(t *testing.T) (path string, check func()) {
	t.Helper()
	path = t.TempDir()
	for _, name := range []string{
		"old", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "lock", "plan", "filled", "001", "inventory", "a/b",
		"sha256/" + testDigest("a").Hex(), testDigest("a").Hex(), "tmp/ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	} {
		mustWrite(t, "data", path, name)
	}
	before := listFiles(t, path)
	return path, func() {
		t.Helper()
		if diff := cmp.Diff(before, listFiles(t, path)); diff != "" {
			t.Errorf("files outside of the folder have changed: %s", diff)
		}
	}
}

// replaceByLink puts a link in the place of a file or folder.
func replaceByLink(t *testing.T, target string, name ...string) {
	t.Helper()
	path := filepath.Join(name...)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Skip(err) // Windows allows it to few users
	}
}

// wantIrregular checks that an error is ErrIrregular and names the path.
func wantIrregular(t *testing.T, err error, path string) {
	t.Helper()
	var typed *ArchiveError
	if !errors.Is(err, ErrIrregular) || !errors.As(err, &typed) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want ErrIrregular that names %s", err, path)
	}
}

// A link in the place of a file or folder that every layout has is refused by all ways to open it.
func TestOpenRefusesLinks(t *testing.T) {
	for _, name := range []string{
		privateDir, tempDir, linksDir, indexLock, contentLockFile, blobsDir, blobsDir + "/sha256", layoutFile, indexFile,
	} {
		for _, inside := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " inside=", inside), func(t *testing.T) {
				victim, check := victimDir(t)
				path := t.TempDir()
				putManifest(t, openDir(t, path).Repository("r"), "1", imageManifest(t, testDescriptor("a"), nil))
				if inside {
					if err := os.Rename(filepath.Join(path, name), filepath.Join(path, "elsewhere")); err != nil &&
						!errors.Is(err, fs.ErrNotExist) {
						t.Fatal(err)
					}
					victim, check = filepath.Join(path, "elsewhere"), func() {}
				}
				replaceByLink(t, victim, path, name)
				_, errOpen := OpenDir(path)
				_, errRead := OpenReadOnly(path)
				_, errExisting := OpenExisting(path)
				for _, err := range []error{errOpen, errRead, errExisting} {
					wantIrregular(t, err, filepath.Join(path, filepath.FromSlash(name)))
				}
				check()
			})
		}
	}
}

// A folder that is not a layout yet is refused too: it would become one through the link.
func TestCreateLayoutRefusesLinks(t *testing.T) {
	victim, check := victimDir(t)
	for _, name := range []string{privateDir, tempDir, blobsDir} {
		path := t.TempDir()
		replaceByLink(t, victim, path, name)
		_, err := OpenDir(path)
		wantIrregular(t, err, filepath.Join(path, filepath.FromSlash(name)))
	}
	check()
}

// Links that opening the folder does not meet are refused where they are met.
func TestMethodsRefuseLinks(t *testing.T) {
	layer := manifest.Descriptor{MediaType: manifest.MediaTypeOCILayer, Digest: blob.FromBytes([]byte("layer")), Size: 5}
	image := imageManifest(t, layer, nil)
	read := func(t *testing.T, d *Dir) error { return errorOf(d.Blob(t.Context(), layer, 0)) }
	put := func(t *testing.T, d *Dir) error {
		return errorOf(d.Repository("r").PutBlob(t.Context(), layer, openText("layer")))
	}
	prune := func(t *testing.T, d *Dir) error {
		if err := d.Drop(errorFree(t)(d.Roots())...); err != nil {
			t.Fatal(err)
		}
		return errorOf(d.Prune(t.Context(), PruneOptions{}))
	}
	tag := func(t *testing.T, d *Dir) error { return d.Repository("r").PutManifest(t.Context(), "2", image) }
	names := func(t *testing.T, d *Dir) error { return errorOf(d.Repositories(t.Context())) }
	for name, operations := range map[string][]func(*testing.T, *Dir) error{
		blobName(layer.Digest):                              {read, put, prune},
		blobName(image.Digest):                              {tag, prune},
		linksDir + "/r":                                     {put, tag, prune, names},
		linksDir + "/r/_blobs":                              {put, prune, names},
		linksDir + "/r/_manifests":                          {tag, prune, names},
		linksDir + "/r/_manifests/sha256":                   {tag, prune},
		linksDir + "/r/_blobs/sha256/" + layer.Digest.Hex(): {put, prune},
	} {
		for i, operation := range operations {
			t.Run(fmt.Sprint(name, " ", i), func(t *testing.T) {
				victim, check := victimDir(t)
				d := openDir(t, t.TempDir())
				putBlob(t, d.Repository("r"), "layer")
				putManifest(t, d.Repository("r"), "1", image)
				if info, err := os.Stat(d.files.path(name)); err == nil && !info.IsDir() {
					victim = filepath.Join(victim, "old")
				}
				replaceByLink(t, victim, d.path, name)
				wantIrregular(t, operation(t, d), d.files.path(name))
				check()
			})
		}
	}
}

// A foreign folder has no links of ours: they are found without the bytes of such a manifest.
func TestForeignManifestThatIsALink(t *testing.T) {
	victim, check := victimDir(t)
	image := imageManifest(t, manifest.Descriptor{MediaType: manifest.MediaTypeOCILayer, Digest: blob.FromBytes(nil)}, nil)
	d := openDir(t, t.TempDir())
	putManifest(t, d.Repository("r"), "1", image)
	if err := os.RemoveAll(d.privatePath()); err != nil {
		t.Fatal(err)
	}
	replaceByLink(t, filepath.Join(victim, "old"), d.path, blobName(image.Digest))
	foreign, err := OpenReadOnly(d.path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = foreign.Repository("r").Manifest(t.Context(), string(image.Digest))
	wantIrregular(t, err, d.blobPath(image.Digest))
	check()
}

// openText returns a source of a blob with that content.
func openText(content string) blob.Open {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content[offset:])), nil
	}
}

// errorFree returns the first result of a call that must not fail.
func errorFree(t *testing.T) func([]Root, error) []Root {
	return func(roots []Root, err error) []Root {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return roots
	}
}

// A link in the place of an unfinished bundle, or of a file of one, is refused, and what it points
// to is neither emptied nor written.
func TestCreateBundleRefusesLinks(t *testing.T) {
	s := threeImages(t)
	for _, name := range []string{"", "lock", "plan", "filled", "001", "inventory"} {
		t.Run(name, func(t *testing.T) {
			victim, check := victimDir(t)
			path := filepath.Join(t.TempDir(), "b.tar")
			partial := filepath.Join(path+".partial", name)
			if name != "" {
				mustWrite(t, "", path+".partial", "lock")
				victim = filepath.Join(victim, "old")
			}
			replaceByLink(t, victim, partial)
			_, err := CreateBundle(path, s.BundleContents, BundleFiles{})
			wantIrregular(t, err, partial)
			check()
		})
	}
}

// A file of an unfinished bundle that is written in place must not be a hard link to one elsewhere.
func TestCreateBundleRefusesHardLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the number of links is not known there")
	}
	s := threeImages(t)
	for _, name := range []string{"filled", "001"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "b.tar")
			left, err := CreateBundle(path, s.BundleContents, BundleFiles{})
			if err != nil {
				t.Fatal(err)
			}
			if err := left.Close(); err != nil {
				t.Fatal(err)
			}
			victim, linked := filepath.Join(t.TempDir(), "victim"), filepath.Join(path+".partial", name)
			mustWrite(t, "content", victim)
			if err := errors.Join(os.Remove(linked), os.Link(victim, linked)); err != nil {
				t.Fatal(err)
			}
			_, err = CreateBundle(path, s.BundleContents, BundleFiles{})
			wantIrregular(t, err, linked)
			if b, _ := os.ReadFile(victim); string(b) != "content" {
				t.Errorf("the other file has %q now", b)
			}
		})
	}
}

// Files that a bundle does not write stay in the partial folder.
func TestCommitKeepsForeignFiles(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	mustWrite(t, "", path+".partial", "lock")
	mustWrite(t, "notes", path+".partial", "notes.txt")
	s.writeFiles(t, path, BundleFiles{}, s.Blobs)
	left, err := os.ReadDir(path + ".partial")
	if err != nil || len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("got %v, error %v", left, err)
	}
}

// Prune leaves alone what has no name of ours.
// Opening a folder to write sweeps abandoned files out of tmp, and leaves all that has no name of
// ours.
func TestSweepKeepsForeignFiles(t *testing.T) {
	d := openDir(t, t.TempDir())
	putBlob(t, d.Repository("r"), "layer")
	abandoned := tempDir + "/" + rand.Text()
	foreign := []string{tempDir + "/notes", tempDir + "/NOTES", tempDir + "/" + rand.Text() + ".txt"}
	for _, name := range append(foreign, abandoned) {
		mustWrite(t, "notes", d.files.path(name))
	}
	putBlob(t, openDir(t, d.path).Repository("r"), "other layer")
	for _, name := range foreign {
		if _, err := os.Stat(d.files.path(name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(d.files.path(abandoned)); err == nil {
		t.Errorf("%s is still there", abandoned)
	}
}

func TestPruneKeepsForeignFiles(t *testing.T) {
	d := openDir(t, t.TempDir())
	subject := imageManifest(t, putBlob(t, d.Repository("r"), "layer"), nil)
	referrer := imageManifest(t, putBlob(t, d.Repository("r"), "signature"), &subject.Descriptor)
	putManifest(t, d.Repository("r"), "1", subject)
	putManifest(t, d.Repository("r"), "sig", referrer)
	r := d.Repository("r")
	foreign := []string{
		blobsDir + "/sha256/notes", privateDir + "/notes", tempDir + "/notes",
		r.linkDir(blobLinks) + "/sha256/notes", r.linkName(referrerLinks, subject.Digest) + "/sig",
	}
	for _, name := range foreign {
		mustWrite(t, "notes", d.files.path(name))
	}
	if err := d.Drop(errorFree(t)(d.Roots())...); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Prune(t.Context(), PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range foreign {
		if _, err := os.Stat(d.files.path(name)); err != nil {
			t.Error(err)
		}
	}
}

// A file among the links of referrers that is not named after a digest names no referrer, even if it
// is named like a tag.
func TestReferrersSkipForeignNames(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("r")
	m := imageManifest(t, putBlob(t, r, "layer"), nil)
	putManifest(t, r, "latest", m)
	mustWrite(t, "", d.files.path(r.linkName(referrerLinks, m.Digest)), "latest")
	got, err := r.Referrers(t.Context(), m.Digest, "")
	if len(got) != 0 || err != nil {
		t.Errorf("got %v, error %v", got, err)
	}
}

// The folder itself may be a link.
func TestOpenDirFollowsLinkToFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "link")
	replaceByLink(t, t.TempDir(), path)
	d := openDir(t, path)
	putManifest(t, d.Repository("r"), "1", imageManifest(t, putBlob(t, d.Repository("r"), "layer"), nil))
	if tags, err := openDir(t, path).Repository("r").Tags(t.Context()); !slices.Equal(tags, []string{"1"}) {
		t.Errorf("got %v, error %v", tags, err)
	}
}
