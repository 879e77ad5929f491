package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// foreignContent is the foreign layer of pushForeign.
const foreignContent = "a base of Windows"

// pushForeign pushes repo:1, an image with a foreign layer that the descriptor has at these URLs. The
// registry gets the layer only if there is set.
func (s *server) pushForeign(repo string, there bool, urls ...string) manifest.Descriptor {
	s.t.Helper()
	config := s.pushBlob(repo, manifest.MediaTypeDockerConfig, []byte(`{"os":"windows","architecture":"amd64"}`))
	layer := manifest.Descriptor{
		MediaType: manifest.MediaTypeDockerForeignLayer, Digest: blob.FromBytes([]byte(foreignContent)),
		Size: int64(len(foreignContent)), URLs: urls,
	}
	if there {
		s.pushBlob(repo, layer.MediaType, []byte(foreignContent))
	}
	raw, err := manifest.DockerStyle().EncodeImage(manifest.Image{
		SchemaVersion: 2, MediaType: manifest.MediaTypeDockerManifest, Config: &config,
		Layers: []manifest.Descriptor{layer, s.pushBlob(repo, manifest.MediaTypeDockerLayer, []byte("app"))},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.pushManifest(repo, "1", raw)
}

// wantForeign checks whether verify finds the foreign layer of an image, or names it as left out.
func (c *copySetup) wantForeign(what string, there bool) {
	c.t.Helper()
	o := c.do("verify --json " + what).want(0)
	var got struct {
		Checks  int
		LeftOut []struct {
			Digest blob.Digest
			URLs   []string
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
		c.t.Fatal(err)
	}
	if left := len(got.LeftOut); there && left != 0 || !there && left != 1 {
		c.t.Errorf("%s: verify prints %s", what, o.stdout)
	}
	o = c.do("verify " + what).want(0)
	if named := strings.Contains(o.stdout, "left out: foreign layer sha256:"); named == there {
		c.t.Errorf("%s: verify prints %s", what, o.stdout)
	}
}

func TestForeignLayersThatTheSourceHasAreCarried(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushForeign("win", true, "https://layers.invalid/x")
	c.writeList("FROM/win:1 TO/synced")
	for _, line := range []string{
		"copy FROM/win:1 TO/copied:1",
		"copy FROM/win:1 TO/several/a:1 TO/several/b:1",
		"copy FROM/win:1 oci:@/folder:1", "copy oci:@/folder:1 TO/from/folder:1",
		"save -o @/x.tar FROM/win:1", "load @/x.tar TO/loaded", "sync -f @/images",
		"save -o @/y.tar --since @/x.tar FROM/win:1", "load @/y.tar TO/loaded",
	} {
		if o := c.do(line).want(0); strings.Contains(o.stderr, "left out") {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
	for _, what := range []string{
		"TO/copied:1", "TO/several/a:1", "TO/several/b:1", "@/folder", "TO/from/folder:1", "@/x.tar", "@/y.tar",
		"TO/loaded/win:1", "TO/synced:1",
	} {
		c.wantForeign(what, true)
	}
	c.do("copy --foreign-layers skip FROM/win:1 TO/skipped:1").want(0, "as --foreign-layers skip says",
		"1 foreign left out")
	c.wantForeign("TO/skipped:1", false)
}

func TestForeignLayersThatAreLeftOutAreNamed(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushForeign("win", false, "https://layers.invalid/x")
	c.writeList("FROM/win:1 TO/synced")
	digest := string(blob.FromBytes([]byte(foreignContent)))
	for _, line := range []string{
		"copy FROM/win:1 TO/copied:1",
		"copy FROM/win:1 TO/several/a:1 TO/several/b:1",
		"save -o @/x.tar FROM/win:1", "load @/x.tar TO/loaded", "sync -f @/images", "pull FROM/win:1",
	} {
		o := c.do(line).want(0, digest, "fetch gets it from https://layers.invalid/x")
		if n := strings.Count(o.stderr, digest); n != 1 {
			t.Errorf("%s\nnames the layer %d times:\n%s", o.line, n, o.stderr)
		}
		if strings.Contains(line, "TO/several") {
			continue // it has no summary of blobs
		}
		o.want(0, "1 foreign left out")
	}
	c.wantForeign("TO/copied:1", false)
	c.wantForeign("@/x.tar", false)
	o := c.do("sync --json -f @/images").want(0)
	if report := o.syncReport(); report.LeftOut != nil {
		t.Errorf("an image that is up to date: %s", o.stdout)
	}
	c.writeList("FROM/win:1 TO/again")
	o = c.do("sync --json -f @/images").want(0)
	if report := o.syncReport(); len(report.LeftOut) != 1 || string(report.LeftOut[0].Digest) != digest {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	r := c.checkPlans(c.source, c.target)
	report := r.runAsPlanned("copy", "--jobs=1", c.source.host+"/win:1", c.dst)
	if layer := report.Images[0].Blobs[1]; layer.Action != "elsewhere" || string(layer.Digest) != digest {
		t.Errorf("planned %+v", layer)
	}
}

func TestForeignLayersAreFetchedWhenTold(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	var authorization []string
	layers := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization = append(authorization, r.Header.Get("Authorization"))
		if r.URL.Path != "/there" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, foreignContent)
	}))
	c.source.pushForeign("win", false, "ftp://layers.invalid/x", "http://"+layers+"/gone", "http://"+layers+"/there")
	for _, line := range []string{
		"copy --foreign-layers fetch --src-creds a:" + secret + " FROM/win:1 TO/copied:1",
		"save --foreign-layers fetch -o @/x.tar FROM/win:1",
		"copy --foreign-layers fetch FROM/win:1 oci-archive:@/y.tar:win:1",
	} {
		c.do(line).want(0)
	}
	for _, what := range []string{"TO/copied:1", "@/x.tar", "@/y.tar"} {
		c.wantForeign(what, true)
	}
	if strings.Join(authorization, "") != "" {
		t.Errorf("the URL's host got %q", authorization)
	}
	c.do("copy --foreign-layers fetch --allow-host FROM,TO FROM/win:1 TO/refused:1").want(9, "allow-host")

	c.source.pushForeign("gone", false, "http://"+layers+"/gone")
	c.do("copy --foreign-layers fetch FROM/gone:1 TO/gone:1").wantError(wantedError{4, "/gone: 404", "the URL is in the image"})
	c.source.pushForeign("wrong", false, "http://"+c.source.host+"/v2/")
	c.do("copy --foreign-layers fetch FROM/wrong:1 TO/wrong:1").want(7)
	if c.target.has("gone", "1") || c.target.has("wrong", "1") || c.target.has("refused", "1") {
		t.Error("the target has a tag")
	}
	c.do("copy --foreign-layers maybe FROM/win:1 TO/x:1").want(2, `"maybe" is not one of carry, fetch and skip`)
}

// CNCF distribution answers 500 to a manifest whose layers have URLs that it does not allow.
func TestTargetThatRefusesURLsIsQuoted(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushForeign("win", true, "https://layers.invalid/x")
	c.target.Set(registry.Rule{
		Match: "^PUT .*/manifests/", Status: http.StatusBadRequest,
		Body: `{"errors":[{"code":"MANIFEST_INVALID","message":"invalid URL on layer"}]}`,
	})
	c.do("copy FROM/win:1 TO/a:1 TO/b:1").want(8, "MANIFEST_INVALID invalid URL on layer")
	c.do("copy FROM/win:1 TO/a:1").wantError(wantedError{1, "invalid URL on layer", "the registry may not allow these"})
}

// A target that has an image without its foreign layer gets the layer from a folder or tar, which is
// read without calls, and from a registry where --foreign-layers fetch asks for it.
func TestForeignLayersAreAddedToAnImageThatIsThere(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	c.source.pushForeign("win", true, "https://layers.invalid/x")
	for _, line := range []string{"copy FROM/win:1 oci:@/folder:1", "save -o @/x.tar FROM/win:1"} {
		c.do(line).want(0)
	}
	for i, line := range []string{
		"copy oci:@/folder:1 TO/win:1", "load @/x.tar TO", "copy --foreign-layers fetch FROM/win:1 TO/win:1",
	} {
		to := fmt.Sprintf("TO/n%d", i)
		line = strings.Replace(line, "TO", to, 1)
		c.do("copy --foreign-layers skip FROM/win:1 " + to + "/win:1").want(0)
		c.wantForeign(to+"/win:1", false)
		c.do(line).want(0, "blobs: 1 ")
		c.wantForeign(to+"/win:1", true)
		c.do(line).want(0)
	}
}
