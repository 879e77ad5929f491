package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// A section of a page of docs/ begins with a heading; what a test runs of it is in blocks of shell lines.
var (
	pageHeading = regexp.MustCompile(`(?m)^## (.*)$`)
	shellBlock  = regexp.MustCompile("(?s)```sh\n(.*?)```")
)

// section is a section of a page with its blocks of shell lines, in order.
type section struct {
	title  string
	blocks []string
}

// readPage returns the sections of a page of docs/.
func readPage(t *testing.T, name string) []section {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []section
	at := pageHeading.FindAllSubmatchIndex(page, -1)
	for i, m := range at {
		end := len(page)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		one := section{title: string(page[m[2]:m[3]])}
		for _, block := range shellBlock.FindAllSubmatch(page[m[1]:end], -1) {
			one.blocks = append(one.blocks, string(block[1]))
		}
		out = append(out, one)
	}
	return out
}

// pageShell is a bash that runs the lines of a page in a home of its own. On its path are the
// system's programs, and the tools that were added.
type pageShell struct {
	servers.Program
	bin string
}

// newPageShell returns a shell with transship on its path. Its containers.conf files let skopeo
// speak plain HTTP to the hosts.
func newPageShell(t *testing.T, hosts ...string) pageShell {
	t.Helper()
	dir := t.TempDir()
	s := pageShell{bin: filepath.Join(dir, "bin")}
	containers := filepath.Join(dir, ".config/containers")
	for _, folder := range []string{s.bin, containers} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var registries strings.Builder
	for _, host := range hosts {
		fmt.Fprintf(&registries, "[[registry]]\nlocation = %q\ninsecure = true\n", host)
	}
	writeFile(t, containers, "registries.conf", registries.String())
	writeFile(t, containers, "policy.json", `{"default": [{"type": "insecureAcceptAnything"}]}`)
	s.Program = servers.Program{
		Path: servers.Find(t, "bash", "bash"), Args: []string{"-euo", "pipefail", "-c"}, Dir: dir,
		Env: []string{"PATH=" + s.bin + ":/usr/bin:/bin", "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "TMPDIR=" + t.TempDir(),
			"REGISTRY_AUTH_FILE=" + filepath.Join(dir, "auth.json")},
	}
	transship, _ := servers.Transship(t)
	s.add(t, "transship", servers.Program{Path: transship.Path})
	return s
}

// add puts a tool on the shell's path, with its environment and its first arguments.
func (s pageShell) add(t *testing.T, name string, tool servers.Program) {
	t.Helper()
	script := "#!/bin/sh\n"
	for _, v := range tool.Env {
		key, value, _ := strings.Cut(v, "=")
		script += fmt.Sprintf("export %s=%s\n", key, shellQuote(value))
	}
	script += "exec " + shellQuote(tool.Path)
	for _, arg := range tool.Args {
		script += " " + shellQuote(arg)
	}
	if err := os.WriteFile(filepath.Join(s.bin, name), []byte(script+` "$@"`+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
