package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/hczjl/transship/integration/servers"
)

const modulePath = "github.com/hczjl/transship"

// go install of a version works from a module cache without anything. A folder of files is the module
// proxy: it has the checked out commit as that version, as a proxy makes it from the repository.
func TestGoInstall(t *testing.T) {
	dir := t.TempDir()
	source, bin := filepath.Join(dir, "clone"), filepath.Join(dir, "bin")
	git(t, "", "clone", "-q", "../..", source)
	version := sourceVersion(t, source)
	proxy := moduleProxy(t, source, "v"+version)
	path, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	goCommand := servers.Program{Path: path, Dir: dir, Env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GOPATH=" + filepath.Join(dir, "go"), "GOBIN=" + bin, "GOTOOLCHAIN=local",
		// The modules that it requires come from the cache of this machine, which has the form of a proxy. What the cache
		// has was compared with the checksum database when it was loaded.
		"GOPROXY=file://" + proxy + ",file://" + filepath.Join(goEnv(t, "GOMODCACHE"), "cache/download") + ",off", "GOSUMDB=off",
		"GOCACHE=" + goEnv(t, "GOCACHE"), "GOFLAGS=-trimpath -modcacherw",
	}}
	goCommand.Output(t, "install", modulePath+"/cmd/transship@v"+version)
	installed := servers.Program{Path: filepath.Join(bin, "transship"), Dir: dir}
	if said := installed.Output(t, "version"); !strings.HasPrefix(said, "transship "+version+" (go") {
		t.Errorf("it says %q, want version %s and no commit", said, version)
	}
	installed.Output(t, "demo")
}

// moduleProxy writes the files that a module proxy would serve of HEAD as a version
// (https://go.dev/ref/mod#goproxy-protocol), and returns their folder.
func moduleProxy(t *testing.T, source, version string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, modulePath, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	commit, err := runGit(t.Context(), source, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	goMod, err := runGit(t.Context(), source, "show", "HEAD:go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"list":            version + "\n",
		version + ".info": fmt.Sprintf(`{"Version": %q, "Time": "2026-11-30T00:00:00Z"}`, version),
		version + ".mod":  goMod + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if err := zip.CreateFromVCS(archive, module.Version{Path: modulePath, Version: version}, source, commit, ""); err != nil {
		t.Fatal(err)
	}
	return root
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(value))
}
