//go:build unix

package layout

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// replaceByPipe puts a named pipe without a writer in the place of a file or folder.
func replaceByPipe(t *testing.T, name ...string) string {
	t.Helper()
	path := filepath.Join(name...)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	return path
}

// No part of a layout is waited for that is a pipe, whoever opens it.
func TestPipesInLayoutAreRefused(t *testing.T) {
	for _, name := range []string{layoutFile, indexFile, indexLock, contentLockFile, tempDir, blobsDir + "/sha256"} {
		path := t.TempDir()
		openDir(t, path)
		pipe := replaceByPipe(t, path, name)
		_, errOpen := OpenDir(path)
		_, errRead := OpenReadOnly(path)
		_, errExisting := OpenExisting(path)
		for _, err := range []error{errOpen, errRead, errExisting} {
			wantIrregular(t, err, pipe)
		}
	}
}

// A blob that is a pipe, or a link to a device without an end, is neither read nor written.
func TestPipeAsBlobIsRefused(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	r := d.Repository("r")
	layer := putBlob(t, r, "layer")
	putManifest(t, r, "1", imageManifest(t, layer, nil))
	for _, replace := range []func() string{
		func() string { return replaceByPipe(t, d.blobPath(layer.Digest)) },
		func() string {
			replaceByLink(t, "/dev/zero", d.blobPath(layer.Digest))
			return d.blobPath(layer.Digest)
		},
	} {
		name := replace()
		_, err := r.Blob(t.Context(), layer, 0)
		wantIrregular(t, err, name)
		_, err = r.PutBlob(t.Context(), layer, openText("layer"))
		wantIrregular(t, err, name)
		bad := problems(t, func(ctx context.Context, report func(Check)) error { return d.Verify(ctx, report) })
		if len(bad) == 0 {
			t.Errorf("Verify does not report %s", name)
		}
		for _, c := range bad {
			wantIrregular(t, c.Err, name)
		}
	}
}

// Files beside an archive, and of an unfinished bundle, are not waited for if they are pipes.
func TestPipesOfBundleAreRefused(t *testing.T) {
	s := threeImages(t)
	path := filepath.Join(t.TempDir(), "b.tar")
	pipe := replaceByPipe(t, path)
	_, err := OpenArchive(path)
	wantIrregular(t, err, pipe)
	_, err = ReadInventory(path)
	wantIrregular(t, err, pipe)

	for _, name := range []string{"lock", "plan", "filled", "001", "inventory"} {
		path := filepath.Join(t.TempDir(), "b.tar")
		mustWrite(t, "", path+".partial", "lock")
		pipe := replaceByPipe(t, path+".partial", name)
		_, err := CreateBundle(path, s.BundleContents, BundleFiles{})
		wantIrregular(t, err, pipe)
	}
}

// An archive is read and verified whose FILE.json is a pipe: that is reported.
func TestPipeBesideArchiveIsReported(t *testing.T) {
	path, _ := threeImages(t).bundle(t)
	pipe := replaceByPipe(t, path+".json")
	bad := problems(t, openArchive(t, path).Verify)
	if len(bad) != 1 {
		t.Fatalf("got %v", bad)
	}
	wantIrregular(t, bad[0].Err, pipe)
	_, err := CreateBundle(path, threeImages(t).BundleContents, BundleFiles{})
	wantError(t, err, "in the way")
}

// A file larger than what its descriptor says is not read to its end.
func TestVerifyStopsAtSizeOfDescriptor(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("r")
	layer := putBlob(t, r, "layer")
	putManifest(t, r, "1", imageManifest(t, layer, nil))
	if err := os.Truncate(d.blobPath(layer.Digest), 1<<42); err != nil {
		t.Skip(err) // the file system has no sparse file of that size
	}
	bad := problems(t, d.Verify)
	if len(bad) == 0 {
		t.Error("no problem is reported")
	}
}
