package main

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
)

const emptyIndex = `{"schemaVersion":2,"manifests":null}`

// dockerMembers returns the members of a tar that has one image, which only manifest.json lists.
func dockerMembers(t testing.TB, index string) []string {
	layer := makeTar(t, "hello", "world")
	id := blob.FromBytes([]byte(layer)).Hex()
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}`, id)
	return []string{"oci-layout", `{"imageLayoutVersion":"1.0.0"}`, "index.json", index,
		"config.json", config, "blobs/sha256/" + id, layer,
		"manifest.json", `[{"Config":"config.json","RepoTags":["dst/repo:1.6"],"Layers":["blobs/sha256/` + id + `"]}]`}
}

// tarMembers returns the regular files of a tar.
func tarMembers(t testing.TB, archive string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for r := tar.NewReader(strings.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		content, readErr := io.ReadAll(r)
		if err := cmp.Or(err, readErr); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			out[h.Name] = string(content)
		}
	}
}

// docker save ID of docker 25 writes an index.json that lists nothing.
func TestLoadTakesImagesOfManifestJSON(t *testing.T) {
	c := newCopySetup(t)
	c.writeFile("x.tar", makeTar(t, dockerMembers(t, emptyIndex)...))
	o := c.do("load @/x.tar TO/p").want(0, "loaded 1 image of ")
	if got := c.loadedImages(o); !slices.Equal(got, []string{"p/dst/repo:1.6"}) {
		t.Errorf("%s\nloads %v", o.line, got)
	}
	c.do("verify --deep TO/p/dst/repo:1.6").want(0)
	c.verifySound(c.path("x.tar"))
	c.do("save -q -o @/y.tar oci-archive:@/x.tar").want(0)
	c.verifySound(c.path("y.tar"))
}

// A load that finds nothing to load fails, and says where it looked.
func TestLoadOfNothing(t *testing.T) {
	c := newCopySetup(t)
	members := dockerMembers(t, emptyIndex)
	c.writeFile("index.tar", makeTar(t, members[:4]...))
	c.writeFile("docker.tar", makeTar(t, "manifest.json", "[]"))
	for _, lay := range []string{"lay", "dockerlay"} {
		c.writeFile(lay+"/oci-layout", members[1])
		c.writeFile(lay+"/index.json", emptyIndex)
	}
	c.writeFile("dockerlay/manifest.json", members[9])
	for place, want := range map[string]wantedError{
		"index.tar":  {4, "index.tar has no images: neither index.json nor manifest.json lists one", ""},
		"docker.tar": {4, "docker.tar has no images", ""},
		"lay":        {4, "lay has no images: index.json lists none", ""},
		"dockerlay":  {4, "dockerlay has no images: index.json lists none", "tar -cf FILE.tar -C " + c.path("dockerlay")},
	} {
		c.do("load @/" + place + " TO").wantError(want)
		c.do("load @/" + place + " TO dst/repo:1.6").wantError(want)
		transport := "oci:"
		if strings.HasSuffix(place, ".tar") {
			transport = "oci-archive:"
		}
		c.do("save -o @/out.tar " + transport + "@/" + place).wantError(want)
		if o := c.do("verify @/" + place).want(0); !strings.Contains(o.stdout, "; it has no images") {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	if n := c.target.Count(""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
}

// In a folder index.json alone counts. What docker's manifest.json has beyond it is named, with --quiet
// too, by every command that reads the folder.
func TestImagesOfManifestJSONInAFolderAreNamed(t *testing.T) {
	c := newCopySetup(t)
	c.do("copy -q SRC oci:@/lay:src/repo:1.6").want(0)
	index := readFile(t, c.path("lay/index.json"))
	members := dockerMembers(t, index)
	c.writeFile("lay/config.json", members[5])
	entry := members[9][1 : len(members[9])-1]
	id := strings.Repeat("5", 64)
	c.writeFile("lay/manifest.json", "["+entry+`,{"Config":"blobs/sha256/`+id+`"}]`)
	want := "also has dst/repo:1.6, sha256:" + id + ", which index.json does not list; manifest.json is read in tars only: tar -cf"
	for _, line := range []string{"load -q @/lay TO", "load --plan @/lay TO", "verify -q @/lay", "inspect @/lay", "tags @/lay",
		"copy -q oci:@/lay TO/x/y:1", "save -q -o @/z.tar oci:@/lay", "digest oci:@/lay"} {
		if o := c.do(line).want(0); strings.Count(o.stderr, want) != 1 {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
	c.writeFile("lay/manifest.json", "null")
	if o := c.do("load -q @/lay TO").want(0); !strings.Contains(o.stderr, "its images may not be all") {
		t.Errorf("says %s", o.stderr)
	}
	// docker writes both documents. What both list is no news.
	c.do("save -q -o @/x.tar SRC").want(0)
	for name, content := range tarMembers(t, readFile(t, c.path("x.tar"))) {
		c.writeFile("bundle/"+name, content)
	}
	if o := c.do("load -q @/bundle TO").want(0); o.stderr != "" {
		t.Errorf("says %s", o.stderr)
	}
}

// What another reader could see otherwise is refused by every command.
func TestLooseDocumentsAreRefused(t *testing.T) {
	c := newCopySetup(t)
	c.do("save -q -o @/lay/ SRC").want(0)
	good := readFile(t, c.path("lay/index.json"))
	docker := dockerMembers(t, "null")
	for name, index := range map[string]string{
		"null": "null", "case": strings.Replace(good, `"manifests"`, `"Manifests"`, 1),
		"twice": strings.Replace(good, "{", `{"manifests":[],`, 1),
	} {
		docker[3] = index
		c.writeFile("x.tar", makeTar(t, docker...))
		c.writeFile("y.tar", makeTar(t, "manifest.json", "null"))
		c.writeFile("lay/index.json", index)
		for _, line := range []string{"verify @/x.tar", "load @/x.tar TO", "copy oci-archive:@/x.tar DST", "verify @/lay",
			"load @/lay TO", "copy oci:@/lay DST", "save -o @/z.tar oci:@/lay", "verify @/y.tar", "load @/y.tar TO"} {
			if o := c.do(line); o.code != 7 {
				t.Errorf("%s: %s\nexits with %d: %s", name, o.line, o.code, o.stderr)
			}
		}
	}
	if n := c.target.Count(""); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
}
