package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// Blobs are mounted from the repository that they were pulled from, on the same registry.
func TestPushMounts(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	list := s.pushThreePlatforms()
	p.run("pull", s.host+"/src/repo:1.6").want(0)
	p.run("tag", s.host+"/src/repo:1.6", s.host+"/dst/repo:1.6").want(0)
	s.ResetRequests()
	o := p.run("push", s.host+"/dst/repo:1.6").want(0, "pushed "+s.host+"/dst/repo:1.6: 3 images; blobs: 7 mounted")
	if want := fmt.Sprintf("1.6: digest: %s size: %d\n", list.Digest, list.Size); o.stdout != want {
		t.Error(cmp.Diff(want, o.stdout))
	}
	if n := s.Count("^PUT .*/blobs/|^PATCH"); n != 0 {
		t.Errorf("%d uploads", n)
	}
	if o := p.run("push", "-q", s.host+"/dst/repo:1.6").want(0); o.stdout != s.host+"/dst/repo:1.6\n" ||
		o.stderr != "" {
		t.Errorf("quiet: %s%s", o.stdout, o.stderr)
	}
	p.run("push", s.host+"/dst/repo:1.7").want(cli.ExitNotFound, "no such image in the local store")
	p.run("push", s.host+"/dst/repo:1.6@"+string(list.Digest)).want(cli.ExitUsage)
	p.run("push", s.host+"/dst/repo@"+string(list.Digest)).want(0)
}

// Blobs that the registry has lost since the pull are sent.
func TestPushWithoutMount(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	p.run("pull", s.host+"/src/repo:1.6").want(0)
	s.Handler = startServer(t).Handler
	p.run("tag", s.host+"/src/repo:1.6", s.host+"/dst/repo:1.6").want(0)
	p.run("push", s.host+"/dst/repo:1.6").want(0, "blobs: 7 sent")
}

// A blob damaged on disk is not pushed, and its image gets no tag.
func TestPushOfDamagedBlob(t *testing.T) {
	s, to, p := startServer(t), startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "precious")
	p.run("pull", s.host+"/x:1").want(0)
	p.run("tag", s.host+"/x:1", to.host+"/x:1").want(0)
	layer := filepath.Join(p.storePath(), "blobs", "sha256", blob.FromBytes([]byte("precious")).Hex())
	if err := os.WriteFile(layer, []byte("previous"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.run("push", to.host+"/x:1").want(cli.ExitIntegrity, "hint: the local store is damaged: remove")
	if to.has("x", "1") {
		t.Error("it is tagged")
	}
}

// tag accepts every form of an image name that docker accepts.
func TestTagFindsImage(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	list, repo := s.pushThreePlatforms(), s.host+"/src/repo"
	parts := s.platformDigests("src/repo", "1.6")
	p.run("pull", repo+":1.6").want(0)
	im, err := p.openStore().Repository(repo).Manifest(t.Context(), string(parts["arm64"]))
	if err != nil {
		t.Fatal(err)
	}
	refs, _ := im.References()
	for src, want := range map[string]blob.Digest{
		repo + ":1.6":                           list.Digest,
		repo + "@" + string(list.Digest):        list.Digest,
		repo + "@" + string(parts["arm64"]):     parts["arm64"],
		string(list.Digest):                     list.Digest,
		list.Digest.Hex():                       list.Digest,
		list.Digest.Hex()[:12]:                  list.Digest,
		list.Digest.Short():                     list.Digest,
		string(parts["amd64"]):                  parts["amd64"],
		string(refs[0].Digest):                  parts["arm64"],
		strings.ToLower(refs[0].Digest.Short()): parts["arm64"],
	} {
		p.run("tag", src, "dst/repo:new").want(0)
		if o := p.run("images", "-q", "--no-trunc", "dst/repo:new"); o.stdout != string(want)+"\n" {
			t.Errorf("tag %s is %s, want %s", src, o.stdout, want)
		}
	}
	p.run("tag", "sha256:", "x").want(cli.ExitUsage)
	p.run("tag", "nothing", "x").
		want(cli.ExitNotFound, "no such image in the local store: nothing", "hint: transship images")
	p.run("tag", "0123456789ab", "x").want(cli.ExitNotFound)
	p.run("tag", repo+":1.6", "x@"+string(list.Digest)).want(cli.ExitUsage)
	p.run("tag", repo+":1.6", "X").want(cli.ExitUsage)
	p.checkStore()
}

// An ambiguous ID is refused with the matching images. With more digits it is unique.
func TestAmbiguousID(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	seen := map[byte]string{}
	for i := 0; ; i++ {
		tag := fmt.Sprint(i)
		d := s.pushImage("x", tag, "linux/amd64", tag)
		p.run("pull", "-q", s.host+"/x:"+tag).want(0)
		first := d.Digest.Hex()[0]
		if other := seen[first]; other != "" {
			p.run("tag", string(first), "y").
				want(cli.ExitUsage, "matches several images: sha256:", d.Digest.Short(), "hint: give more digits")
			p.run("tag", d.Digest.Hex()[:8], "y").want(0)
			return
		}
		seen[first] = tag
	}
}
