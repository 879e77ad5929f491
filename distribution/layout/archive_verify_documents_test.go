package layout

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/hczjl/transship/manifest"
)

// sound makes sure that nothing is wrong with a bundle of the sample, and returns its path.
func sound(t testing.TB, s *sample) string {
	t.Helper()
	path, _ := s.bundle(t)
	if bad := problems(t, openArchive(t, path).Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	return path
}

// TestVerifyDocuments flips bytes of all that stands under no digest but means something: documents and tar headers.
func TestVerifyDocuments(t *testing.T) {
	t.Parallel()
	path := sound(t, threeImages(t))
	whole := read(t, path)
	if err := os.Remove(inventoryPath(path)); err != nil { // it would tell of each change of transship.json
		t.Fatal(err)
	}
	for name, at := range openArchive(t, path).members.files {
		from, step := at.offset, int64(13)
		if parseBlobName(name) != "" {
			from, step, at.size = at.offset-tarBlock, 37, tarBlock // the header; byte 155, a space that means nothing, is passed over
		}
		for i := from; i < from+at.size; i += step {
			flipped := append([]byte{}, whole...)
			flipped[i] ^= 1
			writeFile(t, string(flipped), path)
			if !unsound(t, path) {
				t.Errorf("nothing is wrong with %s by byte %d", name, i-from)
			}
		}
	}
}

// unsound tells whether an archive cannot be opened or has problems.
func unsound(t *testing.T, path string) bool {
	a, err := OpenArchive(path)
	if err != nil {
		return true
	}
	defer a.Close()
	return problems(t, a.Verify) != nil
}

// TestVerifyDocumentsOf bundles that are made in other ways.
func TestVerifyDocumentsOf(t *testing.T) {
	first := threeImages(t)
	path := sound(t, first)
	arm := threeImages(t)
	arm.Platform = manifest.Platform{OS: "linux", Architecture: "arm64"}
	sound(t, arm)
	base, err := ReadInventory(path)
	if err != nil {
		t.Fatal(err)
	}
	second := threeImages(t)
	second.name("hczjl/halo:1.7", second.image(t, "linux/amd64", "new"))
	second.Base = &base
	sound(t, second)
	artifacts := newSample()
	artifacts.name("hczjl/chart:1", artifacts.artifact(t, "chart", nil))
	sound(t, artifacts)
	sound(t, newSample())
}

// TestVerifySwappedLayers exchanges two layers that manifest.json offers to docker: all it points to is there.
func TestVerifySwappedLayers(t *testing.T) {
	s := newSample()
	s.name("hczjl/halo:1.6", s.image(t, "linux/amd64", "one", "two"))
	path := sound(t, s)
	a := openArchive(t, path)
	entries, err := parseDockerFile([]byte(documentOf(t, a, dockerFile)))
	if err != nil {
		t.Fatal(err)
	}
	l := entries[0].Layers
	l[0], l[1] = l[1], l[0]
	b := read(t, path)
	copy(b[a.members.files[dockerFile].offset:], compact(entries))
	writeFile(t, string(b), path)
	bad := problems(t, openArchive(t, path).Verify)
	if len(bad) != 1 || bad[0].What != dockerFile {
		t.Fatalf("got %v", bad)
	}
	says(t, bad[0].Err, "manifest.json: it does not say of the images what their manifests say")
}

func documentOf(t *testing.T, a *Archive, name string) string {
	t.Helper()
	b, err := a.members.document(name, maxDocument)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDamagedBeginning changes and takes away what tells a tar from other files.
func TestDamagedBeginning(t *testing.T) {
	path := sound(t, threeImages(t))
	b := read(t, path)
	b[3] ^= 1
	writeFile(t, string(b), path)
	_, err := OpenArchive(path)
	isDamaged(t, err, "there is no tar header after byte 0")
	writeFile(t, "", path)
	_, err = OpenArchive(path)
	isDamaged(t, err, fmt.Sprintf("want %d bytes, got 0", len(b)))
}

func isDamaged(t *testing.T, err error, text string) {
	t.Helper()
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("%v is no damage", err)
	}
	says(t, err, text)
}
