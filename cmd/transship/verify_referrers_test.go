package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
)

// verify --referrers checks what refers to the image, to an image of its index, to a referrer, and
// what has a tag of cosign's.
func TestVerifyReferrers(t *testing.T) {
	t.Parallel()
	const repo = "src/repo"
	for name, test := range map[string]struct {
		missing string // what the registry does not have: a layer, or the path of a manifest
		code    int
		plain   int // the exit code without the flag
	}{
		"all there":              {"", 0, 0},
		"an SBOM's layer":        {"application/spdx+json of INDEX", 7, 0},
		"a layer of a signature": {"signature", 7, 0},
		"what signs the SBOM":    {"application/x-signature of SBOM", 7, 0},
		"an SBOM":                {"manifests/SBOM", 7, 0},
		"cosign's tag":           {"manifests/TAG", 7, 0},
		"the image's own layer":  {"for arm64", 7, 7},
	} {
		c := newCopySetup(t)
		index := c.source.pushThreePlatforms()
		sbom := c.source.pushSigned(repo, index)
		c.source.pushReferrer(repo, sbom, "application/x-signature")
		missing := strings.NewReplacer("INDEX", string(index.Digest), "SBOM", string(sbom.Digest), "TAG", cosignTag(index)).
			Replace(test.missing)
		if missing != "" {
			match := "^(GET|HEAD) .*/blobs/" + string(blob.FromBytes([]byte(missing)))
			if strings.HasPrefix(missing, "manifests/") {
				match = "^(GET|HEAD) .*/" + missing
			}
			c.source.Set(registry.Rule{Match: match, Status: http.StatusNotFound})
		}
		plain := c.do("verify SRC").want(test.plain)
		o := c.do("verify --referrers SRC").want(test.code)
		if test.code == 7 && strings.Count(o.stdout, "bad: ") != 1 || test.code == 0 && o.stdout == plain.stdout {
			t.Errorf("%s: %s\nprints %s", name, o.line, o.stdout)
		}
	}
	c := newCopySetup(t)
	c.do("verify --referrers SRC").want(0)
	c.source.Set(registry.Rule{Match: "/referrers/", Status: http.StatusForbidden})
	c.do("verify --referrers SRC").want(3, "403 Forbidden")
}
