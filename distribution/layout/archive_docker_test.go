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

// configJSON returns an image config that lists these layers.
func configJSON(layers ...string) string {
	var diffIDs []blob.Digest
	for _, l := range layers {
		diffIDs = append(diffIDs, blob.FromBytes([]byte(l)))
	}
	return fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":%s}}`, compact(diffIDs))
}

// dockerSave returns what docker 20.10 writes for two images that share a layer: folders with
// layer.tar, one of which is a link to another.
func dockerSave(t testing.TB) []byte {
	t.Helper()
	one, two := configJSON("base", "one"), configJSON("base", "two")
	entries := []dockerImage{
		{
			Config: "one.json", RepoTags: []string{"halo:1", "r.example/halo:1"},
			Layers: []string{"a/layer.tar", "b/layer.tar"},
		},
		{Config: "two.json", Layers: []string{"c/layer.tar", "d/layer.tar"}},
	}
	return newTar(t,
		tarFile{name: "a/", typeflag: tar.TypeDir}, tarFile{name: "a/VERSION", content: "1.0"},
		tarFile{name: "a/layer.tar", content: "base"},
		tarFile{name: "b/layer.tar", content: "one"},
		tarFile{name: "c/layer.tar", typeflag: tar.TypeSymlink, link: "../a/layer.tar"},
		tarFile{name: "d/layer.tar", content: "two"},
		tarFile{name: "one.json", content: one}, tarFile{name: "two.json", content: two},
		tarFile{name: dockerFile, content: string(compact(entries))})
}

func TestDockerArchive(t *testing.T) {
	a := openArchive(t, writeTemp(t, dockerSave(t)))
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
	config := blob.FromBytes([]byte(configJSON("base", "one")))
	if err != nil || m.MediaType != manifest.MediaTypeDockerManifest || im.Config.Digest != config {
		t.Errorf("got %s, error %v", m.Raw, err)
	}
	for i, content := range []string{"base", "one"} {
		l := im.Layers[i]
		r, err := a.Blob(t.Context(), l, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(r)
		want := manifest.Descriptor{MediaType: mediaTypeDockerTar, Size: int64(len(content)), Digest: blob.FromBytes(got)}
		if diff := cmp.Diff(want, l); diff != "" || string(got) != content {
			t.Errorf("layer %d: %s, %q", i, diff, got)
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

// TestDockerArchiveBecomesBundle writes the content of a docker-archive as a bundle.
func TestDockerArchiveBecomesBundle(t *testing.T) {
	a := openArchive(t, writeTemp(t, dockerSave(t)))
	c := BundleContents{Images: a.Images()}
	for _, im := range a.Images() {
		m, err := a.Manifest(t.Context(), string(im.Digest))
		if err != nil {
			t.Fatal(err)
		}
		refs, _ := m.References()
		c.Manifests, c.Blobs = append(c.Manifests, m), append(c.Blobs, refs...)
	}
	b, err := CreateBundle(writeTemp(t, nil), c, BundleFiles{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	for _, d := range c.Blobs {
		if _, err := b.PutBlob(t.Context(), d, openerFor(a, d)); err != nil {
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
	for name, damaged := range map[string]bool{
		"layer.tar.gz": false, digest.Hex() + ".tar.gz": false, blob.FromBytes(nil).Hex() + ".tar.gz": true,
	} {
		entry := dockerImage{Config: "c", RepoTags: []string{"x:1"}, Layers: []string{name, name}}
		a := openArchive(t, writeTemp(t, newTar(t, tarFile{name: name, content: layer},
			tarFile{name: "c", content: configJSON("layer", "layer")},
			tarFile{name: dockerFile, content: string(compact([]dockerImage{entry}))})))
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

// TestDockerArchiveLayerWithTwoDigests uses one layer in two configs, one of which has a wrong
// digest.
func TestDockerArchiveLayerWithTwoDigests(t *testing.T) {
	entries := []dockerImage{{Config: "one", Layers: []string{"l"}}, {Config: "two", Layers: []string{"l"}}}
	a := openArchive(t, writeTemp(t, newTar(t,
		tarFile{name: "l", content: "one"}, tarFile{name: "one", content: configJSON("one")},
		tarFile{name: "two", content: configJSON("two")}, tarFile{name: dockerFile, content: string(compact(entries))})))
	bad := problems(t, a.Verify)
	if len(bad) != 1 || bad[0].Digest != blob.FromBytes([]byte("two")) {
		t.Errorf("problems: %v", bad)
	}
}

// A name that is none makes an image without a name, which a target can name.
func TestDockerArchiveWithInvalidNames(t *testing.T) {
	digest := "x@" + string(blob.FromBytes(nil))
	for repoTag, tag := range map[string]string{"BadName/App:x": "x", "X Y": "", digest: "", "": "", "r.example:5000/A": ""} {
		entries := []dockerImage{{Config: "c", RepoTags: []string{repoTag}, Layers: []string{"l"}}}
		a := openArchive(t, writeTemp(t, newTar(t, tarFile{name: "c", content: configJSON("l")},
			tarFile{name: "l", content: "l"}, tarFile{name: dockerFile, content: string(compact(entries))})))
		im, err := a.Find("")
		if err != nil || im.Name != "" || im.Tag() != tag {
			t.Errorf("%q: got name %q, tag %q, error %v", repoTag, im.Name, im.Tag(), err)
		}
		if bad := problems(t, a.Verify); bad != nil {
			t.Errorf("%q: problems: %v", repoTag, bad)
		}
	}
}

// What docker export and podman export write has devices, links and odd names. It is told apart
// from an archive of images that has them.
func TestContainerFilesAreNoUnsafeArchive(t *testing.T) {
	files := []tarFile{
		{name: "etc/", typeflag: tar.TypeDir}, {name: "etc/mtab", typeflag: tar.TypeSymlink, link: "/proc/mounts"},
		{name: "dev/console", typeflag: tar.TypeChar}, {name: "proc/", typeflag: tar.TypeDir},
		{name: `usr/lib/systemd/system\x2dcryptsetup.slice`, content: "x"},
		{name: "bin/ls", content: "x"}, {name: "bin/dir", typeflag: tar.TypeLink, link: "bin/ls"},
	}
	wantKind := func(name string, kind error, text string, files ...tarFile) {
		t.Helper()
		a, err := OpenArchive(writeTemp(t, newTar(t, files...)))
		if err == nil {
			a.Close()
		}
		if !errors.Is(err, kind) {
			t.Errorf("%s: got %v", name, err)
		}
		wantError(t, err, text)
	}
	wantKind("a container", ErrNotArchive, "docker save and podman save write images", files...)
	wantKind("its regular files", ErrNotArchive, "the files of a container", files[0], files[3], files[5])
	wantKind("a path that leaves it", ErrUnsafe, "leaves the archive", append(files, tarFile{name: "../x"})...)
	wantKind("an absolute path", ErrUnsafe, "absolute", append(files, tarFile{name: "/etc/x"})...)
	wantKind("an archive with devices", ErrUnsafe, "device", append(files, tarFile{name: dockerFile, content: "[]"})...)
	wantKind("a layout with links", ErrUnsafe, "link", files[6], tarFile{name: layoutFile, content: layoutText})
	wantKind("something else with a device", ErrUnsafe, "device", files[2])
}

func TestOpenArchiveRefusesBadDockerArchives(t *testing.T) {
	config := tarFile{name: "c", content: configJSON("l")}
	layer := tarFile{name: "l", content: "l"}
	entry := func(change func(*dockerImage)) tarFile {
		e := dockerImage{Config: "c", RepoTags: []string{"x:1"}, Layers: []string{"l"}}
		if change != nil {
			change(&e)
		}
		b, err := json.Marshal([]dockerImage{e})
		if err != nil {
			t.Fatal(err)
		}
		return tarFile{name: dockerFile, content: string(b)}
	}
	good, traversal := entry(nil), entry(func(e *dockerImage) { e.Layers[0] = "../l" })
	noLayers := tarFile{name: "c", content: "{}"}
	badDiffID := tarFile{name: "c", content: `{"rootfs":{"diff_ids":["x"]}}`}
	link := func(target string) tarFile { return tarFile{name: "l", typeflag: tar.TypeSymlink, link: target} }
	for name, c := range map[string]struct {
		files []tarFile
		kind  error
		text  string
	}{
		"no JSON":        {[]tarFile{{name: dockerFile, content: "{"}}, ErrDamaged, "unexpected end"},
		"no config":      {[]tarFile{layer, good}, ErrDamaged, "points to c, which is not there"},
		"no layer":       {[]tarFile{config, good}, ErrDamaged, "points to l, which is not there"},
		"bad config":     {[]tarFile{{name: "c", content: "x"}, layer, good}, ErrDamaged, "invalid character"},
		"other layers":   {[]tarFile{noLayers, layer, good}, ErrDamaged, "it has 0 layers, but manifest.json says 1"},
		"bad diff_id":    {[]tarFile{badDiffID, layer, good}, ErrDamaged, "invalid digest"},
		"traversal":      {[]tarFile{config, layer, traversal}, ErrUnsafe, "leaves the archive"},
		"link outside":   {[]tarFile{config, link("../../l"), good}, ErrUnsafe, "link that leaves the archive"},
		"absolute link":  {[]tarFile{config, link("/l"), good}, ErrUnsafe, "link that leaves the archive"},
		"link to itself": {[]tarFile{config, link("l"), good}, ErrDamaged, "not there"},
	} {
		a, err := OpenArchive(writeTemp(t, newTar(t, c.files...)))
		if err == nil {
			a.Close()
		}
		var typed *ArchiveError
		if !errors.Is(err, c.kind) || !errors.As(err, &typed) {
			t.Errorf("%s: got %v", name, err)
		}
		wantError(t, err, c.text)
	}
}
