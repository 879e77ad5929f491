package layout

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// A folder, a tar and a registry agree on what is a manifest.
func TestManifestsAreCheckedInFoldersAndTars(t *testing.T) {
	layer := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1}`, manifest.MediaTypeOCILayer, blob.FromBytes([]byte("l")))
	const acme, schema1 = "application/vnd.acme.rocket+json", "application/vnd.docker.distribution.manifest.v1+json"
	for name, c := range map[string]struct {
		mediaType, raw string
		says           string // "" if it is a manifest
		is             error
	}{
		"image":             {manifest.MediaTypeOCIManifest, `{"layers":[` + layer + `]}`, "", nil},
		"empty image":       {acme, `{"mediaType":"` + manifest.MediaTypeOCIManifest + `"}`, "", nil},
		"schema 1 by type":  {schema1, `{"name":"a"}`, "schema 1", manifest.ErrSchema1},
		"schema 1 signed":   {acme, `{"schemaVersion":1,"signatures":[]}`, "schema 1", manifest.ErrSchema1},
		"schema 1 by layer": {manifest.MediaTypeOCIManifest, `{"fsLayers":[]}`, "schema 1", manifest.ErrSchema1},
		"unknown":           {acme, `{"fuel":"kerosene"}`, "this is no image", nil},
		"called an image":   {manifest.MediaTypeOCIManifest, `{"fuel":"kerosene"}`, "this is no image", nil},
		"no object":         {manifest.MediaTypeOCIManifest, `null`, "belongs", nil},
		"no JSON":           {acme, "text", "not valid JSON", nil},
		"two kinds":         {acme, `{"manifests":[],"layers":[]}`, "it has both", manifest.ErrAmbiguous},
		"a member twice":    {manifest.MediaTypeOCIIndex, `{"manifests":[],"manifests":[]}`, "comes twice", nil},
		"bad digest":        {manifest.MediaTypeOCIManifest, `{"layers":[{"digest":"../x","size":1}]}`, "invalid digest", nil},
	} {
		d := manifest.Descriptor{MediaType: c.mediaType, Digest: blob.FromBytes([]byte(c.raw)), Size: int64(len(c.raw))}
		files := []tarFile{
			{name: layoutFile, content: layoutText},
			{name: indexFile, content: fmt.Sprintf(`{"schemaVersion":2,"manifests":[%s]}`, compact(d))},
			{name: blobName(d.Digest), content: c.raw}, {name: blobName(blob.FromBytes([]byte("l"))), content: "l"},
		}
		archive := openArchive(t, writeTemp(t, newTar(t, files...)))
		path := t.TempDir()
		for _, f := range files {
			mustWrite(t, f.content, path, filepath.FromSlash(f.name))
		}
		readOnly, err := OpenReadOnly(path)
		if err != nil {
			t.Fatal(err)
		}
		writable := openDir(t, path)
		for where, source := range map[string]interface {
			Manifest(ctx context.Context, ref string) (manifest.Manifest, error)
		}{
			"tar": archive.Unnamed(), "folder": readOnly.Unnamed(), "writable folder": writable.Unnamed(),
		} {
			m, err := source.Manifest(t.Context(), string(d.Digest))
			if c.says == "" {
				if err != nil || m.Digest != d.Digest || !manifest.IsManifest(m.MediaType) {
					t.Errorf("%s in a %s: got %+v, error %v", name, where, m, err)
				}
				continue
			}
			var document *manifest.DocumentError
			if !errors.As(err, &document) || !errors.Is(err, ErrDamaged) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%s in a %s: got %v", name, where, err)
			}
			wantError(t, err, c.says)
		}
		if err := writable.Unnamed().DeleteManifest(t.Context(), d.Digest); err != nil {
			t.Errorf("%s: it cannot be deleted: %v", name, err)
		}
	}
}
