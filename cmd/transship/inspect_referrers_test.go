package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// The tree has what refers to the index and to an image in it, what refers to a referrer, and
// cosign's tags. A folder's tree is the same.
func TestInspectReferrers(t *testing.T) {
	c := newCopySetup(t)
	const repo = "src/repo"
	index := c.source.pushThreePlatforms()
	sbom := c.source.pushSigned(repo, index)
	c.source.pushReferrer(repo, sbom, "application/x-signature")
	c.source.pushReferrer(repo, index, "application/x-signature")
	image, err := manifest.Parse("", []byte(c.do("inspect --raw --platform linux/arm64 SRC").stdout))
	if err != nil {
		t.Fatal(err)
	}
	c.source.pushReferrer(repo, image.Descriptor, "application/x-scan")

	tree := c.do("inspect --referrers SRC").want(0).stdout
	golden(t, "inspect-referrers.txt", tree, c.source.host, "REGISTRY")
	golden(t, "inspect-referrers.json", c.do("inspect --referrers --json SRC").want(0).stdout, c.source.host, "REGISTRY")

	c.do("copy -q --referrers SRC oci:@/lay:" + c.src).want(0)
	for _, arg := range []string{"oci:@/lay", "@/lay/"} {
		_, local, _ := strings.Cut(c.do("inspect --referrers "+arg).want(0).stdout, "\n")
		if _, want, _ := strings.Cut(tree, "\n"); local != want {
			t.Errorf("inspect --referrers %s prints\n%swant\n%s", arg, local, want)
		}
	}
}

func TestInspectReferrersOfWhatHasNone(t *testing.T) {
	c := newCopySetup(t)
	o := c.do("inspect --referrers SRC").want(0, "nothing refers to "+c.src)
	if !strings.HasPrefix(o.stdout, c.src+"  sha256:") || strings.Count(o.stdout, "\n") != 1 {
		t.Errorf("prints %s", o.stdout)
	}
	c.do("inspect --referrers --raw SRC").wantError(wantedError{2, "--referrers cannot be used with", ""})
	c.do("inspect --referrers FROM/src/repo:none").want(4, "404 Not Found")
	c.source.Set(registry.Rule{Match: "/referrers/", Status: http.StatusForbidden})
	c.do("inspect --referrers SRC").want(3, "403 Forbidden")
}

// A referrer that is listed and not there is warned of.
func TestInspectReferrersThatAreGone(t *testing.T) {
	c := newCopySetup(t)
	gone := c.source.pushReferrer("src/repo", c.source.pushThreePlatforms(), "application/x-scan")
	c.source.Set(registry.Rule{Match: "^(GET|HEAD) .*/manifests/" + string(gone.Digest), Status: 404})
	o := c.do("inspect --referrers SRC").want(0, "warning: referrer "+string(gone.Digest)+" is listed and not there")
	if strings.Contains(o.stdout, "x-scan") {
		t.Errorf("prints %s", o.stdout)
	}
}
