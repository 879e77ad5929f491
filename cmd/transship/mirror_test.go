package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// mirrorSetup is a registry without images, two mirrors that have one, and a target.
type mirrorSetup struct {
	*program
	origin, first, second, target *server
	src, dst, digest              string
}

func newMirrorSetup(t *testing.T) *mirrorSetup {
	t.Helper()
	s := &mirrorSetup{
		program: newProgram(t), origin: startServer(t), first: startServer(t), second: startServer(t), target: startServer(t),
	}
	s.src, s.dst = s.origin.host+"/src/repo:1.6", s.target.host+"/dst/repo:1.6"
	s.digest = string(s.first.pushThreePlatforms().Digest)
	s.second.pushThreePlatforms()
	s.configure(s.first.host, s.second.host)
	for _, at := range []*server{s.first, s.second} {
		at.ResetRequests()
	}
	return s
}

// configure writes the configuration file that gives the origin its mirrors.
func (s *mirrorSetup) configure(mirrors ...string) {
	s.t.Helper()
	s.writeFile(".config/transship/config.json", fmt.Sprintf(`{"version": 1, "hosts": {%q: {"mirrors": ["%s"]}}}`,
		s.origin.host, strings.Join(mirrors, `", "`)))
}

func TestCopyFromMirror(t *testing.T) {
	s := newMirrorSetup(t)
	o := s.run("copy", s.src, s.dst).want(0, "copied "+s.src+" to "+s.dst,
		"reads of "+s.origin.host+" served: 11 by its mirror "+s.first.host+"\n")
	if want := s.dst + "@" + s.digest + "\n"; o.stdout != want {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	if n := len(s.origin.Requests()) + len(s.second.Requests()); n != 0 {
		t.Errorf("%d calls to others than the first mirror", n)
	}
	if !s.target.has("dst/repo", "1.6") {
		t.Error("the target lacks the image")
	}
	s.run("digest", s.src).want(0)
	s.run("save", "-o", s.env["HOME"]+"/a.tar", s.src).want(0, "by its mirror "+s.first.host)
	s.run("pull", s.src).want(0, "by its mirror "+s.first.host)
	s.run("inspect", "--platform", "linux/arm64", s.src).want(0)
	if n := len(s.origin.Requests()); n != 0 {
		t.Errorf("%d calls to the registry", n)
	}
}

// Whatever is wrong with the first mirror, the second one serves, and the run says why.
func TestCopyFromSecondMirror(t *testing.T) {
	for name, test := range map[string]struct {
		rule  registry.Rule
		notes string // with MIRROR for the first one
	}{
		"missing": {registry.Rule{Status: 404}, ""},
		"busy":    {registry.Rule{Status: 503, Header: map[string]string{"Retry-After": "600"}}, "mirror MIRROR: 503 Service Unavailable; asking the next"},
		"limit":   {registry.Rule{Status: 429}, "mirror MIRROR: 429 Too Many Requests; asking the next"},
		"denied":  {registry.Rule{Status: 403}, "mirror MIRROR: 403 Forbidden; asking the next (transship login MIRROR stores an account)"},
		"down":    {registry.Rule{Cut: registry.CutResponse}, "; it is not asked any more"},
		"other bytes of a manifest": {registry.Rule{Match: "GET .*/manifests/sha256", Corrupt: true},
			"warning: mirror MIRROR: other bytes than sha256:"},
		"other bytes of blobs": {registry.Rule{Match: "GET .*/blobs/", Corrupt: true},
			"warning: mirror MIRROR: other bytes than sha256:"},
	} {
		s := newMirrorSetup(t)
		s.first.Set(test.rule)
		o := s.run("copy", s.src, s.dst).want(0, strings.ReplaceAll(test.notes, "MIRROR", s.first.host),
			"by its mirror "+s.second.host)
		if want := s.dst + "@" + s.digest + "\n"; o.stdout != want || len(s.origin.Requests()) != 0 || len(s.waits) != 0 {
			t.Errorf("%s: prints %s, %d calls to the registry, waits %v", name, o.stdout, len(s.origin.Requests()), s.waits)
		}
	}
}

func TestMirrorThatIsDown(t *testing.T) {
	s := newMirrorSetup(t)
	down := unusedAddress(t)
	s.configure(down, s.first.host)
	o := s.run("copy", s.src, s.dst).want(0, "mirror "+down+": ", "connection refused; it is not asked any more")
	if n := strings.Count(o.stderr, "mirror "+down); n != 1 {
		t.Errorf("%s\nnames the mirror %d times:\n%s", o.line, n, o.stderr)
	}
}

// A mirror gets its own account, and not that of --creds, which is for the registry.
func TestMirrorWithAccount(t *testing.T) {
	s := newMirrorSetup(t)
	guarded := listen(t, requirePassword(s.first))
	s.configure(guarded)
	s.run("copy", "--src-creds", user+":"+password, s.src, s.dst).want(4, "mirror "+guarded+": 401 Unauthorized; asking the next")
	s.run("login", "--username", user, "--password", password, guarded).want(0)
	s.run("copy", s.src, s.dst).want(0, "by its mirror "+guarded)
}

// The last to be asked is the registry, and the error is its own.
func TestAllMirrorsFail(t *testing.T) {
	s := newMirrorSetup(t)
	s.first.Set(registry.Rule{Status: 404})
	s.second.Set(registry.Rule{Status: 403})
	s.run("copy", s.src, s.dst).want(4, "its mirrors failed: "+s.first.host+": 404 Not Found; "+s.second.host+": 403 Forbidden")

	s.first.Set(registry.Rule{Match: "GET .*/blobs/", Corrupt: true})
	s.second.Set(registry.Rule{Match: "GET .*/blobs/", Corrupt: true})
	s.run("copy", s.src, s.dst).want(7, "other bytes than sha256:")
	if s.target.has("dst/repo", "1.6") {
		t.Error("the target has a damaged image")
	}
	s.origin.pushThreePlatforms()
	s.run("copy", s.src, s.dst).want(0, "itself\n")
}

// A policy of the run is for mirrors too: no other place is asked instead.
func TestMirrorsUnderPolicy(t *testing.T) {
	s := newMirrorSetup(t)
	s.run("copy", "--allow-host", s.origin.host+","+s.target.host, s.src, s.dst).want(9, s.first.host)
	if n := len(s.first.Requests()) + len(s.second.Requests()); n != 0 {
		t.Errorf("%d calls", n)
	}
	audit := s.env["HOME"] + "/a.jsonl"
	s.run("copy", "--audit", audit, s.src, s.dst).want(0)
	if shown := s.run("audit", "show", audit).want(0).stdout; !strings.Contains(shown, s.first.host) {
		t.Errorf("the audit does not have the mirror:\n%s", shown)
	}
}

// Mirrors have no say in what a target has.
func TestMirrorsOfTarget(t *testing.T) {
	s := newMirrorSetup(t)
	s.origin.Set()
	s.run("copy", s.first.host+"/src/repo:1.6", s.src).want(0, "3 images; blobs: 7 sent")
	if !s.origin.has("src/repo", "1.6") {
		t.Error("nothing was written")
	}
	s.run("verify", s.first.host+"/src/repo:1.6").want(0)
	s.second.Set(registry.Rule{Status: http.StatusNotFound})
	s.first.Set(registry.Rule{Status: http.StatusNotFound})
	s.run("verify", s.src).want(0)
}

// An official image of Docker Hub has library/ at a mirror too, and the call says whose it is.
func TestMirrorOfDockerHub(t *testing.T) {
	p, mirror, target := newProgram(t), startServer(t), startServer(t)
	mirror.pushImage("hub/library/alpine", "3.20", "linux/amd64", "layer")
	mirror.ResetRequests()
	p.writeFile(".config/transship/config.json",
		`{"version": 1, "hosts": {"docker.io": {"mirrors": ["`+mirror.host+`/hub"]}}}`)
	p.run("copy", "alpine:3.20", target.host+"/alpine:3.20").
		want(0, "reads of docker.io served: ", "by its mirror "+mirror.host+"/hub")
	if n := mirror.Count(`/v2/hub/library/alpine/.*\?ns=docker\.io$`); n != len(mirror.Requests()) || n < 3 {
		t.Errorf("%d of %d calls are to hub/library/alpine with its namespace", n, len(mirror.Requests()))
	}
}

func TestMirrorForDigestsOnly(t *testing.T) {
	s := newMirrorSetup(t)
	fresh := s.origin.pushList("src/repo", "1.6", s.origin.pushImage("src/repo", "", "linux/amd64", "fresh"))
	s.origin.ResetRequests()
	if got := s.run("digest", s.src).want(0).stdout; got != s.digest+"\n" {
		t.Errorf("a tag is not the mirror's: %s", got)
	}
	s.writeFile(".config/transship/config.json", fmt.Sprintf(
		`{"version": 1, "hosts": {%q: {"mirrors": [%q], "pull-from-mirror": "digest-only"}}}`, s.origin.host, s.first.host))
	if got := s.run("digest", s.src).want(0).stdout; got != string(fresh.Digest)+"\n" {
		t.Errorf("a tag is the mirror's: %s", got)
	}
}
