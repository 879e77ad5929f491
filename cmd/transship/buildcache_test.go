package main

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// pushBuildCache pushes repo:cache, as BuildKit's registry cache is: an index of a layer and a
// cacheconfig, both of them blobs. It also lists a blob of an unknown media type.
func (s *server) pushBuildCache(repo string) manifest.Descriptor {
	s.t.Helper()
	return s.pushList(repo, "cache",
		s.pushBlob(repo, manifest.MediaTypeOCILayer, []byte("cached layer")),
		s.pushBlob(repo, "text/spdx", []byte("an SBOM")),
		s.pushBlob(repo, manifest.MediaTypeBuildKitCache, []byte(`{"layers":[{"parent":-1}],"records":[]}`)))
}

func TestBuildCacheIsCopiedByEveryCommand(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.target.Handler = &registry.Handler{RefuseSparse: true}
	digest := string(c.source.pushBuildCache("ci/app").Digest)
	c.writeList("FROM/ci/app:* TO/synced")
	for _, line := range []string{
		"copy FROM/ci/app:cache TO/copied:cache",
		"copy FROM/ci/app:cache TO/several/a:cache TO/several/b:cache",
		"sync -f @/images",
		"copy -q FROM/ci/app:cache oci:@/folder:cache",
		"copy oci:@/folder:cache TO/from/folder:cache",
		"save -q -o @/cache.tar FROM/ci/app:cache",
		"load @/cache.tar TO/loaded",
		"copy oci-archive:@/cache.tar TO/from/tar:cache",
		"verify @/folder", "verify @/cache.tar", "verify TO/copied:cache", "verify --deep TO/loaded/ci/app:cache",
		"pull -q FROM/ci/app:cache", "tag FROM/ci/app:cache TO/pushed:cache", "prune", "push TO/pushed:cache",
	} {
		c.do(line).want(0)
	}
	for _, repo := range []string{
		"copied", "several/a", "several/b", "synced", "from/folder", "loaded/ci/app", "from/tar", "pushed",
	} {
		if !c.target.has(repo, digest) || !c.target.has(repo, "cache") {
			t.Errorf("the target does not have %s:cache", repo)
		}
	}
	o := c.do("inspect TO/copied:cache").want(0)
	if strings.Count(o.stdout, "\nblob  ") != 3 {
		t.Errorf("%s\nprints\n%s", o.line, o.stdout)
	}
}

// CNCF distribution 3 accepts only manifests as entries of an index.
func TestRegistryThatTakesNoIndexOfBlobs(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushBuildCache("ci/app")
	c.target.Set(registry.Rule{
		Match: "^PUT .*/manifests/", Status: 400,
		Body: `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}`,
	})
	c.do("copy FROM/ci/app:cache DST").wantError(wantedError{1, "MANIFEST_BLOB_UNKNOWN", "image-manifest=true"})
	o := c.do("copy SRC DST")
	if strings.Contains(o.stderr, "BuildKit") {
		t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
}

func TestPlanOfABuildCacheMatchesTheRun(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushBuildCache("ci/app")
	r := c.checkPlans(c.source, c.target).runAsPlanned("copy", "--jobs=1", c.source.host+"/ci/app:cache", c.dst)
	r.want(t, "3 uploads, 0 mounts, 0 present, 58 bytes", "sessions", "anonymous")
	if len(r.Images) != 1 || len(r.Images[0].Blobs) != 3 || r.Images[0].Manifests != nil {
		t.Errorf("got %+v", r.Images)
	}
}

func TestVerifyFindsAMissingBlobOfAnIndex(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	for _, mediaType := range []string{manifest.MediaTypeOCILayer, "text/spdx"} {
		missing := manifest.Descriptor{MediaType: mediaType, Digest: emptySHA256, Size: 7}
		c.source.pushList("ci/app", "cache", missing)
		if o := c.do("verify FROM/ci/app:cache").want(7); !strings.Contains(o.stdout, emptySHA256) {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
		o := c.do("copy FROM/ci/app:cache DST").want(4, "e3b0c44298fc")
		if c.target.has("dst/repo", "1.6") {
			t.Errorf("%s: the target has the tag", o.line)
		}
	}
}
