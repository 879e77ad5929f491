package layout

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

func openDir(t testing.TB, path string) *Dir {
	t.Helper()
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// putBlob uploads content and returns its descriptor.
func putBlob(t testing.TB, r *Repository, content string) manifest.Descriptor {
	t.Helper()
	digest := blob.FromBytes([]byte(content))
	d := manifest.Descriptor{MediaType: manifest.MediaTypeOCILayer, Size: int64(len(content)), Digest: digest}
	u, err := r.NewUpload(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(t.Context(), d.Digest); err != nil {
		t.Fatal(err)
	}
	return d
}

// imageManifest returns a manifest with one layer and, if it is not nil, a subject.
func imageManifest(t testing.TB, layer manifest.Descriptor, subject *manifest.Descriptor) manifest.Manifest {
	t.Helper()
	config := layer
	config.MediaType = manifest.MediaTypeOCIConfig
	return encodeManifest(t, manifest.MediaTypeOCIManifest, map[string]any{
		"config": config, "layers": []manifest.Descriptor{layer}, "subject": subject,
		"annotations": map[string]string{"k": "v"},
	})
}

func indexManifest(t testing.TB, images ...manifest.Manifest) manifest.Manifest {
	t.Helper()
	entries := []manifest.Descriptor{}
	for _, m := range images {
		entries = append(entries, m.Descriptor)
	}
	return encodeManifest(t, manifest.MediaTypeOCIIndex, map[string]any{"manifests": entries})
}

func encodeManifest(t testing.TB, mediaType string, members map[string]any) manifest.Manifest {
	t.Helper()
	members["schemaVersion"], members["mediaType"] = 2, mediaType
	if s, ok := members["subject"].(*manifest.Descriptor); ok && s == nil {
		delete(members, "subject")
	}
	raw, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse("", raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func putManifest(t testing.TB, r *Repository, ref string, m manifest.Manifest) {
	t.Helper()
	if err := r.PutManifest(t.Context(), ref, m); err != nil {
		t.Fatal(err)
	}
}

// indexEntries returns the entries of index.json as "repository:tag digest", with short digests.
func indexEntries(t testing.TB, d *Dir) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(d.path, indexFile))
	if err != nil {
		t.Fatal(err)
	}
	ix, err := parseIndex(b, d.unnamed)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range ix.entries {
		out = append(out, e.repository+":"+e.tag+" "+e.Digest.Short())
	}
	return out
}

func mustWrite(t testing.TB, content string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one that says %q", err, text)
	}
}

// errorOf returns the error of a call with two results.
func errorOf[T any](_ T, err error) error { return err }

// blobPath returns the path of a blob.
func (d *Dir) blobPath(digest blob.Digest) string { return d.files.path(blobName(digest)) }

// privatePath returns a path below .transship.
func (d *Dir) privatePath(names ...string) string {
	return filepath.Join(d.path, privateDir, filepath.Join(names...))
}
