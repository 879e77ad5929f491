package main

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
)

// --referrers copies signatures and SBOMs into layouts and tars, and out of them.
func TestCopyReferrersThroughFiles(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	list := c.source.pushThreePlatforms()
	sbom := c.source.pushSigned("src/repo", list)
	signature := c.source.pushReferrer("src/repo", sbom, "application/vnd.example.signature")
	for i, through := range []string{"oci:@/lay", "oci-archive:@/x.tar", "docker-archive:@/y.tar"} {
		to := fmt.Sprintf("copy%d", i)
		c.do("copy --referrers SRC " + through).want(0)
		c.do("copy " + through + " TO/" + to + "/plain:1").want(0)
		c.do("copy --referrers " + through + " TO/" + to + "/signed:1").want(0)
		for _, ref := range []string{string(sbom.Digest), string(signature.Digest), cosignTag(list)} {
			if !c.target.has(to+"/signed", ref) || c.target.has(to+"/plain", ref) {
				t.Errorf("%s: %s is there %v, and without --referrers %v", through, ref,
					c.target.has(to+"/signed", ref), c.target.has(to+"/plain", ref))
			}
		}
	}
	c.do("copy SRC oci-archive:@/z.tar").want(0)
	if got := len(imagesIn(t, c.path("x.tar"))); got != 4 || len(imagesIn(t, c.path("z.tar"))) != 1 {
		t.Errorf("the tar with referrers has %d images", got)
	}
}

// Other tools name an image of a layout by a bare tag. A copy to another layout keeps the tag, and
// referrers of such an image are found.
func TestCopyOfBareTag(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	list := c.source.pushThreePlatforms()
	sbom := c.source.pushReferrer("src/repo", list, "application/spdx+json")
	c.do("copy --referrers SRC oci:@/lay:1").want(0)
	setBareTags(t, c.path("lay"), "3.18")
	c.do("copy oci:@/lay oci:@/other").want(0)
	c.do("copy oci:@/other:3.18 TO/x:1").want(0)
	c.do("copy --referrers oci:@/lay:3.18 TO/y:1").want(0)
	if !c.target.has("y", string(sbom.Digest)) {
		t.Error("the SBOM is not there")
	}
	c.do("copy oci:@/lay oci-archive:@/nameless.tar").want(0)
	if got := imagesIn(t, c.path("nameless.tar")); len(got) != 1 || got[string(list.Digest)] != list.Digest {
		t.Errorf("the tar has %v", got)
	}
	c.do("copy oci-archive:@/nameless.tar TO/z:1").want(0)
	c.do("copy --referrers oci:@/lay oci-archive:@/nameless.tar").want(0)
	c.do("copy --referrers oci-archive:@/nameless.tar TO/zz:1").want(0)
	if !c.target.has("zz", string(sbom.Digest)) {
		t.Error("the SBOM is not in the tar")
	}
	c.do("copy oci:@/lay oci-archive:@/x.tar:4").
		wantError(wantedError{2, "the image has no name to which the tag could belong", "x.tar:NAME:4"})
}

// The target tar is replaced only when the new one is complete. Blobs of the interrupted copy are
// not fetched again.
func TestCopyReplacesTarWhenComplete(t *testing.T) {
	c := newCopySetup(t)
	c.source.pushImage("old", "1", "linux/amd64", "old")
	c.do("copy FROM/old:1 oci-archive:@/x.tar").want(0)
	before := readFile(t, c.path("x.tar"))
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/", Skip: 4, Status: 404})
	c.do("copy --jobs 1 SRC oci-archive:@/x.tar").
		wantError(wantedError{4, "404 Not Found", "x.tar.partial keeps what was written: run the same command again"})
	if readFile(t, c.path("x.tar")) != before {
		t.Error("the tar has changed")
	}
	c.source.Set()
	c.source.ResetRequests()
	c.do("copy SRC oci-archive:@/x.tar").want(0, "blobs: 3 sent, 4 already there")
	if n := c.source.Count("^GET .*/blobs/"); n != 3 {
		t.Errorf("%d blobs were read, want those that had not come", n)
	}
	if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"x.tar", "x.tar.json"}) {
		t.Errorf("there is %v", got)
	}
	c.verifySound(c.path("x.tar"))
}

func TestCopyToTarInterrupted(t *testing.T) {
	c := newCopySetup(t)
	c.interruptOn(registry.Rule{Match: "^GET .*/blobs/"})
	c.do("copy SRC oci-archive:@/x.tar").wantError(wantedError{130, "transship copy: interrupted",
		c.path("x.tar.partial") + " keeps what was written"})
	if _, err := os.Stat(c.path("x.tar")); err == nil {
		t.Error("the tar is there")
	}
}

// --dst-creds is for the first target on a registry.
func TestCredentialsGoToFirstRegistryTarget(t *testing.T) {
	c := newCopySetup(t)
	guarded := listen(t, requirePassword(c.target))
	c.run("copy", "--dst-creds", user+":"+password, c.src, "oci:"+c.path("lay"), guarded+"/x:1").want(0)
	c.run("copy", "--dst-creds", user+":"+password, c.src, c.source.host+"/y:1", guarded+"/y:1").
		want(8, "failed: "+guarded)
}

// A tar of docker save without an OCI layout is copied with a Docker manifest made of its layers.
func TestCopyFromDockerSave(t *testing.T) {
	c := newCopySetup(t)
	layer := makeTar(t, "hello", "world")
	id := blob.FromBytes([]byte(layer)).Hex()
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}`, id)
	c.writeFile("saved.tar", makeTar(t, "config.json", config, "one/layer.tar", layer,
		"manifest.json", `[{"Config":"config.json","RepoTags":["dst/repo:1.6"],"Layers":["one/layer.tar"]}]`))
	for _, from := range []string{"docker-archive:@/saved.tar", "docker-archive:@/saved.tar:dst/repo:1.6",
		"docker-archive:@/saved.tar:1.6"} {
		c.do("copy " + from + " TO/x:1").want(0)
	}
	if o := c.do("inspect TO/x:1").want(0); !strings.Contains(o.stdout, "linux/amd64") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.do("verify --deep TO/x:1").want(0)
	c.do("copy docker-archive:@/saved.tar:nope TO/x:2").
		wantError(wantedError{4, "there is no image nope; there is dst/repo:1.6", ""})
}

// makeTar returns a tar of the given names and contents, in turn.
func makeTar(t testing.TB, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: members[i], Size: int64(len(members[i+1])), Mode: 0o644}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(members[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// After the manifests are read, a registry that is source and target is accessed with one token,
// also where a tar is written in the same pass.
func TestCopyToTarNeedsOneToken(t *testing.T) {
	c := newCopySetup(t)
	f := &registry.Faults{Handler: &tokenRegistry{next: c.source, public: true}}
	host := listen(t, f)
	c.writeFile(".docker/config.json", fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host,
		base64.StdEncoding.EncodeToString([]byte(user+":"+password))))
	c.run("copy", host+"/src/repo:1.6", host+"/dst/repo:1.6", "oci-archive:"+c.path("x.tar")).want(0)
	const source, target = "scope=repository%3Asrc%2Frepo%3Apull", "scope=repository%3Adst%2Frepo%3Apull%2Cpush"
	one, both := f.Count("^GET /token.*client_id=transship&"+source), f.Count("^GET /token.*"+target+"&"+source)
	if all := f.Count("^GET /token"); both != 1 || all != one+both {
		t.Errorf("%d tokens, %d for both repositories: %v", all, both, f.Requests())
	}
}
