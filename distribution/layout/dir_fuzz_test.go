package layout

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// FuzzPrivateFiles puts a foreign file into .transship: in the place of a link, or beside the links.
// Whatever it is called and holds, the tagged image stays whole, and nothing comes from the file but
// a media type.
func FuzzPrivateFiles(f *testing.F) {
	for kind := range uint8(6) {
		f.Add(kind, "sha256", "application/vnd.oci.image.index.v1+json")
		f.Add(kind, "latest", "a\nb")
		f.Add(kind, "../../index.json", "")
		f.Add(kind, "sha256-"+strings.Repeat("a", 64), strings.Repeat("x", 2000))
	}
	f.Fuzz(func(t *testing.T, kind uint8, file, content string) {
		d := openDir(t, t.TempDir())
		r := d.Repository("r")
		image := imageManifest(t, putBlob(t, r, "layer"), nil)
		putManifest(t, r, "1", image)
		names := []string{
			r.linkName(manifestLinks, image.Digest), r.linkName(blobLinks, image.Digest),
			path.Join(r.linkName(referrerLinks, image.Digest), path.Base(path.Clean("/"+file))),
			path.Join(r.linkDir(manifestLinks), path.Clean("/"+file)),
			path.Join(linksDir, path.Clean("/"+file)), path.Join(privateDir, path.Clean("/"+file)),
		}
		name := names[int(kind)%len(names)]
		if os.MkdirAll(filepath.Dir(d.files.path(name)), 0o777) != nil ||
			os.WriteFile(d.files.path(name), []byte(content), 0o666) != nil {
			return // no file of that name can be there
		}
		exerciseDir(t, d.path, image.Digest.Hex())
	})
}

// exerciseDir opens a folder with a foreign file and calls what reads .transship.
func exerciseDir(t *testing.T, folder, image string) {
	t.Helper()
	d, err := OpenDir(folder)
	if err != nil {
		checkForeignError(t, err)
		return
	}
	r := d.Repository("r")
	m, err := r.HeadManifest(t.Context(), "sha256:"+image)
	checkForeignError(t, err)
	if strings.ContainsFunc(m.MediaType, unicode.IsControl) {
		t.Errorf("the media type is %q", m.MediaType)
	}
	checkForeignError(t, errorOf(d.Repositories(t.Context())))
	checkForeignError(t, errorOf(r.Tags(t.Context())))
	checkForeignError(t, errorOf(r.Referrers(t.Context(), m.Digest, "")))
	checkForeignError(t, errorOf(d.Prune(t.Context(), PruneOptions{})))
	if _, err := os.Stat(filepath.Join(folder, blobsDir, "sha256", image)); err != nil {
		t.Errorf("prune removed the tagged image: %v", err)
	}
	if roots, err := d.Roots(); len(roots) != 1 || err != nil {
		t.Errorf("got %v, error %v", roots, err)
	}
}

// checkForeignError checks that an error says which file is wrong, or that something is missing.
func checkForeignError(t *testing.T, err error) {
	t.Helper()
	var archive *ArchiveError
	var system *fs.PathError
	if err != nil && !errors.As(err, &archive) && !errors.As(err, &system) && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}
