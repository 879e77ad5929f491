package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/inspect"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// pushAttested pushes a list as docker buildx makes it: an image and its attestation.
func (s *server) pushAttested(repo, tag string) {
	s.t.Helper()
	image := s.pushImage(repo, "", "linux/amd64", "content")
	about := s.pushImage(repo, "", "unknown/unknown", "in-toto")
	about.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest",
		"vnd.docker.reference.digest": string(image.Digest)}
	raw, err := manifest.OCIStyle().
		EncodeIndex(manifest.Index{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex,
			Manifests: []manifest.Descriptor{image, about}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.pushManifest(repo, tag, raw)
}

func TestInspect(t *testing.T) {
	s := startServer(t)
	s.pushThreePlatforms()
	s.pushAttested("built", "1")
	s.pushImage("single", "1", "linux/arm/v7", "a", "bc")
	s.pushList("nested", "1", s.pushList("nested", "", s.pushImage("nested", "", "linux/amd64", "x")),
		s.pushImage("nested", "", "windows/amd64:10.0.17763", "y"))
	p := newProgram(t)
	for name, ref := range map[string]string{"list": "src/repo:1.6", "attested": "built:1", "single": "single:1",
		"nested": "nested:1"} {
		golden(t, "inspect-"+name+".txt", p.run("inspect", s.host+"/"+ref).want(0).stdout, s.host, "REGISTRY")
		golden(t, "inspect-"+name+".json", p.run("inspect", "--json", s.host+"/"+ref).want(0).stdout,
			s.host, "REGISTRY")
	}
}

func TestInspectJSON(t *testing.T) {
	s := startServer(t)
	d := s.pushThreePlatforms()
	var got inspect.Inspection
	o := newProgram(t).run("inspect", s.host+"/src/repo:1.6", "--json").want(0)
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.Digest != d.Digest || len(got.Images) != 3 || got.Images[1].Platform.String() != "linux/arm/v7" ||
		len(got.Images[1].Layers) != 2 {
		t.Errorf("got %+v", got)
	}
}

// What is printed is what the registry has, to the byte, and nothing else.
func TestInspectRawPrintsExactBytes(t *testing.T) {
	s := startServer(t)
	raw := "{ \"schemaVersion\" : 2,\t\"manifests\":[],\n\n \"unknown\":\"<&>\"}  \n"
	s.pushManifest("odd", "1", []byte(raw))
	if o := newProgram(t).run("inspect", "--raw", s.host+"/odd:1").want(0); o.stdout != raw || o.stderr != "" {
		t.Errorf("got %q and %q", o.stdout, o.stderr)
	}
}

func TestInspectOfIncompleteImage(t *testing.T) {
	s := startServer(t)
	s.pushThreePlatforms()
	s.Set(registry.Rule{Match: "^GET .*/manifests/sha256", Status: 404})
	newProgram(t).run("inspect", s.host+"/src/repo:1.6").wantError(wantedError{4, "404 Not Found", "check the name"})
	s.pushImage("single", "1", "linux/amd64", "x")
	s.Set(registry.Rule{Match: "^GET .*/blobs/", Status: 404}) // the config, which has the platform
	newProgram(t).run("inspect", s.host+"/single:1").want(0)
}

func TestTags(t *testing.T) {
	s := startServer(t)
	s.Handler = &registry.Handler{PageSize: 2}
	var want string
	for i := range 5 {
		s.pushImage("many", fmt.Sprint("v", i), "linux/amd64", "x")
		want += fmt.Sprintln("v", i)
	}
	o := newProgram(t).run("tags", s.host+"/many").want(0)
	if diff := cmp.Diff(strings.ReplaceAll(want, " ", ""), o.stdout); diff != "" || s.Count("^GET .*/tags/list") != 3 {
		t.Errorf("%d calls\n%s", s.Count("^GET"), diff)
	}
	s.Set(registry.Rule{Match: "last=v1", Status: http.StatusInternalServerError})
	for args, before := range map[string]string{"": "", "--sort none": "v0\nv1\n"} {
		o = newProgram(t).run(strings.Fields("tags " + s.host + "/many " + args)...).want(1)
		if o.stdout != before {
			t.Errorf("%s: before the failure: %q", args, o.stdout)
		}
	}
	newProgram(t).run("tags", s.host+"/many", "--json").want(1).wantOutcome(true)
	s.Set(registry.Rule{Match: "tags/list", Status: 200, Body: `{"tags":null}`})
	newProgram(t).run("tags", s.host+"/many").want(0)
	s.Set(registry.Rule{Match: "tags/list", Status: 200, Body: `<html>`})
	newProgram(t).run("tags", s.host+"/many").want(5)
}

func TestDigest(t *testing.T) {
	s := startServer(t)
	d := s.pushThreePlatforms()
	o := newProgram(t).run("digest", s.host+"/src/repo:1.6").want(0)
	if o.stdout != string(d.Digest)+"\n" || s.Count("") != 1 || s.Count("^HEAD") != 1 {
		t.Errorf("prints %s after %v", o.stdout, s.Requests())
	}
	s.Set(registry.Rule{Match: "^HEAD", Status: 405}) // some registries do not allow HEAD
	if o := newProgram(t).run("digest", s.host+"/src/repo:1.6").want(0); o.stdout != string(d.Digest)+"\n" {
		t.Errorf("prints %s", o.stdout)
	}
}

func TestVersion(t *testing.T) {
	for _, line := range []string{"version", "--version", "-version"} {
		if o := newProgram(t).run(line).want(0); !strings.HasPrefix(o.stdout, "transship "+cli.Version+" (") {
			t.Errorf("%s prints %s", line, o.stdout)
		}
	}
}
