package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/inspect"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/manifest"
)

// detailedConfig is a config as BuildKit writes it, for linux/arm64.
const detailedConfig = `{"created":"2026-01-02T03:04:05Z","architecture":"arm64","os":"linux",
"config":{"User":"65532","WorkingDir":"/srv","Entrypoint":["/halo","serve"],"Cmd":["--port","80"],
"Env":["PATH=/bin","LANG=C"],"Labels":{"b":"2","a":"1\u0007"}},
"rootfs":{"type":"layers","diff_ids":[]},
"history":[{"created_by":"/bin/sh -c #(nop) ADD file:1 in / "},{"created_by":"ENV LANG=C","empty_layer":true},
{"created_by":"RUN /bin/sh -c make\n\tinstall # buildkit"}]}`

// pushConfig pushes an image with two layers and a config. It returns its descriptor as in an index.
func (s *server) pushConfig(repo, tag, config string) manifest.Descriptor {
	s.t.Helper()
	c := s.pushBlob(repo, manifest.MediaTypeOCIConfig, []byte(config))
	subject := s.pushImage(repo, "", "linux/amd64", "subject")
	subject.Platform = nil
	raw, err := manifest.OCIStyle().EncodeImage(manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest,
		ArtifactType: "application/x-halo", Config: &c, Subject: &subject, Annotations: map[string]string{"note": "n"},
		Layers: []manifest.Descriptor{s.pushBlob(repo, manifest.MediaTypeDockerLayer, []byte("base")),
			s.pushBlob(repo, manifest.MediaTypeDockerLayer, []byte("made"))}})
	if err != nil {
		s.t.Fatal(err)
	}
	d := s.pushManifest(repo, tag, raw)
	d.Platform = &manifest.Platform{OS: "linux", Architecture: "arm64"}
	return d
}

// pushDetailed pushes the list detailed:1 of an image with all details and a plain one.
func (s *server) pushDetailed() manifest.Descriptor {
	s.t.Helper()
	detailed := s.pushConfig("detailed", "one", detailedConfig)
	s.pushList("detailed", "1", s.pushImage("detailed", "", "linux/amd64", "x"), detailed)
	return detailed
}

func TestInspectShowsDetails(t *testing.T) {
	s := startServer(t)
	d := s.pushDetailed()
	p := newProgram(t)
	golden(t, "inspect-details.txt", p.run("inspect", s.host+"/detailed:one").want(0).stdout, s.host, "REGISTRY")
	golden(t, "inspect-details.json", p.run("inspect", "--json", s.host+"/detailed:1").want(0).stdout, s.host, "REGISTRY")

	chosen := p.run("inspect", "--platform", "linux/arm64", s.host+"/detailed:1").want(0).stdout
	if one := p.run("inspect", s.host+"/detailed:one").stdout; chosen != strings.Replace(one, ":one", ":1", 1) {
		t.Errorf("--platform prints\n%s", chosen)
	}
	raw := p.run("inspect", "--raw", s.host+"/detailed@"+string(d.Digest)).want(0).stdout
	if got := p.run("inspect", "--raw", "--platform", "linux/arm64", s.host+"/detailed:1").want(0).stdout; got != raw {
		t.Errorf("--raw --platform prints %s", got)
	}
	for _, line := range []string{"--config HOST/detailed:one", "--config --raw HOST/detailed:one",
		"--config --platform linux/arm64 HOST/detailed:1"} {
		o := p.run(strings.Fields("inspect " + strings.ReplaceAll(line, "HOST", s.host))...).want(0)
		if o.stdout != detailedConfig {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
}

// A platform, config or flag that cannot be is said, and nothing is printed.
func TestInspectDetailsOfWhatIsNotThere(t *testing.T) {
	s := startServer(t)
	s.pushDetailed()
	p := newProgram(t)
	for line, want := range map[string]wantedError{
		"--platform linux/s390x HOST/detailed:1":        {4, "linux/s390x", ""},
		"--platform linux/s390x HOST/detailed:one":      {4, "linux/s390x", ""},
		"--platform linux,windows HOST/detailed:1":      {2, "--platform takes one platform here", ""},
		"--platform banana HOST/detailed:1":             {2, "invalid platform", ""},
		"--config HOST/detailed:1":                      {2, "2 images, each with a config of its own: linux/amd64", "--platform linux/amd64"},
		"--config --json HOST/detailed:one":             {2, "--json cannot be used with", ""},
		"--raw --json HOST/detailed:one":                {2, "--json cannot be used with", ""},
		"--config --platform linux/arm64 HOST/detailed": {4, "404 Not Found", ""},
	} {
		o := p.run(strings.Fields("inspect " + strings.ReplaceAll(line, "HOST", s.host))...)
		o.want(want.code, want.message)
		asJSON := strings.Contains(line, "--json")
		if (o.stdout != "") != asJSON || !strings.Contains(o.stderr, want.hint) {
			t.Errorf("%s\nprints %s%s", o.line, o.stdout, o.stderr)
		}
	}
	s.Set(registry.Rule{Match: "^GET .*/blobs/", Corrupt: true})
	for _, flag := range []string{"--json", "--config", "-q"} {
		p.run("inspect", flag, s.host+"/detailed:one").want(7, "want sha256:")
	}
}

// A config that says nonsense costs the details, with a warning, and not the manifest's.
func TestInspectOfOddConfigs(t *testing.T) {
	for config, want := range map[string]string{
		`{"os":"linux","architecture":"arm64","config":null,"history":null}`:             "",
		`{"os":"linux","architecture":"arm64","config":{"Entrypoint":"/halo","Cmd":""}}`: "",
		`{"os":"linux","architecture":"arm64","config":{"Env":{}}}`:                      "is left out",
		`{"os":"linux","architecture":"arm64","history":[{}]}`:                           "",
		`{"os":"linux","architecture":"arm64","config":7}`:                               "is left out",
		`[]`: "is left out",
		`{"os":"linux","architecture":"arm64","history":[{"created_by":1},{"created_by":"x"}]}`: "is left out",
	} {
		s := startServer(t)
		s.pushConfig("odd", "1", config)
		o := newProgram(t).run("inspect", "--json", s.host+"/odd:1").want(0)
		var found inspect.Inspection
		if err := json.Unmarshal([]byte(o.stdout), &found); err != nil || len(found.Images[0].Layers) != 2 ||
			found.Images[0].Layers[0].CreatedBy != "" {
			t.Errorf("%s: %v, %s", config, err, o.stdout)
		}
		if (want != "") != strings.Contains(o.stderr, "is left out") {
			t.Errorf("%s: %s", config, o.stderr)
		}
		if fmt.Sprint(found.Images[0].Entrypoint) != "" && !strings.Contains(config, "/halo") {
			t.Errorf("%s: entrypoint %s", config, found.Images[0].Entrypoint)
		}
	}
}
