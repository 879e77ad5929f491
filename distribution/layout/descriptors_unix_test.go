//go:build unix

package layout

import (
	"errors"
	"syscall"
	"testing"
)

// withoutDescriptors calls f while the process can open no file.
func withoutDescriptors(t *testing.T, f func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	low := before
	low.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	f()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
}

// A folder that was opened when the process had no file descriptor left stays usable.
func TestKeptFolderAfterNoDescriptors(t *testing.T) {
	d := openDir(t, t.TempDir())
	release, err := d.HoldPending()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	r := d.Repository("a")
	putBlob(t, r, "first") // keeps blobs/sha256 and others open
	if err := d.files.makeDir("blobs/sha512"); err != nil {
		t.Fatal(err)
	}
	d.files.exists("blobs/sha512/x") // keeps the folder
	withoutDescriptors(t, func() { err = d.files.syncDir("blobs/sha512") })
	if !errors.Is(err, syscall.EMFILE) {
		t.Fatalf("while there is no descriptor: %v", err)
	}
	if err := d.files.syncDir("blobs/sha512"); err != nil {
		t.Errorf("later: %v", err)
	}
}

// An upload whose file cannot be opened again leaves no file.
func TestCommitThatCannotOpen(t *testing.T) {
	d := openDir(t, t.TempDir())
	release, err := d.HoldPending()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	u, err := d.Repository("a").NewUpload(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := u.Suspend(); err != nil {
		t.Fatal(err)
	}
	withoutDescriptors(t, func() { err = u.Commit(t.Context(), testDigest("a")) })
	if !errors.Is(err, syscall.EMFILE) {
		t.Fatal(err)
	}
	left, _ := d.files.readDir(tempDir)
	if len(left) != 1 { // the owner
		t.Errorf("%d temporary files are left", len(left))
	}
}
