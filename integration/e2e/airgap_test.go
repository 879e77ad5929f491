package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// The lines of docs/air-gap.md, in order, as they are printed: docker.io and quay.io are read from a
// mirror, and the names of the far registry and of the medium are replaced. Then what is said there
// about names holds: each tool has left the right image.
func TestAirGapPage(t *testing.T) {
	t.Parallel()
	src := servers.CNCF(t, servers.Options{})
	users := map[string]string{"user": "word of the user"}
	dst := servers.CNCF(t, servers.Options{Users: users})
	alpine, app := fixture.Real().OCI(), fixture.Synthetic(fixture.Spec{Seed: 5, Layers: []int64{3000}}).OCI()
	web := fixture.Real().Only("linux/amd64")
	push(t, src, alpine, "library/alpine", "3.20")
	push(t, src, app, "team/app", "1.6")
	push(t, src, web, "team/web", "1.6")
	push(t, src, fixture.Real(), "team/app", "1.7")

	far := strings.Replace(dst.Host, "127.0.0.1", "localhost", 1) // oras takes HTTP from localhost only
	shell := newPageShell(t, far)
	medium := t.TempDir()
	writeFile(t, shell.Dir, "password.txt", users["user"])
	writeFile(t, medium, "password.txt", users["user"])
	writeFile(t, shell.Dir, "config.json", fmt.Sprintf(
		`{"version": 1, "hosts": {"docker.io": {"mirrors": [%[1]q]}, "quay.io": {"mirrors": [%[1]q]}}}`, "http://"+src.Host))
	shell.Env = append(shell.Env, "TRANSSHIP_CONFIG="+filepath.Join(shell.Dir, "config.json"),
		"DOCKER_CONFIG="+filepath.Join(shell.Dir, ".docker"))
	addCarriers(t, shell)
	names := strings.NewReplacer("far.example:5000", far, "/media/usb", medium)
	var log strings.Builder
	for _, s := range readPage(t, "air-gap.md") {
		if !strings.HasPrefix(s.title, signedTitle) {
			log.WriteString(shell.section(t, s, names))
		}
	}
	for name, im := range map[string]fixture.Image{
		"library/alpine:3.20": alpine, "mirror/prod/app:1.6": app, "team/app:1.7": fixture.Real(),
		"skopeo/alpine:3.20": alpine, "skopeo/app:1.6": app, "oras/alpine:3.20": alpine,
	} {
		repository, tag, _ := strings.Cut(name, ":")
		verify(t, dst, im, repository, tag)
	}
	for name, want := range map[string]string{"skopeo/one": "skopeo", "crane/app": "crane"} {
		m, err := dst.Repository(name).Manifest(t.Context(), "1.6")
		if err != nil || !strings.Contains(string(m.Raw), decodeConfig(t, app.Only("linux/amd64"))) {
			t.Errorf("%s has pushed %s, want one with the config of linux/amd64; error %v", want, m.Raw, err)
		}
	}
	shell.Dir = medium
	carriedNames(t, shell, log.String())
}

// section runs the blocks of a section, from the shell's folder on, and returns what they print.
func (s pageShell) section(t *testing.T, part section, names *strings.Replacer) string {
	t.Helper()
	out := ""
	for _, block := range part.blocks {
		r := s.Run(t, names.Replace(block))
		if r.Exit != 0 {
			t.Fatalf("%s: exit %d\n%s\n%s%s", part.title, r.Exit, block, r.Stdout, r.Stderr)
		}
		out += r.Stdout
		s.Dir = folderAfter(s.Dir, names.Replace(block))
	}
	return out
}

// folderAfter returns the folder in which the next block begins: that of the last cd.
func folderAfter(dir, block string) string {
	for _, m := range regexp.MustCompile(`(?m)^cd (\S+)$`).FindAllStringSubmatch(block, -1) {
		dir = m[1]
	}
	return dir
}

// addCarriers puts the tools of the page on the shell's path.
func addCarriers(t *testing.T, shell pageShell) {
	t.Helper()
	engine := servers.Engine(t)
	shell.add(t, "docker", engine.CLI(t).Program)
	shell.add(t, "ctr", engine.Ctr(t))
	shell.add(t, "podman", servers.Podman(t))
	shell.add(t, "skopeo", servers.Program{Path: servers.Skopeo(t).Path})
	shell.add(t, "oras", servers.Program{Path: servers.Oras(t).Path})
	shell.add(t, "crane", servers.Program{Path: servers.Crane(t).Path})
}

// carriedNames checks the page's table: what docker, podman and containerd call the images.
func carriedNames(t *testing.T, shell pageShell, log string) {
	t.Helper()
	for line, wants := range map[string][]string{
		"docker images --format '{{.Repository}}:{{.Tag}}'": {"alpine:3.20", "quay.io/team/app:1.6", "quay.io/team/web:1.6"},
		"podman images --format '{{.Repository}}:{{.Tag}}'": {"docker.io/library/alpine:3.20", "quay.io/team/app:1.6"},
		"ctr image ls -q": {"docker.io/library/alpine:3.20", "quay.io/team/app:1.6"},
	} {
		r := shell.Run(t, line)
		have := strings.Fields(r.Stdout)
		for _, want := range wants {
			if r.Exit != 0 || !slices.Contains(have, want) {
				t.Errorf("%s: %q, want %s among them\n%s\n%s", line, have, want, r.Stderr, log)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(shell.Dir, "monday.tar.json")); err != nil {
		t.Errorf("the inventory was not carried: %v", err)
	}
}
