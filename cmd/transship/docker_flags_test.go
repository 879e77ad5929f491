package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// Flags of docker's commands that mean nothing here are taken with a note, or refused with the reason.
func TestDockersFlags(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	ref := s.host + "/src/repo:1.6"
	for line, note := range map[string]string{
		"pull --disable-content-trust REF":       "note: --disable-content-trust has no effect: content trust",
		"push --disable-content-trust=false REF": "note: --disable-content-trust has no effect: content trust",
		"rmi --no-prune REF":                     "note: --no-prune has no effect: an image has no untagged parents",
		"image prune -f -a":                      "",
	} {
		p.run("pull", "-q", ref).want(0)
		p.run(strings.Fields(strings.ReplaceAll(line, "REF", ref))...).want(0, note)
	}
	p.run("pull", "-q", ref).want(0)
	for line, want := range map[string]wantedError{
		"push --disable-content-trust=x REF": {2, "--disable-content-trust", ""},
		"rmi --platform linux/arm64 REF":     {2, "--platform: an image of the store keeps all", ""},
		"image prune --filter until=24h":     {2, "--filter: prune removes what no image needs", ""},
		"pull --all-tags REF":                {2, "a repository is wanted here, without :1.6", ""},
		"push -a REF":                        {2, "a repository is wanted here, without :1.6", ""},
		"push --platform linux/s390x REF":    {4, "linux/s390x", ""},
	} {
		p.run(strings.Fields(strings.ReplaceAll(line, "REF", ref))...).wantError(want)
	}
	if o := p.run("pull", "--disable-content-trust", "-q", ref).want(0); o.stderr != "" {
		t.Errorf("quiet: %s", o.stderr)
	}
}

func TestAllTags(t *testing.T) {
	s, dst, p := startServer(t), startServer(t), newProgram(t)
	s.pushThreePlatforms()
	s.pushImage("src/repo", "1.10", "linux/amd64", "ten")
	s.pushImage("src/repo", "latest", "linux/amd64", "latest")
	repo := s.host + "/src/repo"
	o := p.run("pull", "-q", "-a", repo).want(0)
	if want := repo + ":1.6\n" + repo + ":1.10\n" + repo + ":latest\n"; o.stdout != want {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	for _, tag := range []string{"1.6", "1.10"} {
		p.run("tag", repo+":"+tag, dst.host+"/dst/repo:"+tag).want(0)
	}
	o = p.run("push", "--all-tags", dst.host+"/dst/repo").want(0)
	if n := strings.Count(o.stdout, "digest: sha256:"); n != 2 || !dst.has("dst/repo", "1.6") || !dst.has("dst/repo", "1.10") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	p.run("push", "-a", dst.host+"/dst/none").wantError(wantedError{4, "no such image in the local store", "transship images"})
	p.run("pull", "-a", dst.host+"/dst/none").want(4)
	p.run("pull", "-a", "--plan", repo).want(0)
}

// One tag that fails does not keep the others from being pulled.
func TestAllTagsWithABrokenOne(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("src/repo", "1", "linux/amd64", "one")
	s.pushImage("src/repo", "2", "linux/amd64", "two")
	s.pushImage("src/repo", "3", "linux/amd64", "three")
	s.Set(registry.Rule{Match: "^GET .*/manifests/2$", Status: http.StatusTeapot})
	o := p.run("pull", "-a", "-q", s.host+"/src/repo").want(8, "failed: "+s.host+"/src/repo:2: ", "1 of 3 failed")
	if strings.Count(o.stdout, "\n") != 2 || len(p.imageRows()) != 2 {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
}

func TestPushPlatform(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	parts := s.platformDigests("src/repo", "1.6")
	p.run("pull", "-q", s.host+"/src/repo:1.6").want(0)
	p.run("tag", s.host+"/src/repo:1.6", s.host+"/dst/repo:1").want(0)
	o := p.run("push", "--platform", "linux/arm64", s.host+"/dst/repo:1").want(0)
	if want := "1: digest: " + string(parts["arm64"]); !strings.HasPrefix(o.stdout, want) {
		t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, want)
	}
}

func TestRmiForceOfWhatIsNotThere(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	p.run("pull", "-q", s.host+"/x:1").want(0)
	p.run("rmi", "-f", "nothing:1", s.host+"/x:1").want(0, "no such image in the local store: nothing:1")
	if len(p.imageRows()) != 0 {
		t.Error("the image that was there is left")
	}
	p.run("rmi", "nothing:1").want(4)
}
