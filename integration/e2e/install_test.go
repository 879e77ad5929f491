package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// The lines of docs/install.md, in order, in a copy of the source and a home without anything.
func TestInstallPage(t *testing.T) {
	t.Parallel()
	shell := newPageShell(t)
	home := shell.Dir
	shell.Dir = copySource(t)
	shell.add(t, "go", goCommand(t))
	for _, s := range readPage(t, "install.md") {
		for _, block := range s.blocks {
			if r := shell.Run(t, block); r.Exit != 0 {
				t.Fatalf("%s: exit %d\n%s\n%s%s", s.title, r.Exit, block, r.Stdout, r.Stderr)
			}
		}
	}
	built := servers.Program{Path: filepath.Join(home, ".local/bin/transship")}
	if out := built.Output(t, "version"); !strings.HasPrefix(out, "transship ") {
		t.Errorf("the installed program prints %q", out)
	}
	script := filepath.Join(home, ".local/share/bash-completion/completions/transship")
	complete := `source "$0"; COMP_LINE=$1 COMP_POINT=${#1}; _transship; printf '%s\n' "${COMPREPLY[@]}"`
	bash := servers.Program{Path: shell.Path, Env: []string{"PATH=" + filepath.Dir(built.Path) + ":/usr/bin:/bin", "HOME=" + home}}
	if got := strings.Fields(bash.Output(t, "-c", complete, script, "transship completi")); !slices.Contains(got, "completion") {
		t.Errorf("bash completes to %q", got)
	}
	for _, name := range []string{".zfunc/_transship", ".config/fish/completions/transship.fish"} {
		if info, err := os.Stat(filepath.Join(home, name)); err != nil || info.Size() == 0 {
			t.Errorf("no script in %s: %v", name, err)
		}
	}
}

// copySource returns a folder with the module's source, without what is built and without git's.
func copySource(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	cp := servers.Program{Path: servers.Find(t, "cp", "coreutils")}
	for _, e := range entries {
		if !slices.Contains([]string{".git", "bin", "dist", "docs", "integration"}, e.Name()) {
			cp.Output(t, "-R", filepath.Join("../..", e.Name()), dir)
		}
	}
	return dir
}

// goCommand returns the go command with the caches of this machine.
func goCommand(t *testing.T) servers.Program {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	p := servers.Program{Path: path}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN"} {
		value, err := exec.Command(path, "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		p.Env = append(p.Env, name+"="+strings.TrimSpace(string(value)))
	}
	return p
}
