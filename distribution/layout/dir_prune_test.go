package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// blobNames returns the names of the blobs in blobs/, sorted.
func blobNames(t testing.TB, d *Dir, names map[blob.Digest]string) []string {
	t.Helper()
	all, err := d.listDigests(blobsDir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, digest := range all {
		out = append(out, names[digest])
	}
	slices.Sort(out)
	return out
}

// fillDir fills a folder with tagged images, an untagged one, layers of an image that was never
// finished, and a signature. It returns the names of all content.
func fillDir(t testing.TB, d *Dir) map[blob.Digest]string {
	t.Helper()
	names := map[blob.Digest]string{}
	a, b := d.Repository("example.com:5000/a"), d.Repository("b")
	layers := map[string]manifest.Descriptor{}
	for _, name := range []string{"shared", "only a", "only b", "untagged", "partial", "of signature"} {
		layers[name] = putBlob(t, a, name)
		names[layers[name].Digest] = name
		if err := b.Mount(t.Context(), layers[name].Digest, a.Name()); err != nil {
			t.Fatal(err)
		}
	}
	put := func(r *Repository, ref, name string, m manifest.Manifest) {
		names[m.Digest] = name
		if ref == "" {
			ref = string(m.Digest)
		}
		putManifest(t, r, ref, m)
	}
	shared, own := imageManifest(t, layers["shared"], nil), imageManifest(t, layers["only a"], nil)
	put(a, "", "image shared", shared)
	put(a, "", "image a", own)
	put(a, "1", "list", indexManifest(t, shared, own))
	put(b, "1", "image shared", shared)
	other := imageManifest(t, layers["only b"], nil)
	put(b, "2", "image b", other)
	put(b, "", "image untagged", imageManifest(t, layers["untagged"], nil))
	put(b, "", "signature", imageManifest(t, layers["of signature"], &other.Descriptor))
	return names
}

func TestPruneRemoves(t *testing.T) {
	whole := []string{
		"image a", "image b", "image shared", "image untagged", "list",
		"of signature", "only a", "only b", "shared", "signature", "untagged",
	}
	without := func(names ...string) []string {
		return slices.DeleteFunc(slices.Clone(whole), func(s string) bool { return slices.Contains(names, s) })
	}
	for name, test := range map[string]struct {
		drop func(Root) bool
		what func(dropped []Root) PruneOptions
		want []string
	}{
		"what nothing leads to": {want: whole},
		"untagged, but no signature of what is tagged": {
			what: func([]Root) PruneOptions { return PruneOptions{Untagged: true} }, want: without("image untagged", "untagged"),
		},
		"an index, whose parts another repository has in part": {
			drop: func(r Root) bool { return strings.HasSuffix(r.Repository, "/a") }, want: without("list", "image a", "only a"),
		},
		"an image that has an untagged signature": {
			drop: func(r Root) bool { return r.Tag == "2" }, want: without("image b", "only b"),
		},
		"that and its signature": {
			drop: func(r Root) bool { return r.Tag == "2" },
			what: func([]Root) PruneOptions { return PruneOptions{Untagged: true} },
			want: without("image b", "only b", "signature", "of signature", "untagged", "image untagged"),
		},
		"one image alone": {
			drop: func(r Root) bool { return r.Tag == "2" },
			what: func(dropped []Root) PruneOptions { return PruneOptions{Roots: dropped} },
			want: append([]string{"partial"}, without("image b", "only b")...),
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := openDir(t, t.TempDir())
			names := fillDir(t, d)
			dropped := dropRoots(t, d, test.drop)
			before := blobBytes(t, d)
			var what PruneOptions
			if test.what != nil {
				what = test.what(dropped)
			}
			done, err := d.Prune(t.Context(), what)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, blobNames(t, d, names)); diff != "" {
				t.Errorf("remaining content (-want +got):\n%s", diff)
			}
			if after := blobBytes(t, d); before-after != done.Bytes {
				t.Errorf("reported %d bytes, removed %d", done.Bytes, before-after)
			}
			checkLinks(t, d)
		})
	}
}

func dropRoots(t testing.TB, d *Dir, which func(Root) bool) []Root {
	t.Helper()
	roots, err := d.Roots()
	if err != nil {
		t.Fatal(err)
	}
	roots = slices.DeleteFunc(roots, func(r Root) bool { return which == nil || !which(r) })
	if err := d.Drop(roots...); err != nil {
		t.Fatal(err)
	}
	return roots
}

// blobBytes returns the size of the files in blobs/.
func blobBytes(t testing.TB, d *Dir) (sum int64) {
	t.Helper()
	all, err := d.listDigests(blobsDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, digest := range all {
		info, err := os.Stat(d.blobPath(digest))
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}

// checkLinks checks that every link leads to a blob, and that every image is complete.
func checkLinks(t testing.TB, d *Dir) {
	t.Helper()
	names, err := d.linkedRepositories(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, kind := range []string{manifestLinks, blobLinks} {
			links, err := d.listDigests(d.Repository(name).linkDir(kind))
			if err != nil {
				t.Fatal(err)
			}
			for _, link := range links {
				if _, err := os.Stat(d.blobPath(link)); err != nil {
					t.Errorf("%s %s: %v", name, kind, err)
				}
			}
		}
	}
	roots, err := d.Roots()
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range roots {
		checkComplete(t, d.Repository(root.Repository), string(root.Digest))
	}
}

func TestPruneFailsWhileHeld(t *testing.T) {
	path := t.TempDir()
	d, other := openDir(t, path), openDir(t, path)
	names := fillDir(t, d)
	first, err := d.Hold()
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.Hold()
	if err != nil {
		t.Fatal(err)
	}
	before := blobNames(t, d, names)
	for _, release := range []func(){first, second} {
		if _, err := other.Prune(t.Context(), PruneOptions{Untagged: true}); !errors.Is(err, ErrInUse) {
			t.Errorf("got %v, want ErrInUse", err)
		}
		release()
		release()
	}
	if diff := cmp.Diff(before, blobNames(t, d, names)); diff != "" {
		t.Errorf("content was removed:\n%s", diff)
	}
	if _, err := other.Prune(t.Context(), PruneOptions{}); err != nil {
		t.Error(err)
	}
}

// Reading a folder keeps it from being pruned, and writes nothing, not even to a folder of another
// tool.
func TestPruneFailsWhileRead(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	fillDir(t, d)
	reader, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	before := listFiles(t, path)
	first, second := reader.HoldForReading(), reader.HoldForReading()
	if diff := cmp.Diff(before, listFiles(t, path)); diff != "" {
		t.Errorf("something was written: %s", diff)
	}
	for _, release := range []func(){first, second} {
		if _, err := d.Prune(t.Context(), PruneOptions{Untagged: true}); !errors.Is(err, ErrInUse) {
			t.Errorf("got %v, want ErrInUse", err)
		}
		if writer, err := d.Hold(); err != nil {
			t.Error(err)
		} else {
			writer()
		}
		release()
		release()
	}
	if _, err := d.Prune(t.Context(), PruneOptions{Untagged: true}); err != nil {
		t.Error(err)
	}

	path, _, _ = foreignLayout(t)
	if reader, err = OpenReadOnly(path); err != nil {
		t.Fatal(err)
	}
	before = listFiles(t, path)
	reader.HoldForReading()()
	if diff := cmp.Diff(before, listFiles(t, path)); diff != "" {
		t.Errorf("something was written: %s", diff)
	}
}

// It is unknown what a damaged manifest refers to, so nothing may be removed.
func TestPruneStopsAtDamagedManifest(t *testing.T) {
	d := openDir(t, t.TempDir())
	names := fillDir(t, d)
	before := blobNames(t, d, names)
	for digest, name := range names {
		if name == "list" {
			mustWrite(t, "{}", d.blobPath(digest))
		}
	}
	_, err := d.Prune(t.Context(), PruneOptions{})
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("got %v, want a mismatch", err)
	}
	if diff := cmp.Diff(before, blobNames(t, d, names)); diff != "" {
		t.Errorf("content was removed:\n%s", diff)
	}
	dropRoots(t, d, func(r Root) bool { return strings.HasSuffix(r.Repository, "/a") })
	if _, err := d.Prune(t.Context(), PruneOptions{}); err != nil {
		t.Error(err)
	}
}

func TestTagWithoutTagsAddsEntry(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("r")
	child := imageManifest(t, putBlob(t, r, "x"), nil)
	putManifest(t, r, string(child.Digest), child)
	putManifest(t, r, "1", indexManifest(t, child))
	if err := r.Tag(t.Context(), child.Digest); err != nil {
		t.Fatal(err)
	}
	if got := indexEntries(t, d); len(got) != 2 || got[1] != "r: "+child.Digest.Short() {
		t.Errorf("entries %q, want an untagged one of the child", got)
	}
	if err := r.Tag(t.Context(), blob.FromBytes(nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v for a missing manifest", err)
	}
}

// TestPruneWhilePutting puts and drops images while others prune. Each opens the folder on its own,
// as a process would.
func TestPruneWhilePutting(t *testing.T) {
	path := t.TempDir()
	quit := make(chan struct{})
	var pruners, putters sync.WaitGroup
	for range 2 {
		d := openDir(t, path)
		pruners.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				if _, err := d.Prune(context.Background(), PruneOptions{Untagged: true}); err != nil && !errors.Is(err, ErrInUse) {
					t.Error(err)
				}
			}
		})
	}
	for i := range 3 {
		d := openDir(t, path)
		putters.Go(func() { putAndDrop(t, d, i) })
	}
	putters.Wait()
	close(quit)
	pruners.Wait()
	d := openDir(t, path)
	checkLinks(t, d)
	if roots, err := d.Roots(); err != nil || len(roots) != 3*4 {
		t.Errorf("%d images, error %v; want 12", len(roots), err)
	}
}

// putAndDrop puts images that share layers, and drops every second one.
func putAndDrop(t *testing.T, d *Dir, i int) {
	r := d.Repository(fmt.Sprint("r", i))
	for n := range 8 {
		release, err := d.Hold()
		if err != nil {
			t.Error(err)
			return
		}
		tag := fmt.Sprint("t", n)
		m := imageManifest(t, putBlob(t, r, fmt.Sprint("layer ", n)), nil)
		putManifest(t, r, string(m.Digest), m)
		putManifest(t, r, tag, indexManifest(t, m))
		release()
		if n%2 == 0 {
			dropRoots(t, d, func(root Root) bool { return root.Repository == r.Name() && root.Tag == tag })
		}
	}
}
