package main

import (
	"strconv"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
)

// newFlatSetup returns a copySetup with the folder flat and the tar flat.tar whose index.json is itself
// the list of an image's platforms, linux/amd64 and linux/arm64, as crane, bazel and kaniko write it.
func newFlatSetup(t testing.TB) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	image := func(arch string) string {
		d := c.source.pushImage("app", arch, "linux/"+arch, "for "+arch)
		c.do("copy -q FROM/app:" + arch + " oci:@/flat:" + arch).want(0)
		return `{"mediaType":"` + d.MediaType + `","digest":"` + string(d.Digest) + `","size":` + strconv.FormatInt(d.Size, 10) +
			`,"platform":{"architecture":"` + arch + `","os":"linux"}}`
	}
	index := `{"schemaVersion": 2, "manifests": [` + image("amd64") + ", " + image("arm64") + "]}\n"
	c.writeFile("flat/index.json", index)
	c.setRefNames("flat", "", "")
	c.writeFile("flat/index.json", index) // byte for byte
	c.tarFolder("flat")
	return c
}

func TestIndexJSONAsAnImage(t *testing.T) {
	t.Parallel()
	c := newFlatSetup(t)
	index := readFile(t, c.path("flat/index.json"))
	digest := string(blob.FromBytes([]byte(index)))
	for i, from := range []string{"oci:@/flat@index", "oci-archive:@/flat.tar@index"} {
		to := "TO/x" + string(rune('a'+i))
		for _, line := range []string{
			"copy " + from + " " + to + ":1", "copy --referrers " + from + " " + to + ":2", "copy " + from + " oci:@/lay",
		} {
			if o := c.do(line).want(0); !strings.Contains(o.stdout, "@"+digest) {
				t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, digest)
			}
		}
		c.do("verify --deep " + to + ":1").want(0)
		if got := c.do("inspect --raw " + to + ":1").stdout; got != index {
			t.Errorf("%s became %s", from, got)
		}
		if got := c.do("inspect --raw " + from).stdout; got != index {
			t.Errorf("%s is %s", from, got)
		}
		c.do("copy --platform linux/arm64 --flatten " + from + " " + to + ":arm").want(0)
		if got := c.do("digest " + to + ":arm").stdout; got != c.do("digest FROM/app:arm64").stdout {
			t.Errorf("linux/arm64 of %s is %s", from, got)
		}
		c.writeList(from + " " + to + ":synced\n")
		c.do("sync -f @/images").want(0)
		c.writeList(from + " quay.io/x/app:1\n")
		c.do("save -q -o @/named.tar -f @/images").want(0)
		c.do("load @/named.tar " + to).want(0)
		c.do("verify --deep " + to + "/x/app:1").want(0)
	}
	if got := c.target.tagNames("xb"); got != "1 2 arm synced" {
		t.Errorf("the target has %s", got)
	}
}

// Who means the list by the name of the layout is told how to write it, and no bundle gets nameless
// images in silence.
func TestIndexJSONIsNamedInHints(t *testing.T) {
	t.Parallel()
	c := newFlatSetup(t)
	c.do("copy oci:@/flat TO/x:1").wantError(wantedError{2, "there are 2 images", "oci:" + c.path("flat") + "@index means all"})
	c.do("copy oci-archive:@/flat.tar TO/x:1").
		wantError(wantedError{2, "there are 2 images", "oci-archive:" + c.path("flat.tar") + "@index means all"})
	c.do("load @/flat TO/x").want(2, "2 of 2 failed", "transship copy oci:"+c.path("flat")+"@index REGISTRY/NAME:TAG")
	for _, line := range []string{"save -q -o @/x.tar oci:@/flat", "save -q -o @/x/ oci-archive:@/flat.tar"} {
		c.do(line).want(0, "warning: 2 images without a name in ", "DIR@index saves all images of a layout as one")
	}
	c.do("save -q -o @/x.tar oci:@/flat@index").want(0, "warning: 1 image without a name in ")
	c.writeList("oci:@/flat@index quay.io/x/app:1\n")
	if o := c.do("save -q -o @/x.tar -f @/images").want(0); o.stderr != "" {
		t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
	for line, want := range map[string]wantedError{
		"copy SRC oci:@/flat@index":              {2, "@index is an image to read, and no target", "leave out @index"},
		"copy SRC oci-archive:@/flat.tar@index":  {2, "@index is an image to read, and no target", "leave out @index"},
		"copy oci:@/flat:1@index TO/x:1":         {2, "names an image and the index of all", "flat@index, or leave out"},
		"load oci:@/flat@index TO":               {2, "names one image", ""},
		"copy docker-archive:@/old@index TO/x:1": {4, "old: ", ""},
	} {
		c.do(line).wantError(want)
	}
	if n := c.target.Count("^(PUT|POST)"); n != 0 {
		t.Errorf("the target got %d writes", n)
	}
	if got := readFile(t, c.path("flat/index.json")); !strings.HasPrefix(got, `{"schemaVersion": 2, "m`) {
		t.Errorf("the layout's index.json became %s", got)
	}
}

// Of an index.json that lists platforms which are not there, what is whole can be taken.
func TestIncompleteIndexJSON(t *testing.T) {
	t.Parallel()
	c := newFlatSetup(t)
	c.removeBlob("flat", blob.FromBytes([]byte("for arm64")))
	c.tarFolder("flat")
	for _, from := range []string{"oci:@/flat@index", "oci-archive:@/flat.tar@index"} {
		c.do("copy " + from + " TO/x:1").
			wantError(wantedError{4, "incomplete: linux/arm64; whole: linux/amd64", "--available"})
		c.do("copy --available " + from + " TO/x:1").want(0)
		if o := c.do("inspect " + from).want(0); !strings.Contains(o.stdout, "linux/arm64 (incomplete)") {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	c.do("verify --deep TO/x:1").want(0)
}
