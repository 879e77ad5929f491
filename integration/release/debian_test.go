package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// A Debian without anything but the release's files: what docs/install.md prints installs the archive and the
// Debian package; then the tab key completes in bash, man shows a page, and README's copy runs. "make fresh" runs
// this, since debootstrap loads 60 MB of Debian packages for it.
func TestFreshDebian(t *testing.T) {
	if os.Getenv("TRANSSHIP_FRESH") == "" {
		t.Skip("make fresh runs this")
	}
	d := newDebian(t)
	page := read(t, "../../docs/install.md")
	completion := between(t, page, "needs the package bash-completion:\n\n```sh\n", "```")
	for name, install := range map[string]string{
		"archive": between(t, page, "### Archive\n", "###") + completion,
		"deb":     "cd dist\n" + regexp.MustCompile(`(?m)^ *dpkg -i .*$`).FindString(page) + "\n",
	} {
		t.Run(name, func(t *testing.T) { d.test(t, install) })
	}
}

// between returns what a text has between two parts.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	found, _, ended := strings.Cut(rest, to)
	if !ok || !ended {
		t.Fatalf("docs/install.md has nothing between %q and %q", from, to)
	}
	return found
}

// debian is a new Debian, and a release.
type debian struct {
	root             string
	release, version string
	podman           servers.Program
}

func newDebian(t *testing.T) debian {
	t.Helper()
	d := debian{podman: servers.Podman(t), root: filepath.Join(t.TempDir(), "root")}
	d.release, d.version = build(t, testTarget)
	bootstrap := servers.Program{Path: servers.Find(t, "debootstrap", "debootstrap"), Env: os.Environ()}
	bootstrap.Output(t, "--variant=minbase", "--include=bash-completion,man-db,ca-certificates", "stable", d.root)
	return d
}

// typed is typed into a terminal: the name of a command is completed with the tab key.
const typed = `printf 'transship versi\t >/tmp/typed\nexit\n' | script -qc 'bash -il' /dev/null`

// test runs commands as root in a container of the Debian, which keeps no changes, and then uses the program.
func (d debian) test(t *testing.T, install string) {
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := fixture.Real()
	if err := from.Repository("halohub/halo").Push(t.Context(), im, "1.6"); err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^transship copy halohub/halo:1.6 registry.example.com/.*$`).FindString(read(t, "../../README.md"))
	main := strings.NewReplacer(" halohub/", " "+from.Host+"/halohub/", "registry.example.com", to.Host).Replace(line)
	script := strings.Join([]string{
		"set -eu", install, "cd /", typed, "grep '^transship ' /tmp/typed", "MANPAGER=cat man transship-copy", main, "transship demo",
	}, "\n")
	// The limits are named because a test machine may not raise them.
	out := d.podman.Output(t, "run", "--rm", "--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
		"--volume", d.release+":/dist:ro", "--rootfs", d.root+":O", "bash", "-c", script)
	for _, want := range []string{
		fmt.Sprintf("\ntransship %s (commit ", d.version), "TRANSSHIP-COPY(1)", to.Host + "/hczjl/halo:1.6@sha256:",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if err := to.Repository("hczjl/halo").Verify(t.Context(), im, "1.6"); err != nil {
		t.Error(err)
	}
}
