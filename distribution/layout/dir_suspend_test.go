package layout

import (
	"os"
	"testing"

	"github.com/hczjl/transship/blob"
)

// suspended begins an upload and suspends it.
func suspended(t *testing.T, d *Dir, content string) *Upload {
	t.Helper()
	u, err := d.Repository("r").NewUpload(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := u.Suspend(); err != nil {
		t.Fatal(err)
	}
	return u
}

func tempFiles(t *testing.T, d *Dir) int {
	t.Helper()
	entries, err := os.ReadDir(d.privatePath("tmp"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A suspended upload has no file open, stays when another process opens the folder, and resumes. Of
// ended uploads nothing is left.
func TestSuspendedUploadResumes(t *testing.T) {
	d := openDir(t, t.TempDir())
	u, cancelled := suspended(t, d, "lay"), suspended(t, d, "x")
	if u.file != nil {
		t.Error("its file is open")
	}
	openDir(t, d.path) // removes abandoned files
	for _, part := range []string{"e", "r"} {
		if _, err := u.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
		if err := u.Suspend(); err != nil {
			t.Fatal(err)
		}
	}
	digest := blob.FromBytes([]byte("layer"))
	if err := u.Commit(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if size, err := d.Repository("r").HeadBlob(t.Context(), digest); size != 5 || err != nil {
		t.Errorf("got %d bytes, error %v", size, err)
	}
	if err := cancelled.Cancel(); err != nil {
		t.Error(err)
	}
	if n := tempFiles(t, d); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
}

// While a folder is served, a temporary file needs no lock of its own: another process leaves it alone as long as the
// one that serves is alive, and not longer.
func TestTemporaryFileOfServedFolder(t *testing.T) {
	d := openDir(t, t.TempDir())
	release, err := d.HoldPending()
	if err != nil {
		t.Fatal(err)
	}
	u, err := d.Repository("r").NewUpload(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte("layer")); err != nil {
		t.Fatal(err)
	}
	openDir(t, d.path) // removes abandoned files
	if err := u.Commit(t.Context(), blob.FromBytes([]byte("layer"))); err != nil {
		t.Error(err)
	}
	release()
	if n := tempFiles(t, d); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
	if _, err := d.HoldPending(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.createTemp(); err != nil {
		t.Fatal(err)
	}
	d.owner.file.Close() // as the end of the process does
	openDir(t, d.path)
	if n := tempFiles(t, d); n != 0 {
		t.Errorf("%d temporary files of a killed process are left", n)
	}
}

// Suspended uploads of a killed process are removed.
func TestSuspendedUploadOfKilledProcessIsRemoved(t *testing.T) {
	d := openDir(t, t.TempDir())
	suspended(t, d, "layer")
	d.owner.file.Close() // as the end of the process does
	openDir(t, d.path)
	if n := tempFiles(t, d); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
}

// An upload that nothing was written to needs no file.
func TestUploadWithoutBytes(t *testing.T) {
	d := openDir(t, t.TempDir())
	u, err := d.Repository("r").NewUpload(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Suspend(); err != nil || u.file != nil {
		t.Errorf("got a file, error %v", err)
	}
	if err := u.Cancel(); err != nil {
		t.Error(err)
	}
	if u, err = d.Repository("r").NewUpload(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(t.Context(), blob.FromBytes(nil)); err != nil {
		t.Error(err)
	}
}

// An upload that began under one HoldPending and is suspended under the next one is kept.
func TestSuspendUnderSecondHold(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	release, err := d.HoldPending()
	if err != nil {
		t.Fatal(err)
	}
	u, err := d.Repository("a").NewUpload(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	release()
	release, err = d.HoldPending()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := u.Suspend(); err != nil {
		t.Fatal(err)
	}
	openDir(t, path) // removes what is abandoned
	if err := u.Commit(t.Context(), blob.FromBytes([]byte("x"))); err != nil {
		t.Error(err)
	}
}
