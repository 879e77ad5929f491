package main

import (
	"strings"
	"testing"
)

// Every command of docker image that transship has is found by docker's name, and its help names
// the other ones.
func TestDockersNames(t *testing.T) {
	p := newProgram(t)
	for name, same := range map[string]string{
		"image ls": "images", "image list": "images", "image pull": "pull", "image push": "push", "image rm": "rmi",
		"image remove": "rmi", "image tag": "tag", "image prune": "prune",
		"image load": "load",
	} {
		help := p.run(append(strings.Fields(name), "-h")...).want(0).stdout
		if !strings.Contains(help, "\nUsage: transship "+name+" ") || !strings.Contains(help, "transship "+same) {
			t.Errorf("help of %s:\n%s", name, help)
		}
		if other := p.run(same, "-h").want(0).stdout; !strings.Contains(other, "transship "+name) {
			t.Errorf("help of %s does not name %s", same, name)
		}
	}
	p.run("image", "lss").want(2, "did you mean image ls?")
	p.run("image").want(2, "image needs a command after it", "transship image -h")
}

// Under docker's name a command does the same, and messages have the name that was typed.
func TestDockersNamesRun(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	ref := s.host + "/src/repo:1.6"
	p.run("image", "pull", "-q", ref).want(0)
	p.run("image", "tag", ref, s.host+"/dst/repo:1").want(0)
	p.run("image", "push", "-q", s.host+"/dst/repo:1").want(0)
	if !s.has("dst/repo", "1") {
		t.Error("image push has pushed nothing")
	}
	if got, want := p.run("image", "ls").want(0).stdout, p.run("images").want(0).stdout; got != want {
		t.Errorf("image ls prints %s, images %s", got, want)
	}
	p.run("image", "rm", ref, s.host+"/dst/repo:1").want(0)
	p.run("image", "rm", ref).want(4, "transship image rm: no such image")
	p.run("image", "prune").want(0)
}
