package layout

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// looseDocuments returns index.json of a layout and, for each way in which two readers could see
// different documents in it, what the error says.
func looseDocuments(good string) map[string]struct{ index, says string } {
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	return map[string]struct{ index, says string }{
		"null":           {"null", "the document is null"},
		"wrong case":     {with(`"manifests"`, `"Manifests"`), `"Manifests" differs from "manifests" only in case`},
		"two cases":      {with(`{`, `{"MANIFESTS":[],`), `"MANIFESTS" differs from "manifests" only in case`},
		"list twice":     {with(`{`, `{"manifests":[],`), `member "manifests" comes twice`},
		"digest twice":   {with(`"digest"`, `"digest":"","digest"`), `member "digest" comes twice`},
		"name twice":     {with(`"annotations":{`, `"annotations":{"a":"1","a":"2",`), `member "a" comes twice`},
		"case in entry":  {with(`"digest"`, `"Digest"`), `"Digest" differs from "digest" only in case`},
		"null entry":     {with(`"manifests":[`, `"manifests":[null,`), "entry 1: found <nil>"},
		"another text":   {good + "{}", "after top-level value"},
		"list and image": {with(`{`, `{"layers":[],`), "it has both manifests and layers"},
		"called image": {`{"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}`,
			"its media type is application/vnd.oci.image.manifest.v1+json"},
	}
}

func TestIndexIsReadStrictly(t *testing.T) {
	files := layoutFiles("1")
	for name, c := range looseDocuments(files[1].content) {
		if c.index == files[1].content {
			t.Fatalf("%s: the index is as before", name)
		}
		loose := append([]tarFile{files[0], {name: indexFile, content: c.index}}, files[2:]...)
		_, err := OpenArchive(writeTemp(t, newTar(t, loose...)))
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s in a tar: got %v", name, err)
		}
		wantError(t, err, c.says)
		dir := t.TempDir()
		for _, f := range loose {
			mustWrite(t, f.content, dir, filepath.FromSlash(f.name))
		}
		for _, open := range []func(string) (*Dir, error){OpenReadOnly, OpenExisting, OpenDir} {
			_, err := open(dir)
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s in a folder: got %v", name, err)
			}
			wantError(t, err, c.says)
		}
		if got, err := os.ReadFile(filepath.Join(dir, indexFile)); err != nil || string(got) != c.index {
			t.Errorf("%s: index.json became %s, error %v", name, got, err)
		}
	}
}

func TestOtherDocumentsAreReadStrictly(t *testing.T) {
	files := layoutFiles("1")
	entry := string(compact(dockerImage{Config: "c", RepoTags: []string{"x:1"}, Layers: []string{"l"}}))
	docker := func(document string) []tarFile {
		return []tarFile{{name: "c", content: configJSON("l")}, {name: "l", content: "l"},
			{name: dockerFile, content: document}}
	}
	version := func(document string) []tarFile {
		return append([]tarFile{{name: layoutFile, content: document}}, files[1:]...)
	}
	inventory := func(document string) []tarFile {
		return append([]tarFile{{name: inventoryFile, content: document}}, files...)
	}
	for says, files := range map[string][]tarFile{
		"oci-layout: the document is null": version("null"),
		`"ImageLayoutVersion" differs`:     version(`{"ImageLayoutVersion":"1.0.0"}`),
		`"imageLayoutVersion" comes twice`: version(`{"imageLayoutVersion":"2.0.0","imageLayoutVersion":"1.0.0"}`),

		"manifest.json: the document is null":     docker("null"),
		"manifest.json: element 1 is null":        docker("[null]"),
		`manifest.json: element 1: member "con`:   docker("[" + strings.Replace(entry, "Config", "config", 1) + "]"),
		`manifest.json: member "Layers" comes tw`: docker("[" + strings.Replace(entry, "{", `{"Layers":[],`, 1) + "]"),

		"transship.json: the inventory cannot be used: the document is null": inventory("null"),
		`member "Version" differs`:           inventory(`{"Version":1,"images":[],"content":[]}`),
		`member "content" comes twice`:       inventory(`{"version":1,"content":[],"content":[]}`),
		`element 1: member "DIGEST" differs`: inventory(`{"version":1,"content":[{"DIGEST":"x"}]}`),
		`base: member "FILE" differs`:        inventory(`{"version":1,"content":[],"base":{"FILE":"x"}}`),
		`images: element 1 is null`:          inventory(`{"version":1,"content":[],"images":[null]}`),
	} {
		_, err := OpenArchive(writeTemp(t, newTar(t, files...)))
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v", says, err)
		}
		wantError(t, err, says)
	}
}
