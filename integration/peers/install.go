package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// toxiproxyModule is the package of the program that carries long links.
const toxiproxyModule = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"

// install sees to it that dir has the program of a module, PACKAGE@VERSION, at exactly that version, and gives its path.
func install(ctx context.Context, dir, module string) (string, error) {
	pkg, version, _ := strings.Cut(module, "@")
	program := filepath.Join(dir, path.Base(pkg))
	if builtFrom(program) == module {
		return program, nil
	}
	fmt.Fprintln(os.Stderr, "go install", module)
	cmd := exec.CommandContext(ctx, "go", "install", module)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go install %s: %w\n%s", module, err, out)
	}
	if got := builtFrom(program); got != module {
		return "", fmt.Errorf("%s is %s, want version %s", program, got, version)
	}
	return program, nil
}

// builtFrom is what a Go program was built from, PACKAGE@VERSION; empty where it is no program or not there.
func builtFrom(program string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return ""
	}
	return info.Path + "@" + info.Main.Version
}

// environment is a clean one, so that no tool finds credentials or settings of the machine's user.
func environment(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LC_ALL=C", "DOCKER_CONFIG=" + home, "XDG_RUNTIME_DIR=" + home,
		"TMPDIR=" + home, "REGISTRY_AUTH_FILE=" + filepath.Join(home, "config.json"),
	}
}

// equip finds or installs the tools that are wanted: transship in bin, peers in bin/peers, skopeo where the system has it.
func equip(t testing.TB, bin string, wanted func(string) bool) []tool {
	var ready []tool
	for _, one := range tools() {
		if wanted(one.name) {
			ready = append(ready, equipped(t, one, bin))
		}
	}
	return ready
}

func equipped(t testing.TB, one tool, bin string) tool {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	switch {
	case one.name == subject || one.name == ofSystem:
		one.Program = servers.Program{Path: filepath.Join(bin, subject)}
		one.version = versionOf(t, one.Program, "version")
	case one.module != "":
		file, err := install(t.Context(), filepath.Join(bin, "peers"), one.module)
		if err != nil {
			t.Fatal(err)
		}
		one.Program = servers.Program{Path: file}
		_, one.version, _ = strings.Cut(one.module, "@")
	case one.fetches:
		one.Program = servers.Program{Path: servers.Find(t, one.name, "aria2")}
		one.version = versionOf(t, one.Program, "--version")
	default:
		one.Program = servers.Skopeo(t)
		one.version = versionOf(t, one.Program, "--version")
	}
	one.Env = environment(home)
	return one
}

// versionOf is the first number that a program prints.
func versionOf(t testing.TB, p servers.Program, args ...string) string {
	return regexp.MustCompile(`\d\S*`).FindString(p.Output(t, args...))
}
