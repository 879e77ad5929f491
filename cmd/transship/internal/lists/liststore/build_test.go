package liststore_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/manifest"
)

func TestBuildRefusesInvalidEntries(t *testing.T) {
	const platform = "manifest " + amd64 + " must have an OS and Architecture to be pushed to a registry"
	for name, test := range map[string]struct {
		change func(e *liststore.Entry)
		want   string
	}{
		"platform":     {func(e *liststore.Entry) { e.Descriptor.Platform = nil }, platform},
		"OS":           {func(e *liststore.Entry) { e.Descriptor.Platform.OS = "" }, platform},
		"architecture": {func(e *liststore.Entry) { e.Descriptor.Platform.Architecture = "" }, platform},
		"digest": {func(e *liststore.Entry) { e.Descriptor.Digest = "sha256:" },
			`digest parse of image "` + amd64 + `" failed`},
	} {
		t.Run(name, func(t *testing.T) {
			e := images()[amd64].entry()
			test.change(&e)
			_, raw, err := liststore.Build([]liststore.Entry{images()[arm].entry(), e})
			if err == nil || raw != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, _, err := liststore.Build(nil); err == nil {
		t.Error("no error for a list without entries")
	}
}

func TestBuildKeepsMembersThatDockerDrops(t *testing.T) {
	e := images()[ociARM64].entry()
	e.Descriptor.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	e.Descriptor.URLs = []string{"https://mirror.example/"}
	e.Descriptor.Platform.Features = []string{"sse4"}
	ix, raw, err := liststore.Build([]liststore.Entry{e})
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse(ix.MediaType, raw)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Index()
	if err != nil {
		t.Fatal(err)
	}
	want := manifest.Index{
		SchemaVersion: 2, MediaType: manifest.MediaTypeOCIIndex, Manifests: []manifest.Descriptor{e.Descriptor},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Docker inspects lists that it would not push.
func TestIndexNeedsNoPlatform(t *testing.T) {
	e := images()[amd64].entry()
	e.Descriptor.Platform = nil
	raw, err := manifest.DockerStyle().EncodeIndex(liststore.Index([]liststore.Entry{e}))
	if err != nil || !strings.Contains(string(raw), `"architecture": "",`) {
		t.Errorf("got %s, %v", raw, err)
	}
	if ix := liststore.Index(nil); ix.MediaType != manifest.MediaTypeDockerList || len(ix.Manifests) != 0 {
		t.Errorf("got %v", ix)
	}
}

func TestAnnotate(t *testing.T) {
	old := manifest.Platform{
		Architecture: "amd64", OS: "linux", OSVersion: "1", OSFeatures: append(make([]string, 0, 8), "a"), Variant: "v1",
		Features: []string{"sse4"},
	}
	for name, test := range map[string]struct {
		have *manifest.Platform
		set  liststore.Annotation
		want manifest.Platform
	}{
		"nothing": {&old, liststore.Annotation{}, old},
		"all": {
			&old,
			liststore.Annotation{OS: "windows", Arch: "arm64", OSVersion: "10", Variant: "v8",
				OSFeatures: []string{"b", "a", "b"}},
			manifest.Platform{OS: "windows", Architecture: "arm64", OSVersion: "10", Variant: "v8",
				OSFeatures: []string{"a", "b"}, Features: []string{"sse4"}},
		},
		"no platform": {nil, liststore.Annotation{OS: "linux"}, manifest.Platform{OS: "linux"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := liststore.Entry{Descriptor: manifest.Descriptor{Digest: blob.FromBytes(nil), Platform: test.have}}
			liststore.Annotate(&e, test.set)
			if diff := cmp.Diff(test.want, *e.Descriptor.Platform); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			liststore.Annotate(&e, liststore.Annotation{OSFeatures: []string{"later"}})
			if old.OS != "linux" || len(old.OSFeatures) != 1 || old.OSFeatures[:2][1] != "" {
				t.Errorf("the caller's platform became %v", old)
			}
		})
	}
}

func TestDockerSupports(t *testing.T) {
	for pair, want := range map[string]bool{
		"linux/amd64": true, "linux/arm": true, "linux/riscv64": true, "windows/amd64": true, "darwin/arm64": true,
		"solaris/amd64": true, "linux/loong64": false, "windows/arm64": false, "unknown/unknown": false, "/": false,
		"linux/": false, "Linux/amd64": false,
	} {
		os, arch, _ := strings.Cut(pair, "/")
		if got := liststore.DockerSupports(os, arch); got != want {
			t.Errorf("%s: got %t", pair, got)
		}
	}
}
