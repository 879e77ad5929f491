package layout

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/manifest"
	testimage "github.com/hczjl/transship/testdata/image"
)

func TestOpenDirCreatesLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	openDir(t, path)
	for name, want := range map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}` + "\n",
		"index.json": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + "\n]}\n",
	} {
		got, err := os.ReadFile(filepath.Join(path, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q, error %v", name, got, err)
		}
	}
	openDir(t, path)
}

func TestOpenDirRefusesOtherFolders(t *testing.T) {
	for text, files := range map[string]map[string]string{
		"not empty: other.txt":          {"other.txt": ""},
		`version "2.0.0"`:               {"oci-layout": `{"imageLayoutVersion":"2.0.0"}`},
		"oci-layout: unexpected end":    {"oci-layout": ""},
		"index.json: unexpected end":    {"oci-layout": layoutText, "index.json": "{"},
		"index.json: entry 1: invalid ": {"oci-layout": layoutText, "index.json": `{"manifests":[{"digest":"../../x"}]}`},
	} {
		path := t.TempDir()
		for name, content := range files {
			mustWrite(t, content, path, name)
		}
		_, err := OpenDir(path)
		wantError(t, err, text)
		_, existing := OpenExisting(path)
		wantError(t, existing, err.Error())
	}
	file := filepath.Join(t.TempDir(), "file")
	mustWrite(t, "", file)
	if _, err := OpenDir(file); err == nil {
		t.Error("a file was opened")
	}
}

// OpenExisting opens what OpenDir would open, and changes nothing.
func TestOpenExistingChangesNothing(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		if d, err := OpenExisting(path); d != nil || err != nil {
			t.Errorf("missing or empty folder: %v, error %v", d, err)
		}
		if there, _ := os.ReadDir(path); len(there) != 0 {
			t.Errorf("it created %v", there)
		}
	}
	path := t.TempDir()
	mustWrite(t, layoutText, path, layoutFile)
	mustWrite(t, "notes", path, "notes.txt")
	d, err := OpenExisting(path)
	if err != nil {
		t.Fatal(err)
	}
	if there, _ := os.ReadDir(path); len(there) != 2 {
		t.Errorf("it created some of %v", there)
	}
	if _, err := d.Hold(); !errors.Is(err, ErrReadOnly) {
		t.Errorf("got %v, want ErrReadOnly", err)
	}
}

func TestOpenDirRemovesAbandonedFiles(t *testing.T) {
	path := t.TempDir()
	mustWrite(t, "half", path, privateDir, "tmp", rand.Text())
	for _, name := range []string{"notes", "NOTES", strings.ToLower(rand.Text())} {
		mustWrite(t, "not ours", path, privateDir, "tmp", name)
	}
	d := openDir(t, path)
	if left, _ := os.ReadDir(d.privatePath("tmp")); len(left) != 3 {
		t.Errorf("got %v, want the three files whose names are not ours", left)
	}
}

func TestOpenDirKeepsUploadsInProgress(t *testing.T) {
	d := openDir(t, t.TempDir())
	u, err := d.Repository("r").NewUpload(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	openDir(t, d.path) // as another process would
	content := imageManifest(t, testDescriptor("a"), nil)
	if _, err := u.Write(content.Raw); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(t.Context(), content.Digest); err != nil {
		t.Error(err)
	}
}

func TestOpenDirBuildsLinksOfForeignLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Real Image")
	if err := os.CopyFS(path, testimage.Layout); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, path)
	names, err := d.Repositories(t.Context())
	if diff := cmp.Diff([]string{"real-image"}, names); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	checkComplete(t, d.Repository("real-image"), "2.0.12")
	if err := d.Repository("other").Mount(t.Context(), testDigest("a"), "real-image"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing blob was mounted: %v", err)
	}
}

// checkComplete reads and verifies everything that ref refers to.
func checkComplete(t testing.TB, r *Repository, ref string) {
	t.Helper()
	m, err := r.Manifest(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	refs, err := m.References()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range refs {
		if manifest.IsManifest(d.MediaType) {
			checkComplete(t, r, string(d.Digest))
			continue
		}
		if err := readBlob(t.Context(), r, d); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenDirRebuildsLostLinks(t *testing.T) {
	d := openDir(t, t.TempDir())
	r := d.Repository("localhost:5000/r")
	subject := imageManifest(t, putBlob(t, r, "layer"), nil)
	referrer := imageManifest(t, putBlob(t, r, "signature"), &subject.Descriptor)
	putManifest(t, r, "1", indexManifest(t, subject))
	putManifest(t, r, string(subject.Digest), subject)
	putManifest(t, r, string(referrer.Digest), referrer)
	want := indexEntries(t, d)
	if err := os.RemoveAll(filepath.Join(d.path, privateDir)); err != nil {
		t.Fatal(err)
	}
	again := openDir(t, d.path)
	r = again.Repository("localhost:5000/r")
	checkComplete(t, r, "1")
	if got, err := r.Referrers(t.Context(), subject.Digest, ""); len(got) != 1 || err != nil {
		t.Errorf("got referrers %v, error %v", got, err)
	}
	if diff := cmp.Diff(want, indexEntries(t, again)); diff != "" {
		t.Error(diff)
	}
}

func TestMissingManifestIsNotExist(t *testing.T) {
	path := t.TempDir()
	nowhere, _ := newEntry("r", "1", testDescriptor("a"))
	mustWrite(t, layoutText, path, layoutFile)
	mustWrite(t, string(newIndex(nil, []*entry{nowhere}).encode()), path, indexFile)
	r := openDir(t, path).Repository("r")
	if _, err := r.HeadManifest(t.Context(), "1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

func TestDirSeesChangesOfOthers(t *testing.T) {
	a := openDir(t, t.TempDir())
	b := openDir(t, a.path)
	m := imageManifest(t, putBlob(t, a.Repository("r"), "x"), nil)
	for _, tag := range []string{"1", "2", "3"} {
		putManifest(t, a.Repository("r"), tag, m)
		putManifest(t, b.Repository("r"), "b"+tag, m)
	}
	for _, d := range []*Dir{a, b, openDir(t, a.path)} {
		got, err := d.Repository("r").Tags(t.Context())
		if diff := cmp.Diff([]string{"1", "2", "3", "b1", "b2", "b3"}, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
}

func TestRepositoriesIsCancelled(t *testing.T) {
	d := openDir(t, t.TempDir())
	putManifest(t, d.Repository("r"), "1", imageManifest(t, testDescriptor("a"), nil))
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped by the test")
	cancel(cause)
	if _, err := d.Repositories(ctx); !errors.Is(err, cause) {
		t.Errorf("got error %v", err)
	}
}

// A document that cannot be parsed is ErrDamaged. A newer version is not.
func TestOpenDirReportsDamage(t *testing.T) {
	for _, test := range []struct {
		layout, index string
		damaged       bool
	}{
		{layoutText, `{"manifests":`, true},
		{layoutText, `{"manifests":[{"digest":"sha256:../x"}]}`, true},
		{`{`, `{}`, true},
		{`{"imageLayoutVersion":"2.0.0"}`, `{}`, false},
	} {
		dir := t.TempDir()
		for name, content := range map[string]string{layoutFile: test.layout, indexFile: test.index} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := OpenDir(dir)
		if err == nil || errors.Is(err, ErrDamaged) != test.damaged || errors.Is(err, ErrNewer) == test.damaged {
			t.Errorf("%s, %s: %v", test.layout, test.index, err)
		}
	}
}

// A folder of links that no repository has is no repository.
func TestLinksOfNoRepository(t *testing.T) {
	d := openDir(t, t.TempDir())
	mustWrite(t, "x", d.path, linksDir, "UPPER", manifestLinks, "sha256", testDigest("a").Hex())
	names, err := d.Repositories(t.Context())
	if err != nil || len(names) != 0 {
		t.Errorf("got %q, error %v", names, err)
	}
}
