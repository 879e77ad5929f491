package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

func TestRmi(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	list, repo := s.pushThreePlatforms(), s.host+"/src/repo"
	parts := s.platformDigests("src/repo", "1.6")
	p.run("pull", repo+":1.6").want(0)
	p.run("tag", repo+":1.6", repo+":latest").want(0)
	p.run("tag", string(parts["arm64"]), "dst/repo:arm64").want(0)
	p.run("tag", repo+":1.6", "dst/repo:1.6").want(0)

	if o := p.run("rmi", repo+":latest").want(0); o.stdout != "Untagged: "+repo+":latest\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	p.run("rmi", list.Digest.Hex()[:12]).want(cli.ExitFailed, "is in several repositories", "--force")
	p.run("rmi", string(parts["amd64"])).want(cli.ExitFailed, "belongs to an index in")
	o := p.run("rmi", "dst/repo:1.6", repo+":1.6", repo+":1.6").want(cli.ExitPartial, "1 of 3 failed")
	names, deleted, _ := strings.Cut(o.stdout, "Deleted: ")
	want := fmt.Sprintf("Untagged: dst/repo:1.6\nUntagged: dst/repo@%s\nUntagged: %s:1.6\nUntagged: %s@%s\n",
		list.Digest, repo, repo, list.Digest)
	if names != want {
		t.Error(cmp.Diff(want, names))
	}
	// Deleted are the list and two of its images with their configs and layers. The third image is
	// tagged in another repository.
	if n := strings.Count("Deleted: "+deleted, "Deleted: sha256:"); n != 1+2*3 {
		t.Errorf("%d deleted:\n%s", n, deleted)
	}
	if rows := p.imageRows(); len(rows) != 1 || rows[0].Repository != "docker.io/dst/repo" || rows[0].Tag != "arm64" {
		t.Errorf("images %v", rows)
	}
	p.checkStore()
	p.run("rmi", "-f", string(parts["arm64"])).want(0)
	if left := p.storeBlobs(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// rmi keeps the blobs of an incomplete pull.
func TestRmiKeepsIncompletePull(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	s.pushImage("x", "1", "linux/amd64", "x")
	p.run("pull", s.host+"/x:1").want(0)
	s.Set(registry.Rule{Match: "^GET .*/blobs/", Skip: 3, Status: http.StatusTeapot})
	p.run("pull", "--jobs", "1", s.host+"/src/repo:1.6").want(cli.ExitFailed)
	s.Set()
	p.run("rmi", s.host+"/x:1").want(0)
	if n := len(p.storeBlobs()); n < 3 {
		t.Errorf("%d blobs of the pull are left, want 3 or more", n)
	}
	p.run("pull", s.host+"/src/repo:1.6").want(0, "already there")
}

func TestPruneStore(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	repo, parts := s.host+"/src/repo", s.platformDigests("src/repo", "1.6")
	s.Set(registry.Rule{Match: "^GET .*/blobs/", Skip: 5, Status: http.StatusTeapot})
	p.run("pull", "--jobs", "1", repo+":1.6").want(cli.ExitFailed)
	s.Set()
	if len(p.storeBlobs()) == 0 {
		t.Fatal("the broken pull left nothing")
	}
	if rows := p.imageRows(); len(rows) > 0 {
		t.Errorf("what it left is listed: %v", rows)
	}
	if o := p.run("prune").want(0); !strings.Contains(o.stdout, "Deleted: sha256:") ||
		!strings.Contains(o.stdout, "Total reclaimed space: ") {
		t.Errorf("prune prints %s", o.stdout)
	}
	p.run("pull", repo+"@"+string(parts["arm64"]), repo+"@"+string(parts["amd64"])).want(0)
	p.run("tag", string(parts["arm64"]), repo+":arm64").want(0)
	if o := p.run("prune").want(0); o.stdout != "Total reclaimed space: 0 B\n" {
		t.Errorf("prune prints %s", o.stdout)
	}
	o := p.run("prune", "-a").want(0)
	if !strings.HasPrefix(o.stdout, "Untagged: "+repo+"@"+string(parts["amd64"])+"\nDeleted: ") {
		t.Errorf("prune -a prints %s", o.stdout)
	}
	p.checkStore()
	if n := len(p.storeBlobs()); n != 4 {
		t.Errorf("%d blobs left, want a manifest, its config and two layers", n)
	}
	if o := p.run("prune", "-a", "-q").want(0); o.stdout+o.stderr != "" {
		t.Errorf("quiet: %s%s", o.stdout, o.stderr)
	}
}

// A store in use is not pruned: prune waits and can be interrupted, and rmi leaves the blobs.
func TestPruneInUse(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	p.run("pull", s.host+"/src/repo:1.6").want(0)
	release, err := p.openStore().Hold()
	if err != nil {
		t.Fatal(err)
	}
	p.run("rmi", s.host+"/src/repo:1.6").want(0, "another command is using the store")
	if len(p.storeBlobs()) == 0 {
		t.Error("what is in use is gone")
	}
	p.ctx = interruptedContext()
	p.run("prune").want(cli.ExitInterrupted, "waiting for another command")
	release()
	p = &program{t: t, ctx: t.Context(), env: p.env}
	p.run("prune").want(0)
	if left := p.storeBlobs(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
