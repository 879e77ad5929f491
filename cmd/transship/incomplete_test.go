package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
)

// newIncompleteSetup returns a copySetup with the folder part and the tar part.tar, which list the
// three platforms of docker.io/x/app:1 and lack the manifest of linux/arm64 and a layer of
// linux/arm/v7.
func newIncompleteSetup(t testing.TB) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	c.do("copy -q SRC oci:@/part:docker.io/x/app:1").want(0)
	c.removeBlob("part", c.source.pushImage("src/repo", "", "linux/arm64", "shared", "for arm64").Digest)
	c.removeBlob("part", blob.FromBytes([]byte("for arm")))
	if err := os.RemoveAll(c.path("part/.transship")); err != nil {
		t.Fatal(err)
	}
	c.tarFolder("part")
	return c
}

// removeBlob removes the bytes of a blob from a layout.
func (c *copySetup) removeBlob(dir string, d blob.Digest) {
	c.t.Helper()
	if err := os.Remove(filepath.Join(c.path(dir), "blobs", "sha256", d.Hex())); err != nil {
		c.t.Fatal(err)
	}
}

// tarFolder writes a folder's files to name.tar.
func (c *copySetup) tarFolder(name string) {
	c.t.Helper()
	var members []string
	err := fs.WalkDir(os.DirFS(c.path(name)), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			members = append(members, path, readFile(c.t, filepath.Join(c.path(name), path)))
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.writeFile(name+".tar", makeTar(c.t, members...))
}

// What docker save and ctr export write lists platforms whose bytes are not in it. Every command
// says which platforms are whole, and sends nothing.
func TestIncompleteImagesAreRefused(t *testing.T) {
	t.Parallel()
	c := newIncompleteSetup(t)
	c.writeList("oci-archive:@/part.tar TO/a\n")
	want := wantedError{4, "does not have all of the image; incomplete: linux/arm/v7, linux/arm64; whole: linux/amd64",
		"--platform linux/amd64, and all that is whole with --available"}
	for _, line := range []string{
		"copy oci-archive:@/part.tar TO/a:1", "copy oci:@/part TO/a:1", "copy oci:@/part TO/a:1 TO/b:1",
		"copy oci-archive:@/part.tar oci:@/lay", "copy oci:@/part oci-archive:@/copy.tar",
		"load @/part.tar TO", "load @/part TO", "save -o @/saved.tar oci:@/part", "save -o @/saved/ oci-archive:@/part.tar",
		"sync -f @/images",
	} {
		o := c.do(line)
		if o.code != want.code || !strings.Contains(o.stderr, want.message) || !strings.Contains(o.stderr, want.hint) {
			t.Errorf("%s\nexits with %d:\n%s", o.line, o.code, o.stderr)
		}
	}
	for _, line := range []string{
		"copy --platform linux/arm64 oci:@/part TO/a:1", "load --available --platform linux/arm64 @/part.tar TO",
	} {
		o := c.do(line).want(4, "; whole: linux/amd64")
		if strings.Contains(o.stderr, "; incomplete: linux/amd64") {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
	if n := c.target.Count("^(PUT|POST|PATCH)"); n != 0 {
		t.Errorf("the target got %d writes", n)
	}
}

// --platform takes a whole platform, --available all of them, and the list is cut down to them.
func TestIncompleteImagesAreTakenInPart(t *testing.T) {
	t.Parallel()
	c := newIncompleteSetup(t)
	digest := strings.TrimSpace(c.do("copy -q --platform linux/amd64 SRC TO/want:1").want(0).stdout)
	digest = digest[strings.Index(digest, "@"):]
	byDigest := "@" + string(c.source.pushThreePlatforms().Digest)
	c.do("copy -q oci:@/part" + byDigest + " --available TO/named:1").want(0)
	c.writeList("oci-archive:@/part.tar TO/synced\n")
	for _, line := range []string{
		"copy oci-archive:@/part.tar TO/a:1", "copy oci:@/part TO/b:1 TO/c:1", "copy oci:@/part" + byDigest + " oci:@/lay",
		"load @/part.tar TO", "load @/part TO/p", "sync -f @/images", "copy oci:@/part oci-archive:@/copy.tar",
	} {
		o := c.do(line+" --available").want(0, "linux/arm64 sha256:", "linux/arm/v7 sha256:",
			": left out, as its source does not have all of it")
		if !strings.Contains(o.stdout, digest) {
			t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, digest)
		}
		if o := c.do(line + " --platform linux/amd64").want(0); line != "sync -f @/images" && !strings.Contains(o.stdout, digest) {
			t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, digest)
		}
	}
	for _, to := range []string{"saved.tar", "saved/"} {
		c.do("save --available -o @/"+to+" oci-archive:@/part.tar").want(0, "linux/arm64 sha256:")
		c.do("verify @/" + to).want(0)
		c.do("load @/" + to + " TO/" + strings.Trim(to, "/")).want(0)
	}
	for _, ref := range []string{"a:1", "x/app:1", "p/x/app:1", "saved.tar/x/app:1", "saved/x/app:1", "synced:1"} {
		c.do("verify --deep TO/" + ref).want(0)
	}
}

func TestInspectOfIncompleteImages(t *testing.T) {
	t.Parallel()
	c := newIncompleteSetup(t)
	for _, where := range []string{"oci:@/part", "oci-archive:@/part.tar:docker.io/x/app:1"} {
		o := c.do("inspect " + where).want(0)
		for _, text := range []string{"linux/amd64  ", "linux/arm64 (incomplete)", "linux/arm/v7 (incomplete)"} {
			if !strings.Contains(o.stdout, text) {
				t.Errorf("%s\nprints no %s:\n%s", o.line, text, o.stdout)
			}
		}
		o = c.do("inspect --json " + where).want(0)
		if strings.Count(o.stdout, `"incomplete": true`) != 2 {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	c.do("inspect oci:@/none").wantError(wantedError{4, "none: no such file or directory", ""})
}

// If the registry has what is missing, load pushes the image with all its platforms.
func TestLoadTakesMissingLayersFromTheRegistry(t *testing.T) {
	c := newCopySetup(t)
	c.do("copy -q SRC oci:@/part:docker.io/x/app:1").want(0)
	c.removeBlob("part", blob.FromBytes([]byte("for arm")))
	c.tarFolder("part")
	c.do("load @/part.tar TO").want(4, "incomplete: linux/arm/v7; whole: linux/amd64, linux/arm64")
	c.do("copy -q SRC TO/x/app:other").want(0)
	c.do("load @/part.tar TO").want(0)
	c.do("verify --deep TO/x/app:1").want(0)
}
