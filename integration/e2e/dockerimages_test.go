package e2e

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// What docker's templates and filters print of a pulled image, transship prints of the same image. IDs
// and sizes are compared by no line: docker's older store has those of the config and of unpacked layers.
// docker loads what image save writes, and transship what docker save writes.
func TestDockerImages(t *testing.T) {
	t.Parallel()
	docker := servers.Engine(t).CLI(t)
	transship, _ := servers.Transship(t)
	at := servers.CNCF(t, servers.Options{})
	ref := push(t, at, fixture.Real().Only("linux/amd64"), "hczjl/klibc", "1.6")
	repo, _ := strings.CutSuffix(ref, ":1.6")
	for _, p := range []servers.Program{docker.Program, transship} {
		p.Output(t, "pull", "-q", ref)
		p.Output(t, "tag", ref, "other:2")
	}
	for _, line := range [][]string{
		{"images", "--format", "{{.Repository}}:{{.Tag}} {{.Digest}}", repo},
		{"images", "--format", "{{.CreatedSince}}|{{.CreatedAt}}|{{.Containers}}", ref},
		{"images", "--format", "table {{.Tag}}\\t{{upper .Repository}}", ref},
		{"images", "--format", "{{json .Tag}}{{.SharedSize}}{{.UniqueSize}}", "-f", "reference=*:2"},
		{"images", "-f", "reference=*/*/klibc", "--format", "{{.Tag}}{{pad .Tag 1 1}}{{truncate .Repository 3}}"},
		{"images", "-q", "--filter", "dangling=true"},
		{"images", "-f", "label=none", "--format", "{{.Tag}}"},
		{"images", "-f", "before=other:2", "--format", "{{.Tag}}"},
		{"image", "inspect", "-f", "{{.Created}} {{.Os}}/{{.Architecture}} {{.Author}}", ref},
		{"image", "inspect", "-f", "{{json .RootFS}} {{json .Config.Cmd}} {{json .Config.Env}}", ref},
		{"image", "inspect", "-f", "{{join .RepoTags \" \"}} {{index .RepoDigests 0}}", ref},
	} {
		want, got := docker.Output(t, line...), transship.Output(t, line...)
		if got := withoutTableSpaces(got); got != withoutTableSpaces(want) {
			t.Errorf("%q: docker %s prints\n%s\ntransship\n%s", line, docker.Version, want, got)
		}
	}
	saved := t.TempDir() + "/halo.tar"
	transship.Output(t, "image", "save", "-o", saved, "other:2")
	docker.Output(t, "rmi", "other:2")
	if got := docker.Output(t, "load", "-i", saved); !strings.Contains(got, "Loaded image: other:2\n") {
		t.Errorf("docker load prints %s", got)
	}
	tar := docker.Output(t, "save", ref)
	transship.Output(t, "rmi", ref)
	loaded := transship.RunInput(t, tar, "load", "-q")
	if loaded.Exit != 0 || loaded.Stdout != "Loaded image: "+ref+"\n" {
		t.Errorf("load exits with %d: %s%s", loaded.Exit, loaded.Stdout, loaded.Stderr)
	}
}

// withoutTableSpaces makes the spaces between two columns one, however wide the columns are.
func withoutTableSpaces(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(out, "\n")
}
