package layout

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/hczjl/transship/manifest"
)

// verifiedBundle writes a bundle, checks that Verify finds no problem, and returns its path.
func verifiedBundle(t testing.TB, s *sample) string {
	t.Helper()
	path, _ := s.bundle(t)
	if bad := problems(t, openArchive(t, path).Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
	return path
}

// TestVerifyDocuments flips bytes that no digest covers and that have a meaning: in documents and
// tar headers.
func TestVerifyDocuments(t *testing.T) {
	t.Parallel()
	path := verifiedBundle(t, threeImages(t))
	whole := mustRead(t, path)
	if err := os.Remove(inventoryPath(path)); err != nil { // with it every change of transship.json is found
		t.Fatal(err)
	}
	for name, at := range openArchive(t, path).members.files {
		from, step := at.offset, int64(13)
		if parseBlobName(name) != "" {
			// The header. A step of 37 skips byte 155, a space without meaning.
			from, step, at.size = at.offset-tarBlock, 37, tarBlock
		}
		if testing.Short() {
			step *= 7
		}
		for i := from; i < from+at.size; i += step {
			flipped := append([]byte{}, whole...)
			flipped[i] ^= 1
			mustWrite(t, string(flipped), path)
			if !hasProblems(t, path) {
				t.Errorf("no problem after a change of %s at byte %d", name, i-from)
			}
		}
	}
}

// hasProblems reports whether an archive cannot be opened or Verify finds problems.
func hasProblems(t *testing.T, path string) bool {
	a, err := OpenArchive(path)
	if err != nil {
		return true
	}
	defer a.Close()
	return problems(t, a.Verify) != nil
}

// Verify finds no problem in a bundle for another platform, a differential one, one of artifacts,
// or an empty one.
func TestVerifyOfVariousBundles(t *testing.T) {
	first := threeImages(t)
	path := verifiedBundle(t, first)
	arm := threeImages(t)
	arm.Platform = manifest.Platform{OS: "linux", Architecture: "arm64"}
	verifiedBundle(t, arm)
	base, err := ReadInventory(path)
	if err != nil {
		t.Fatal(err)
	}
	second := threeImages(t)
	second.addImage("hczjl/halo:1.7", second.image(t, "linux/amd64", "new"))
	second.Base = &base
	verifiedBundle(t, second)
	artifacts := newSample()
	artifacts.addImage("hczjl/chart:1", artifacts.artifact(t, "chart", nil))
	verifiedBundle(t, artifacts)
	verifiedBundle(t, newSample())
}

// TestVerifySwappedLayers swaps two layers in manifest.json. Everything that it refers to is there.
func TestVerifySwappedLayers(t *testing.T) {
	s := newSample()
	s.addImage("hczjl/halo:1.6", s.image(t, "linux/amd64", "one", "two"))
	path := verifiedBundle(t, s)
	a := openArchive(t, path)
	entries, err := parseDockerFile([]byte(archiveDocument(t, a, dockerFile)))
	if err != nil {
		t.Fatal(err)
	}
	l := entries[0].Layers
	l[0], l[1] = l[1], l[0]
	b := mustRead(t, path)
	copy(b[a.members.files[dockerFile].offset:], compact(entries))
	mustWrite(t, string(b), path)
	bad := problems(t, openArchive(t, path).Verify)
	if len(bad) != 1 || bad[0].What != dockerFile {
		t.Fatalf("got %v", bad)
	}
	wantError(t, bad[0].Err, "manifest.json: it does not agree with the manifests of the images")
}

func archiveDocument(t *testing.T, a *Archive, name string) string {
	t.Helper()
	b, err := a.members.document(name, maxDocument)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOpenArchiveDamagedBeginning changes and removes the bytes that identify a tar.
func TestOpenArchiveDamagedBeginning(t *testing.T) {
	path := verifiedBundle(t, threeImages(t))
	b := mustRead(t, path)
	b[3] ^= 1
	mustWrite(t, string(b), path)
	_, err := OpenArchive(path)
	wantDamaged(t, err, "there is no tar header after byte 0")
	mustWrite(t, "", path)
	_, err = OpenArchive(path)
	wantDamaged(t, err, fmt.Sprintf("want %d bytes, got 0", len(b)))
}

func wantDamaged(t *testing.T, err error, text string) {
	t.Helper()
	if !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	wantError(t, err, text)
}
