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

// TestGoldenBundle holds the format still: a change of a single byte of a bundle makes old and new programs disagree
// about its digest.
func TestGoldenBundle(t *testing.T) {
	path, _ := threeImages(t).bundle(t)
	for golden, got := range map[string][]byte{"bundle.txt": describe(t, path), "bundle.tar.json": read(t, path+".json")} {
		golden = filepath.Join("testdata", golden)
		if *update {
			if err := os.WriteFile(golden, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(string(read(t, golden)), string(got)); diff != "" {
			t.Errorf("%s: %s", golden, diff)
		}
	}
}

// describe writes a tar as text: of each member the header and the beginning of the content.
func describe(t testing.TB, path string) []byte {
	t.Helper()
	var out bytes.Buffer
	raw := read(t, path)
	for _, m := range members(t, raw) {
		h := m.header
		fmt.Fprintf(&out, "%s: %v, %d bytes, mode %o, owner %d:%d %q:%q, %s\n",
			h.Name, h.Format, h.Size, h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime.UTC().Format(time.RFC3339))
		fmt.Fprintf(&out, "%.3000s\n\n", m.content)
	}
	out.WriteString(string(blob.FromBytes(raw)) + "\n")
	return out.Bytes()
}

type testMember struct {
	header  *tar.Header
	content []byte
}

// members reads a tar as any tool would.
func members(t testing.TB, raw []byte) []testMember {
	t.Helper()
	var out []testMember
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
		out = append(out, testMember{h, content})
	}
}

// document returns a member of a bundle.
func document(t testing.TB, path, name string) []byte {
	t.Helper()
	for _, m := range members(t, read(t, path)) {
		if m.header.Name == name {
			return m.content
		}
	}
	t.Fatalf("%s: no %s", path, name)
	return nil
}

// annotationsIn returns those of the entries of a bundle's index.json.
func annotationsIn(t testing.TB, path string) []map[string]string {
	t.Helper()
	var ix manifest.Index
	if err := json.Unmarshal(document(t, path, indexFile), &ix); err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, d := range ix.Manifests {
		out = append(out, d.Annotations)
	}
	return out
}

func TestEntryNames(t *testing.T) {
	type names = map[string]string
	s := newSample()
	a, b := s.image(t, "linux/amd64", "a"), s.image(t, "linux/amd64", "b")
	chart := s.artifact(t, "chart", nil)
	s.name("one:1", a)
	s.name("two:1", a) // one image under one tag: no doubt
	s.name("one:2", a)
	s.name("three:2", b) // two images under one tag
	s.name("r.example/chart:3", chart)
	s.name("digest@"+string(b.Digest), b)
	path, _ := s.bundle(t)
	want := []names{
		{annotationImage: "docker.io/library/digest@" + string(b.Digest)},
		{annotationImage: "docker.io/library/one:1", annotationTag: "1"},
		{annotationImage: "docker.io/library/one:2", annotationTag: "docker.io/library/one:2"},
		{annotationImage: "docker.io/library/three:2", annotationTag: "docker.io/library/three:2"},
		{annotationImage: "docker.io/library/two:1", annotationTag: "1"},
		{annotationReference: "r.example/chart:3"},
	}
	if diff := cmp.Diff(want, annotationsIn(t, path)); diff != "" {
		t.Error(diff)
	}

	alone := newSample()
	alone.name("r.example/chart:3", alone.artifact(t, "chart", nil))
	alone.name("", alone.artifact(t, "unnamed", nil))
	path, _ = alone.bundle(t)
	want = []names{nil, {annotationReference: "r.example/chart:3", annotationTag: "3"}}
	if diff := cmp.Diff(want, annotationsIn(t, path)); diff != "" {
		t.Error(diff)
	}
}

// dockerEntries returns manifest.json, with configs and layers shortened to the first letters of their content.
func dockerEntries(t testing.TB, path string, s *sample) []dockerImage {
	t.Helper()
	out, err := parseDockerFile(document(t, path, dockerFile))
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

func TestDockerEntries(t *testing.T) {
	s := newSample()
	arm, amd := s.image(t, "linux/arm64", "arm"), s.image(t, "linux/amd64", "amd")
	ix := s.index(t, arm, s.artifact(t, "attestation", nil), amd)
	s.name("a:1", ix)
	s.name("b:1", ix)
	s.name("c:1", arm)
	s.name("d:1", s.index(t, s.index(t, amd)))
	s.name("", amd)
	s.name("chart:1", s.artifact(t, "chart", nil))
	signature := map[string]any{"config": s.blob(manifest.MediaTypeOCIConfig, "{}"), "layers": []manifest.Descriptor{s.blob("text/plain", "signature")}}
	s.name("signature:1", s.manifest(t, manifest.MediaTypeOCIManifest, signature))
	path, _ := s.bundle(t)
	want := []dockerImage{
		{Config: `{"architecture":"amd64`, RepoTags: []string{"docker.io/library/a:1", "docker.io/library/b:1", "docker.io/library/d:1"}, Layers: []string{"amd"}},
		{Config: `{"architecture":"arm64`, RepoTags: []string{"docker.io/library/c:1"}, Layers: []string{"arm"}},
	}
	if diff := cmp.Diff(want, dockerEntries(t, path, s)); diff != "" {
		t.Error(diff)
	}
	repositories := string(document(t, path, repositoriesFile))
	for _, name := range []string{`"a":{"1":"`, `"c":{"1":"` + blob.FromBytes([]byte("arm")).Hex() + `"}`} {
		if !strings.Contains(repositories, name) {
			t.Errorf("no %s in %s", name, repositories)
		}
	}

	s.Platform = manifest.Platform{OS: "linux", Architecture: "arm64"}
	path, _ = s.bundle(t)
	want = []dockerImage{
		{Config: `{"architecture":"amd64`, RepoTags: []string{"docker.io/library/d:1"}, Layers: []string{"amd"}},
		{Config: `{"architecture":"arm64`, RepoTags: []string{"docker.io/library/a:1", "docker.io/library/b:1", "docker.io/library/c:1"}, Layers: []string{"arm"}},
	}
	if diff := cmp.Diff(want, dockerEntries(t, path, s)); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyBundle(t *testing.T) {
	path, _ := newSample().bundle(t)
	a := openArchive(t, path)
	_, err := a.Find("")
	says(t, err, "there is no image")
	if got := string(document(t, path, dockerFile)); got != "[]\n" {
		t.Errorf("got %q", got)
	}
}

func TestLongNamesAndEmptyBlobs(t *testing.T) {
	s := newSample()
	layer := s.blobOf(blob.SHA512, manifest.MediaTypeOCILayer, "sha512") // a name of more than 100 characters
	empty := s.blob(manifest.MediaTypeOCILayer, "")
	config := s.blob(manifest.MediaTypeOCIConfig, "{}")
	s.name("x:1", s.manifest(t, manifest.MediaTypeOCIManifest, map[string]any{"config": config, "layers": []manifest.Descriptor{layer, empty}}))
	path, _ := s.bundle(t)
	a := openArchive(t, path)
	if bad := problems(t, a.Verify); bad != nil || !a.Has(layer.Digest) || !a.Has(empty.Digest) {
		t.Errorf("problems: %v", bad)
	}
}

// TestForeignLayers leaves out what must not be distributed.
func TestForeignLayers(t *testing.T) {
	s := newSample()
	foreign := manifest.Descriptor{MediaType: manifest.MediaTypeDockerForeign, Size: 5, Digest: blob.FromBytes([]byte("their")), URLs: []string{"https://x.example"}}
	config := s.blob(manifest.MediaTypeDockerConfig, "{}")
	s.name("win:1", s.manifest(t, manifest.MediaTypeDockerManifest, map[string]any{"config": config, "layers": []manifest.Descriptor{foreign}}))
	path, in := s.bundle(t)
	a := openArchive(t, path)
	if bad := problems(t, a.Verify); bad != nil || a.Has(foreign.Digest) || len(in.Content) != 2 {
		t.Errorf("problems: %v, content %v", bad, in.Content)
	}
	if got := string(document(t, path, dockerFile)); got != "[]\n" {
		t.Errorf("docker cannot load it: %s", got)
	}
}
