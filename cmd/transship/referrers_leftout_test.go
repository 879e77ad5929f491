package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// pushStaleReferrers gives the image, on a registry without the referrers API, a list of referrers
// that names a signature which is not there, beside one that is.
func (s *server) pushStaleReferrers(repo string, subject manifest.Descriptor) (gone string, there manifest.Descriptor) {
	s.t.Helper()
	s.Set(registry.Rule{Match: "/referrers/", Status: 404})
	there = s.pushReferrer(repo, subject, "application/spdx+json")
	gone = "sha256:" + strings.Repeat("a", 64)
	s.pushManifest(repo, strings.Replace(string(subject.Digest), ":", "-", 1), fmt.Appendf(nil,
		`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%[2]q,"digest":%[3]q,"size":10,"artifactType":"x"},`+
			`{"mediaType":%[2]q,"digest":%[4]q,"size":%[5]d}]}`,
		manifest.MediaTypeOCIIndex, manifest.MediaTypeOCIManifest, gone, there.Digest, there.Size))
	return gone, there
}

func TestStaleReferrerIsAWarning(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	gone, there := c.source.pushStaleReferrers("src/repo", c.source.pushThreePlatforms())
	c.writeFile("images", c.src+" "+c.target.host+"/synced/repo\n")
	for _, line := range []string{
		"copy --referrers SRC DST", "copy --referrers SRC TO/a:1 TO/b:1", "copy --referrers SRC oci:@/folder:1",
		"copy --referrers SRC oci-archive:@/x.tar:repo:1", "save --referrers -o @/y.tar SRC", "sync --referrers -f @/images",
	} {
		o := c.do(line).want(0, "warning: referrer x "+gone+" is left out: the source lists it and does not have it")
		if n := strings.Count(o.stderr, "warning: "); n != 1 {
			t.Errorf("%s\nhas %d warnings:\n%s", o.line, n, o.stderr)
		}
	}
	if !c.target.has("dst/repo", "1.6") || !c.target.has("dst/repo", string(there.Digest)) {
		t.Error("the target does not have the image with its SBOM")
	}
	c.verifySound(c.path("folder"))
	c.verifySound(c.path("y.tar"))
}

func TestSignaturesThatASubsetDropsAreNamed(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	root := c.source.pushThreePlatforms()
	sbom := c.source.pushSigned("src/repo", root)
	c.writeFile("images", c.src+" "+c.target.host+"/synced/repo\n")
	for _, line := range []string{
		"copy --referrers --platform linux/amd64 SRC DST",
		"copy --referrers --platform linux/amd64 --flatten SRC TO/flat:1",
		"copy --referrers --platform linux/amd64 SRC TO/a:1 TO/b:1",
		"copy --referrers --platform linux/amd64 SRC oci-archive:@/x.tar:repo:1",
		"save --referrers --platform linux/amd64 -o @/y.tar SRC",
		"sync --referrers --platform linux/amd64 -f @/images",
	} {
		o := c.do(line).want(0,
			"warning: referrer application/spdx+json "+string(sbom.Digest)+" is left out: it refers to "+root.Digest.Short(),
			"warning: referrer "+cosignTag(root)+" is left out: it refers to "+root.Digest.Short())
		if n := strings.Count(o.stderr, "warning: "); n != 2 {
			t.Errorf("%s\nhas %d warnings:\n%s", o.line, n, o.stderr)
		}
	}
	for _, line := range []string{"copy --platform linux/amd64 SRC TO/c:1", "copy --referrers SRC TO/d:1"} {
		if o := c.do(line).want(0); strings.Contains(o.stderr, "warning") {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
}
