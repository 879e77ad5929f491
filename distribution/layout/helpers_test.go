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

func open(t testing.TB, path string) *Dir {
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
	d := manifest.Descriptor{MediaType: manifest.MediaTypeOCILayer, Size: int64(len(content)), Digest: blob.FromBytes([]byte(content))}
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

// image is a manifest with one layer and, where it is given, a subject.
func image(t testing.TB, layer manifest.Descriptor, subject *manifest.Descriptor) manifest.Manifest {
	t.Helper()
	config := layer
	config.MediaType = manifest.MediaTypeOCIConfig
	return encode(t, manifest.MediaTypeOCIManifest, map[string]any{
		"config": config, "layers": []manifest.Descriptor{layer}, "subject": subject, "annotations": map[string]string{"k": "v"},
	})
}

func list(t testing.TB, images ...manifest.Manifest) manifest.Manifest {
	t.Helper()
	entries := []manifest.Descriptor{}
	for _, m := range images {
		entries = append(entries, m.Descriptor)
	}
	return encode(t, manifest.MediaTypeOCIIndex, map[string]any{"manifests": entries})
}

func encode(t testing.TB, mediaType string, members map[string]any) manifest.Manifest {
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

// entries returns the entries of index.json as "repository:tag digest", the digest cut short.
func entries(t testing.TB, d *Dir) []string {
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

func writeFile(t testing.TB, content string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func says(t testing.TB, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one that says %q", err, text)
	}
}
