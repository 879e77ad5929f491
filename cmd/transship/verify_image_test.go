package main

import (
	"os"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/manifest"
)

// One image of a folder or tar is verified alone: what is wrong with another one does not matter.
func TestVerifyOneImageOfFiles(t *testing.T) {
	c := newCopySetup(t)
	whole := c.source.pushThreePlatforms()
	other := c.source.pushImage("other", "1", "linux/amd64", "what is damaged")
	for _, line := range []string{
		"copy -q SRC oci:@/lay:src/repo:1.6", "copy -q FROM/other:1 oci:@/lay:other:1",
		"save -q -o @/x.tar SRC FROM/other:1", "copy -q oci:@/lay:src/repo:1.6 oci-archive:@/one.tar",
	} {
		c.do(line).want(0)
	}
	for _, name := range []string{"lay/" + layerPath(t, c, "other:1"), "x.tar"} {
		content := readFile(t, c.path(name))
		if err := os.Chmod(c.path(name), 0o600); err != nil {
			t.Fatal(err)
		}
		c.writeFile(name, strings.Replace(content, "what is damaged", "what is DAMAGED", 1))
	}
	for line, checks := range map[string]string{
		"verify oci:@/lay:src/repo:1.6":                        "11 checks",
		"verify @/lay@" + string(whole.Digest):                 "11 checks",
		"verify oci-archive:@/x.tar:FROM/src/repo:1.6":         "11 checks",
		"verify @/x.tar@" + string(whole.Digest):               "11 checks",
		"verify --platform linux/arm64 oci:@/lay:src/repo:1.6": "5 checks",
		"verify --platform linux/arm64 @/one.tar":              "5 checks",
		"verify --platform linux/arm64,linux/amd64 SRC":        "8 checks",
		"verify --referrers oci:@/lay:src/repo:1.6":            "11 checks",
	} {
		if o := c.do(line).want(0); !strings.Contains(o.stdout, ": ok: "+checks) {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	for _, line := range []string{
		"verify @/lay", "verify @/x.tar", "verify oci:@/lay:other:1", "verify @/lay@" + string(other.Digest),
		"verify oci-archive:@/x.tar:FROM/other:1",
	} {
		if o := c.do(line).want(cli.ExitIntegrity); strings.Count(o.stdout, "bad: ") != 1 {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	for line, want := range map[string]wantedError{
		"verify oci:@/lay:none":                           {4, "there is no image none", ""},
		"verify --platform linux/s390x oci:@/lay:other:1": {4, "no image for platform linux/s390x", ""},
		"verify --platform linux/s390x SRC":               {4, "no image for platform linux/s390x", ""},
		"verify --platform linux/amd64 @/lay":             {2, "there are 2 images, say which", ""},
		"verify --platform linux/amd64 -":                 {2, "standard input is verified as a whole", "leave out --platform"},
		"verify --platform linux/amd64 @/none.tar":        {4, "none.tar", ""},
		"verify @/lay@sha256:" + strings.Repeat("0", 64):  {4, "there is no image sha256:0000", ""},
		"verify @/lay@sha256:12":                          {2, "sha256:12", ""},
	} {
		c.do(line).wantError(want)
	}
}

// layerPath returns the name in a layout of an image's first layer.
func layerPath(t testing.TB, c *copySetup, image string) string {
	t.Helper()
	m, err := manifest.Parse("", []byte(c.do("inspect --raw FROM/"+image).want(0).stdout))
	if err != nil {
		t.Fatal(err)
	}
	refs, _ := m.References()
	return "blobs/sha256/" + refs[1].Digest.Hex()
}
