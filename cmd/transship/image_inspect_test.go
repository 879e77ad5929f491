package main

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/store"
)

func TestImageInspect(t *testing.T) {
	p, untagged := datedStore(t)
	p.run("tag", "r/old:1", "r/other:x").want(0)
	digest := string(p.imageRows("r/old:1")[0].Digest)
	var found []store.InspectedImage
	o := p.run("image", "inspect", "r/old:1", untagged.Digest.Hex()[:12]).want(0)
	if err := json.Unmarshal([]byte(o.stdout), &found); err != nil || len(found) != 2 {
		t.Fatalf("%s\nprints %s, error %v", o.line, o.stdout, err)
	}
	for _, part := range []string{`"Id": "` + digest, `"r/old:1",` + "\n            \"r/other:x\"", `"Os": "linux"`} {
		if !strings.Contains(o.stdout, part) {
			t.Errorf("%s\ndoes not print %s:\n%s", o.line, part, o.stdout)
		}
	}
	if len(found[1].RepoTags) != 0 || len(found[1].RepoDigests) != 1 {
		t.Errorf("the untagged image has the names %q and %q", found[1].RepoTags, found[1].RepoDigests)
	}
	for format, want := range map[string]string{
		"{{.Id}}":                            digest,
		"{{.Os}}/{{.Architecture}}":          "linux/amd64",
		"{{index .RepoDigests 0}}":           "r/old@" + digest,
		"{{join .RepoTags `+`}}":             "r/old:1+r/other:x",
		"{{.Created}} {{.Author}}":           "2020-01-02T03:04:05.678Z me",
		"{{range .Config.Env}}{{.}},{{end}}": "A=b,C=d,",
		"{{.Config.Labels.none}}":            "<no value>",
		"{{.Config.Labels.made}}":            "1",
		"{{json .Config.Cmd}}":               `["sh","-c","x"]`,
		"{{len .RootFS.Layers}}":             "1",
		"{{.Descriptor.Digest}}":             digest,
		"{{gt .Size 1000}}":                  "true",
	} {
		if o := p.run("image", "inspect", "-f", format, "r/old:1").want(0); o.stdout != want+"\n" {
			t.Errorf("%s\nprints %q, want %q", o.line, o.stdout, want)
		}
	}
	for line, want := range map[string]wantedError{
		"image inspect none":                           {4, "no such image in the local store: none", "transship images"},
		"image inspect --format {{.Foo}} r/old:1":      {2, "--format: there is no field .Foo", "the fields are .Id, .RepoTags"},
		"image inspect -f x r/old:1":                   {2, "has no {{.FIELD}}", "{{.Id}}"},
		"image inspect --platform linux/arm64 r/old:1": {4, "linux/arm64", ""},
		"image inspect --platform a/b,c/d r/old:1":     {2, "--platform takes one", ""},
	} {
		if o := p.run(strings.Fields(line)...).want(want.code, want.message, want.hint); o.stdout != "" {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	o = p.run("image", "inspect", "-f", "{{.Id}}", "none", "r/old:1").want(8, "no such image", "1 of 2 failed")
	if o.stdout != digest+"\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	p.run("inspect", "-f", "{{.Id}}", "r/old:1").want(2, "-f: transship image inspect has it")
	newProgram(t).run("image", "inspect", "x").want(4, "no such image")
}

// Of an index the image for this machine is shown, or the one for --platform.
func TestImageInspectOfIndex(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	list := s.pushThreePlatforms()
	parts, ref := s.platformDigests("src/repo", "1.6"), s.host+"/src/repo:1.6"
	p.run("pull", "-q", ref).want(0)
	want := string(list.Digest) + " amd64"
	if runtime.GOARCH == "arm64" {
		want = string(list.Digest) + " arm64"
	}
	const format = "{{.Id}} {{.Architecture}}"
	if o := p.run("image", "inspect", "-f", format, ref).want(0); o.stdout != want+"\n" {
		t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, want)
	}
	o := p.run("image", "inspect", "-f", format, "--platform", "linux/arm/v7", ref).want(0)
	if want := string(parts["arm32"]) + " arm\n"; o.stdout != want {
		t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, want)
	}
	o = p.run("image", "inspect", "-f", format, string(parts["arm64"])).want(0)
	if want := string(parts["arm64"]) + " arm64\n"; o.stdout != want {
		t.Errorf("%s\nprints %s, want %s", o.line, o.stdout, want)
	}
}
