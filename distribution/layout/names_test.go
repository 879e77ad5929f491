package layout

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/manifest"
)

func TestEntryAnnotations(t *testing.T) {
	for _, c := range []struct {
		repository, tag string
		want            map[string]string
	}{
		{"hczjl/halo", "1.6", map[string]string{
			"org.opencontainers.image.ref.name": "1.6", "io.containerd.image.name": "docker.io/hczjl/halo:1.6",
			"io.github.hczjl.transship.repository": "hczjl/halo"}},
		{"localhost:5000/x", "1", map[string]string{
			"org.opencontainers.image.ref.name": "1", "io.containerd.image.name": "localhost:5000/x:1",
			"io.github.hczjl.transship.repository": "localhost:5000/x"}},
		{"x", "", map[string]string{"io.github.hczjl.transship.repository": "x"}},
	} {
		got := entryAnnotations(c.repository, c.tag)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:%s: %s", c.repository, c.tag, diff)
		}
		if r, tag := entryName(manifest.Descriptor{Annotations: got}, "fallback"); r != c.repository || tag != c.tag {
			t.Errorf("%s:%s reads back as %s:%s", c.repository, c.tag, r, tag)
		}
	}
}

func TestEntryNameOfForeignEntries(t *testing.T) {
	for _, c := range []struct{ image, ref, repository, tag string }{
		{"", "", "fallback", ""},
		{"", "3.18", "fallback", "3.18"},
		{"", "quay.io/a/b:3.18", "quay.io/a/b", "3.18"},
		{"", "no / reference", "fallback", ""},
		{"docker.io/library/alpine:3.18", "3.18", "docker.io/library/alpine", "3.18"},
		{"alpine", "3.18", "docker.io/library/alpine", "latest"},
		{"no / reference", "3.18", "fallback", "3.18"},
	} {
		d := manifest.Descriptor{Annotations: map[string]string{annotationImage: c.image, annotationTag: c.ref}}
		if r, tag := entryName(d, "fallback"); r != c.repository || tag != c.tag {
			t.Errorf("%q, %q: got %s:%s, want %s:%s", c.image, c.ref, r, tag, c.repository, c.tag)
		}
	}
}

func TestFallbackName(t *testing.T) {
	for dir, want := range map[string]string{
		"/srv/images": "images", "/srv/My Images (2)": "my-images-2", "/": "image", "/srv/__": "image", "a/../b": "b",
	} {
		if got := fallbackName(dir); got != want {
			t.Errorf("%q: got %q, want %q", dir, got, want)
		}
	}
}

func TestCheckRepositoryName(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "a/b": true, "localhost:5000/x": true, "[::1]:5000/x": true, "Host.example/x": true,
		"": false, "/a": false, "a/": false, "a//b": false, "..": false, "a/../b": false, ".x": false, "_blobs": false,
		"a/_manifests/b": false, strings.Repeat("a", 256): false,
	} {
		if err := checkRepositoryName(name); (err == nil) != ok {
			t.Errorf("%q: got error %v", name, err)
		}
	}
}

func FuzzRepositoryPath(f *testing.F) {
	for _, s := range []string{"a/b", "localhost:5000/x", "[::1]:5000/X", "..", "a/../../b", "%2e", "a\\b", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkRepositoryName(name) != nil {
			return
		}
		file := repositoryPath(name)
		if !filepath.IsLocal(file) {
			t.Errorf("%q gets a path outside, %q", name, file)
		}
		if got := repositoryName(file); got != name {
			t.Errorf("%q comes back as %q", name, got)
		}
	})
}

// Tag returns a tag even if another tool gave the entry nothing else.
func TestImageTag(t *testing.T) {
	for ref, want := range map[string]string{"3.18": "3.18", "": "", "quay.io/a/b:3.18": "", "no / tag": "", "RC1": "RC1",
		"Bad/Name:RC1": "RC1", "Bad@sha256:x": ""} {
		im := Image{Descriptor: manifest.Descriptor{Annotations: map[string]string{annotationTag: ref}}}
		if got := im.Tag(); got != want {
			t.Errorf("%q: got %q, want %q", ref, got, want)
		}
	}
}
