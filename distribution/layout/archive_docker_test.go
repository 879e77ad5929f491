package layout

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// configOf is an image config that lists these layers.
func configOf(layers ...string) string {
	var diffIDs []blob.Digest
	for _, l := range layers {
		diffIDs = append(diffIDs, blob.FromBytes([]byte(l)))
	}
	return fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":%s}}`, compact(diffIDs))
}

// dockerSave is what docker 20.10 writes for two images that share a layer: folders with layer.tar, of which one is a
// link to the other.
func dockerSave(t testing.TB) []byte {
	t.Helper()
	one, two := configOf("base", "one"), configOf("base", "two")
	entries := []dockerImage{
		{Config: "one.json", RepoTags: []string{"halo:1", "r.example/halo:1"}, Layers: []string{"a/layer.tar", "b/layer.tar"}},
		{Config: "two.json", Layers: []string{"c/layer.tar", "d/layer.tar"}},
	}
	return tarOf(t,
		file{name: "a/", kind: tar.TypeDir}, file{name: "a/VERSION", content: "1.0"}, file{name: "a/layer.tar", content: "base"},
		file{name: "b/layer.tar", content: "one"},
		file{name: "c/layer.tar", kind: tar.TypeSymlink, link: "../a/layer.tar"},
		file{name: "d/layer.tar", content: "two"},
		file{name: "one.json", content: one}, file{name: "two.json", content: two},
		file{name: dockerFile, content: string(compact(entries))})
}

func TestDockerArchive(t *testing.T) {
	a := openArchive(t, save(t, dockerSave(t)))
	var names []string
	for _, im := range a.Images() {
		names = append(names, im.Name)
	}
	if diff := cmp.Diff([]string{"docker.io/library/halo:1", "r.example/halo:1", ""}, names); diff != "" {
		t.Error(diff)
	}
	m, err := a.Manifest(t.Context(), "halo:1")
	if err != nil {
		t.Fatal(err)
	}
	im, err := m.Image()
	if err != nil || m.MediaType != manifest.MediaTypeDockerManifest || im.Config.Digest != blob.FromBytes([]byte(configOf("base", "one"))) {
		t.Errorf("got %s, error %v", m.Raw, err)
	}
	for i, content := range []string{"base", "one"} {
		l := im.Layers[i]
		r, err := a.Blob(t.Context(), l, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(r)
		if string(got) != content || l.Size != int64(len(content)) || l.Digest != blob.FromBytes(got) || l.MediaType != mediaTypeDockerTar {
			t.Errorf("layer %d: %+v, %q", i, l, got)
		}
	}
	if bad := problems(t, a.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	in, err := a.Inventory()
	if err != nil || len(in.Content) != 7 {
		t.Errorf("got %+v, error %v", in, err)
	}
}

// TestDockerArchiveBecomesBundle writes what docker saved as a bundle.
func TestDockerArchiveBecomesBundle(t *testing.T) {
	a := openArchive(t, save(t, dockerSave(t)))
	c := Contents{Images: a.Images()}
	for _, im := range a.Images() {
		m, err := a.Manifest(t.Context(), string(im.Digest))
		if err != nil {
			t.Fatal(err)
		}
		refs, _ := m.References()
		c.Manifests, c.Blobs = append(c.Manifests, m), append(c.Blobs, refs...)
	}
	b, err := Create(save(t, nil), c, Files{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	for _, d := range c.Blobs {
		if _, err := b.PutBlob(t.Context(), d, openIn(a, d)); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if bad := problems(t, openArchive(t, b.String()).Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

func TestDockerArchiveCompressedLayers(t *testing.T) {
	layer := gzipped(t, "layer")
	digest := blob.FromBytes([]byte(layer))
	for name, damaged := range map[string]bool{"layer.tar.gz": false, digest.Hex() + ".tar.gz": false, blob.FromBytes(nil).Hex() + ".tar.gz": true} {
		entry := dockerImage{Config: "c", RepoTags: []string{"x:1"}, Layers: []string{name, name}}
		a := openArchive(t, save(t, tarOf(t, file{name: name, content: layer}, file{name: "c", content: configOf("layer", "layer")},
			file{name: dockerFile, content: string(compact([]dockerImage{entry}))})))
		m, err := a.Manifest(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		im, _ := m.Image()
		if got := im.Layers[0]; got.MediaType != manifest.MediaTypeDockerLayer || (got.Digest == digest) == damaged {
			t.Errorf("%s: got %+v", name, got)
		}
		if bad := problems(t, a.Verify); (bad != nil) != damaged {
			t.Errorf("%s: problems: %v", name, bad)
		}
	}
}

// TestDockerArchiveTwoDigests reads one layer as that of two configs, of which one is wrong.
func TestDockerArchiveTwoDigests(t *testing.T) {
	entries := []dockerImage{{Config: "one", Layers: []string{"l"}}, {Config: "two", Layers: []string{"l"}}}
	a := openArchive(t, save(t, tarOf(t, file{name: "l", content: "one"}, file{name: "one", content: configOf("one")},
		file{name: "two", content: configOf("two")}, file{name: dockerFile, content: string(compact(entries))})))
	bad := problems(t, a.Verify)
	if len(bad) != 1 || bad[0].Digest != blob.FromBytes([]byte("two")) {
		t.Errorf("problems: %v", bad)
	}
}

func TestBadDockerArchives(t *testing.T) {
	config := file{name: "c", content: configOf("l")}
	layer := file{name: "l", content: "l"}
	entry := func(change func(*dockerImage)) file {
		e := dockerImage{Config: "c", RepoTags: []string{"x:1"}, Layers: []string{"l"}}
		if change != nil {
			change(&e)
		}
		b, err := json.Marshal([]dockerImage{e})
		if err != nil {
			t.Fatal(err)
		}
		return file{name: dockerFile, content: string(b)}
	}
	good := entry(nil)
	for name, c := range map[string]struct {
		files []file
		kind  error
		text  string
	}{
		"no JSON":        {[]file{{name: dockerFile, content: "{"}}, ErrDamaged, "unexpected end"},
		"no config":      {[]file{layer, good}, ErrDamaged, "points to c, which is not there"},
		"no layer":       {[]file{config, good}, ErrDamaged, "points to l, which is not there"},
		"bad config":     {[]file{{name: "c", content: "x"}, layer, good}, ErrDamaged, "invalid character"},
		"other layers":   {[]file{{name: "c", content: "{}"}, layer, good}, ErrDamaged, "it has 0 layers, and 1 by manifest.json"},
		"bad diff_id":    {[]file{{name: "c", content: `{"rootfs":{"diff_ids":["x"]}}`}, layer, good}, ErrDamaged, "invalid digest"},
		"bad name":       {[]file{config, layer, entry(func(e *dockerImage) { e.RepoTags = []string{"X Y"} })}, ErrDamaged, "invalid reference"},
		"digest":         {[]file{config, layer, entry(func(e *dockerImage) { e.RepoTags = []string{"x@" + string(blob.FromBytes(nil))} })}, ErrDamaged, "is no tag"},
		"traversal":      {[]file{config, layer, entry(func(e *dockerImage) { e.Layers[0] = "../l" })}, ErrUnsafe, "leaves the archive"},
		"link outside":   {[]file{config, {name: "l", kind: tar.TypeSymlink, link: "../../l"}, good}, ErrUnsafe, "link that leaves the archive"},
		"absolute link":  {[]file{config, {name: "l", kind: tar.TypeSymlink, link: "/l"}, good}, ErrUnsafe, "link that leaves the archive"},
		"link to itself": {[]file{config, {name: "l", kind: tar.TypeSymlink, link: "l"}, good}, ErrDamaged, "not there"},
	} {
		a, err := OpenArchive(save(t, tarOf(t, c.files...)))
		if err == nil {
			a.Close()
		}
		var typed *ArchiveError
		if !errors.Is(err, c.kind) || !errors.As(err, &typed) {
			t.Errorf("%s: got %v", name, err)
		}
		says(t, err, c.text)
	}
}
