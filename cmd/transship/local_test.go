package main

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/manifest"
)

// path returns the path of a file in the program's home.
func (p *program) path(name string) string { return filepath.Join(p.env["HOME"], name) }

// do runs a command line. In it, "@/" stands for the program's home, SRC and DST for the
// references, and FROM and TO for the hosts of source and target.
func (c *copySetup) do(line string) result {
	c.t.Helper()
	line = strings.NewReplacer("SRC", c.src, "DST", c.dst, "FROM", c.source.host, "TO", c.target.host, "@/",
		c.path("")+"/").Replace(line)
	return c.run(strings.Fields(line)...)
}

// imagesIn returns the digests of the images of a tar or folder by their names.
func imagesIn(t testing.TB, path string) map[string]blob.Digest {
	t.Helper()
	images, err := image.OpenLocal(t.Context(), run.New(cli.NewStreams(nil, nil, io.Discard, io.Discard)), path)
	if err != nil {
		t.Fatal(err)
	}
	defer images.Close()
	out := map[string]blob.Digest{}
	for _, im := range images.Images {
		out[im.String()] = im.Digest
	}
	return out
}

// imageNames returns the names of the images of a tar or folder, sorted.
func imageNames(t testing.TB, path string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(imagesIn(t, path)))
}

// verifySound checks a tar or folder with the verify command.
func (p *program) verifySound(path string) {
	p.t.Helper()
	p.run("verify", "-q", path).want(0)
}

// fileNames returns the names of the files in a folder.
func fileNames(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (p *program) removeFile(name string) {
	p.t.Helper()
	if err := os.Remove(p.path(name)); err != nil {
		p.t.Fatal(err)
	}
}

// flipByte changes one byte of a file. A negative offset counts from the end.
func flipByte(t testing.TB, path string, at int) {
	t.Helper()
	b := []byte(readFile(t, path))
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// pushSigned pushes an SBOM that has root as its subject, and a signature under cosign's tag. It
// returns the SBOM.
func (s *server) pushSigned(repo string, root manifest.Descriptor) manifest.Descriptor {
	s.t.Helper()
	sbom := s.pushReferrer(repo, root, "application/spdx+json")
	s.pushImage(repo, cosignTag(root), "linux/amd64", "signature")
	return sbom
}

func cosignTag(root manifest.Descriptor) string {
	return strings.Replace(string(root.Digest), ":", "-", 1) + ".sig"
}

// pushReferrer pushes an artifact that has subject as its subject.
func (s *server) pushReferrer(repo string, subject manifest.Descriptor, artifactType string) manifest.Descriptor {
	s.t.Helper()
	subject.Platform = nil
	config := s.pushBlob(repo, manifest.MediaTypeOCIEmpty, []byte("{}"))
	layer := s.pushBlob(repo, "text/plain", []byte(artifactType+" of "+string(subject.Digest)))
	raw, err := manifest.OCIStyle().
		EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest,
			ArtifactType: artifactType, Config: &config, Layers: []manifest.Descriptor{layer}, Subject: &subject})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.pushManifest(repo, "", raw)
}

// setBareTags renames the images of a layout's index.json to a bare tag, as skopeo writes it. It
// removes the annotations of images without a tag.
func setBareTags(t testing.TB, dir, tag string) {
	t.Helper()
	path := filepath.Join(dir, "index.json")
	var ix map[string]any
	if err := json.Unmarshal([]byte(readFile(t, path)), &ix); err != nil {
		t.Fatal(err)
	}
	for _, e := range ix["manifests"].([]any) {
		const short = "org.opencontainers.image.ref.name"
		entry := e.(map[string]any)
		_, tagged := entry["annotations"].(map[string]any)[short]
		delete(entry, "annotations")
		if tagged {
			entry["annotations"] = map[string]string{short: tag}
		}
	}
	raw, err := json.Marshal(ix)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, ".transship")); err != nil {
		t.Fatal(err)
	}
}
