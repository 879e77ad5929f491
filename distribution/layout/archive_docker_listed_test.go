package layout

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// twoDocuments is an image layout in a tar with a manifest.json of docker's.
type twoDocuments struct {
	t       testing.TB
	files   []tarFile
	entries []manifest.Descriptor // of index.json
	docker  []dockerImage
}

// blob adds a blob and returns its descriptor.
func (l *twoDocuments) blob(mediaType, content string) manifest.Descriptor {
	d := manifest.Descriptor{MediaType: mediaType, Digest: blob.FromBytes([]byte(content)), Size: int64(len(content))}
	f := tarFile{name: blobName(d.Digest), content: content}
	if !slices.Contains(l.files, f) {
		l.files = append(l.files, f)
	}
	return d
}

// image adds an image of one layer and returns its manifest, which is not in the tar, and its entry
// of manifest.json.
func (l *twoDocuments) image(layer string, tags ...string) (manifest.Manifest, dockerImage) {
	config := l.blob(manifest.MediaTypeOCIConfig, configJSON(layer))
	content := l.blob("application/vnd.oci.image.layer.v1.tar", layer)
	m := encodeManifest(l.t, manifest.MediaTypeOCIManifest, map[string]any{
		"config": config, "layers": []manifest.Descriptor{content},
	})
	return m, dockerImage{Config: blobName(config.Digest), RepoTags: tags, Layers: []string{blobName(content.Digest)}}
}

// list adds a manifest to the tar and to index.json, under a full name or a bare tag.
func (l *twoDocuments) list(m manifest.Manifest, annotation, name string) manifest.Manifest {
	d := l.blob(m.MediaType, string(m.Raw))
	d.Annotations = map[string]string{annotation: name}
	l.entries = append(l.entries, d)
	return m
}

// open opens the tar and returns its images as "name digest".
func (l *twoDocuments) open() (*Archive, []string) {
	l.t.Helper()
	a := openArchive(l.t, writeTemp(l.t, l.tar()))
	var out []string
	for _, im := range a.Images() {
		out = append(out, im.Name+" "+im.Digest.Short())
	}
	return a, out
}

func (l *twoDocuments) tar() []byte {
	index := fmt.Sprintf(`{"schemaVersion":2,"manifests":%s}`, compact(l.entries))
	return newTar(l.t, append([]tarFile{
		{name: layoutFile, content: layoutText}, {name: indexFile, content: index},
		{name: dockerFile, content: string(compact(l.docker))},
	}, l.files...)...)
}

const libraryA = "docker.io/library/a:"

// docker 25 and later list an image that is saved by its ID in manifest.json only.
func TestImagesOfBothDocuments(t *testing.T) {
	for name, build := range map[string]func(l *twoDocuments) []string{
		"only an ID": func(l *twoDocuments) []string {
			m, e := l.image("one")
			l.blob(m.MediaType, string(m.Raw))
			l.docker = append(l.docker, e)
			return []string{" " + m.Digest.Short()}
		},
		"a name and an ID": func(l *twoDocuments) []string {
			one, e1 := l.image("one", "a:1")
			two, e2 := l.image("two")
			l.list(one, annotationImage, libraryA+"1")
			l.blob(two.MediaType, string(two.Raw))
			l.docker = append(l.docker, e1, e2)
			return []string{libraryA + "1 " + one.Digest.Short(), " " + two.Digest.Short()}
		},
		"another name": func(l *twoDocuments) []string {
			one, e := l.image("one", "a:1", "a:2")
			l.list(one, annotationImage, libraryA+"1")
			l.docker = append(l.docker, e)
			return []string{libraryA + "1 " + one.Digest.Short(), libraryA + "2 " + one.Digest.Short()}
		},
		"a bare tag that gets a name": func(l *twoDocuments) []string {
			one, e := l.image("one", "a:1")
			l.list(one, annotationTag, "1")
			l.docker = append(l.docker, e)
			return []string{libraryA + "1 " + one.Digest.Short()}
		},
		"a list": func(l *twoDocuments) []string {
			one, e := l.image("one", "a:1")
			two, _ := l.image("two")
			l.blob(one.MediaType, string(one.Raw))
			l.blob(two.MediaType, string(two.Raw))
			ix := l.list(indexManifest(l.t, one, two), annotationImage, libraryA+"1")
			l.docker = append(l.docker, e)
			return []string{libraryA + "1 " + ix.Digest.Short()}
		},
		"two entries with one image": func(l *twoDocuments) []string {
			one, e := l.image("one", "a:1", "a:2")
			l.list(one, annotationImage, libraryA+"1")
			ix := l.list(indexManifest(l.t, one), annotationImage, libraryA+"2")
			l.docker = append(l.docker, e)
			return []string{libraryA + "1 " + one.Digest.Short(), libraryA + "2 " + ix.Digest.Short()}
		},
		"a config under another name": func(l *twoDocuments) []string {
			one, e := l.image("one", "a:1")
			l.list(one, annotationImage, libraryA+"1")
			l.files = append(l.files, tarFile{name: "config.json", content: configJSON("one")})
			e.Config = "config.json"
			l.docker = append(l.docker, e)
			return []string{libraryA + "1 " + one.Digest.Short()}
		},
	} {
		l := &twoDocuments{t: t}
		want := build(l)
		a, got := l.open()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if bad := problems(t, a.Verify); bad != nil {
			t.Errorf("%s: problems: %v", name, bad)
		}
		for _, im := range a.Images() {
			if _, err := a.Manifest(t.Context(), string(im.Digest)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Without the image's own manifest, one is made for it as for a docker-archive.
func TestUnlistedImageWithoutManifest(t *testing.T) {
	l := &twoDocuments{t: t}
	_, e := l.image("one", "a:1")
	l.docker = append(l.docker, e)
	a, names := l.open()
	m, err := a.Manifest(t.Context(), libraryA+"1")
	if err != nil || m.MediaType != manifest.MediaTypeDockerManifest || len(names) != 1 {
		t.Errorf("got %v, %s, error %v", names, m.MediaType, err)
	}
	if bad := problems(t, a.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}

// A loader that reads manifest.json must not get another image than one that reads index.json.
func TestContradictingDocumentsAreRefused(t *testing.T) {
	for _, named := range []string{"a:1", "docker.io/library/a:1"} {
		l := &twoDocuments{t: t}
		one, _ := l.image("one")
		two, _ := l.image("two")
		_, other := l.image("other", named)
		l.list(one, annotationImage, libraryA+"1")
		l.list(two, annotationImage, libraryA+"2")
		l.docker = append(l.docker, other)
		_, err := OpenArchive(writeTemp(t, l.tar()))
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("got %v", err)
		}
		wantError(t, err, "manifest.json: its image a:1 is not the one that index.json has")
		_, l.docker[0] = l.image("two", named)
		_, err = OpenArchive(writeTemp(t, l.tar()))
		wantError(t, err, "manifest.json: its image a:1 is not the one that index.json has")
	}
}
