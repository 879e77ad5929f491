package layout

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestBundleFormat compares the format with golden files. If one byte of a bundle changed, old and
// new programs would disagree about its digest.
func TestBundleFormat(t *testing.T) {
	path, _ := threeImages(t).bundle(t)
	for golden, got := range map[string][]byte{
		"bundle.txt": describeTar(t, path), "bundle.tar.json": mustRead(t, path+".json"),
	} {
		golden = filepath.Join("testdata", golden)
		if *update {
			if err := os.WriteFile(golden, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(string(mustRead(t, golden)), string(got)); diff != "" {
			t.Errorf("%s: %s", golden, diff)
		}
	}
}

// describeTar describes a tar as text: the header of each member and the beginning of its content.
func describeTar(t testing.TB, path string) []byte {
	t.Helper()
	var out bytes.Buffer
	raw := mustRead(t, path)
	for _, m := range readTar(t, raw) {
		h := m.header
		fmt.Fprintf(&out, "%s: %v, %d bytes, mode %o, owner %d:%d %q:%q, %s\n",
			h.Name, h.Format, h.Size, h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime.UTC().Format(time.RFC3339))
		fmt.Fprintf(&out, "%.3000s\n\n", m.content)
	}
	out.WriteString(string(blob.FromBytes(raw)) + "\n")
	return out.Bytes()
}

type tarEntry struct {
	header  *tar.Header
	content []byte
}

// readTar returns the members of a tar.
func readTar(t testing.TB, raw []byte) []tarEntry {
	t.Helper()
	var out []tarEntry
	r := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tarEntry{h, content})
	}
}

// bundleDocument returns a member of a bundle.
func bundleDocument(t testing.TB, path, name string) []byte {
	t.Helper()
	for _, m := range readTar(t, mustRead(t, path)) {
		if m.header.Name == name {
			return m.content
		}
	}
	t.Fatalf("%s: no %s", path, name)
	return nil
}

// bundleAnnotations returns the annotations of the entries of a bundle's index.json.
func bundleAnnotations(t testing.TB, path string) []map[string]string {
	t.Helper()
	var ix manifest.Index
	if err := json.Unmarshal(bundleDocument(t, path, indexFile), &ix); err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, d := range ix.Manifests {
		out = append(out, d.Annotations)
	}
	return out
}

func TestBundleEntryAnnotations(t *testing.T) {
	type names = map[string]string
	s := newSample()
	a, b := s.image(t, "linux/amd64", "a"), s.image(t, "linux/amd64", "b")
	chart := s.artifact(t, "chart", nil)
	s.addImage("one:1", a)
	s.addImage("two:1", a) // one image under this tag
	s.addImage("one:2", a)
	s.addImage("three:2", b) // two images under this tag
	s.addImage("r.example/chart:3", chart)
	s.addImage("digest@"+string(b.Digest), b)
	path, _ := s.bundle(t)
	want := []names{
		{annotationImage: "docker.io/library/digest@" + string(b.Digest)},
		{annotationImage: "docker.io/library/one:1", annotationTag: "1"},
		{annotationImage: "docker.io/library/one:2", annotationTag: "docker.io/library/one:2"},
		{annotationImage: "docker.io/library/three:2", annotationTag: "docker.io/library/three:2"},
		{annotationImage: "docker.io/library/two:1", annotationTag: "1"},
		{annotationReference: "r.example/chart:3"},
	}
	if diff := cmp.Diff(want, bundleAnnotations(t, path)); diff != "" {
		t.Error(diff)
	}

	alone := newSample()
	alone.addImage("r.example/chart:3", alone.artifact(t, "chart", nil))
	alone.addImage("", alone.artifact(t, "unnamed", nil))
	path, _ = alone.bundle(t)
	want = []names{nil, {annotationReference: "r.example/chart:3", annotationTag: "3"}}
	if diff := cmp.Diff(want, bundleAnnotations(t, path)); diff != "" {
		t.Error(diff)
	}
}

// dockerEntries returns manifest.json. Names of configs and layers are replaced by the first bytes
// of their content.
func dockerEntries(t testing.TB, path string, s *sample) []dockerImage {
	t.Helper()
	out, err := parseDockerFile(bundleDocument(t, path, dockerFile))
	if err != nil {
		t.Fatal(err)
	}
	short := func(name string) string {
		b := s.bytes[parseBlobName(name)]
		return string(b[:min(len(b), 22)])
	}
	for _, e := range out {
		for i := range e.Layers {
			e.Layers[i] = short(e.Layers[i])
		}
	}
	for i := range out {
		out[i].Config = short(out[i].Config)
	}
	return out
}

func TestBundleDockerEntries(t *testing.T) {
	s := newSample()
	arm, amd := s.image(t, "linux/arm64", "arm"), s.image(t, "linux/amd64", "amd")
	ix := s.index(t, arm, s.artifact(t, "attestation", nil), amd)
	s.addImage("a:1", ix)
	s.addImage("b:1", ix)
	s.addImage("c:1", arm)
	s.addImage("d:1", s.index(t, s.index(t, amd)))
	s.addImage("", amd)
	s.addImage("chart:1", s.artifact(t, "chart", nil))
	signature := []manifest.Descriptor{s.blob("text/plain", "signature")}
	s.addImage("signature:1", s.layers(t, s.blob(manifest.MediaTypeOCIConfig, "{}"), signature...))
	path, _ := s.bundle(t)
	want := []dockerImage{
		{Config: `{"architecture":"amd64`, RepoTags: libraryTags("a:1", "b:1", "d:1"), Layers: []string{"amd"}},
		{Config: `{"architecture":"arm64`, RepoTags: libraryTags("c:1"), Layers: []string{"arm"}},
	}
	if diff := cmp.Diff(want, dockerEntries(t, path, s)); diff != "" {
		t.Error(diff)
	}
	repositories := string(bundleDocument(t, path, repositoriesFile))
	for _, name := range []string{`"a":{"1":"`, `"c":{"1":"` + blob.FromBytes([]byte("arm")).Hex() + `"}`} {
		if !strings.Contains(repositories, name) {
			t.Errorf("no %s in %s", name, repositories)
		}
	}

	s.Platform = manifest.Platform{OS: "linux", Architecture: "arm64"}
	path, _ = s.bundle(t)
	want = []dockerImage{
		{Config: `{"architecture":"amd64`, RepoTags: libraryTags("d:1"), Layers: []string{"amd"}},
		{Config: `{"architecture":"arm64`, RepoTags: libraryTags("a:1", "b:1", "c:1"), Layers: []string{"arm"}},
	}
	if diff := cmp.Diff(want, dockerEntries(t, path, s)); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyBundle(t *testing.T) {
	path, _ := newSample().bundle(t)
	a := openArchive(t, path)
	_, err := a.Find("")
	wantError(t, err, "there is no image")
	if got := string(bundleDocument(t, path, dockerFile)); got != "[]\n" {
		t.Errorf("got %q", got)
	}
}

func TestBundleLongNamesAndEmptyBlobs(t *testing.T) {
	s := newSample()
	layer := s.blobWith(blob.SHA512, manifest.MediaTypeOCILayer, "sha512") // a name of more than 100 characters
	empty := s.blob(manifest.MediaTypeOCILayer, "")
	config := s.blob(manifest.MediaTypeOCIConfig, "{}")
	s.addImage("x:1", s.layers(t, config, layer, empty))
	path, _ := s.bundle(t)
	a := openArchive(t, path)
	if bad := problems(t, a.Verify); bad != nil || !a.Has(layer.Digest) || !a.Has(empty.Digest) {
		t.Errorf("problems: %v", bad)
	}
}

// A bundle leaves out layers that must not be distributed.
func TestBundleOmitsForeignLayers(t *testing.T) {
	s := newSample()
	foreign := manifest.Descriptor{
		MediaType: manifest.MediaTypeDockerForeignLayer, Size: 5, Digest: blob.FromBytes([]byte("their")),
		URLs: []string{"https://x.example"},
	}
	config := s.blob(manifest.MediaTypeDockerConfig, "{}")
	members := map[string]any{"config": config, "layers": []manifest.Descriptor{foreign}}
	s.addImage("win:1", s.manifest(t, manifest.MediaTypeDockerManifest, members))
	path, in := s.bundle(t)
	a := openArchive(t, path)
	if bad := problems(t, a.Verify); bad != nil || a.Has(foreign.Digest) || len(in.Content) != 2 {
		t.Errorf("problems: %v, content %v", bad, in.Content)
	}
	if got := string(bundleDocument(t, path, dockerFile)); got != "[]\n" {
		t.Errorf("got manifest.json %s, want no entries", got)
	}
}

// libraryTags returns tags with the domain and namespace that docker gives short names.
func libraryTags(tags ...string) []string {
	var out []string
	for _, tag := range tags {
		out = append(out, "docker.io/library/"+tag)
	}
	return out
}
