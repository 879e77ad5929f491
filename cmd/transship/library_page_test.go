package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The program of docs/library.md compiles as it is printed there, and copies an image.
func TestLibraryPage(t *testing.T) {
	t.Parallel()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("go is not installed")
	}
	page, err := os.ReadFile("../../docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```go\n")
	source, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended {
		t.Fatal("docs/library.md has no Go program")
	}
	// Below testdata, so that the program is in this module and in no package pattern.
	dir, err := os.MkdirTemp("testdata", "library-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "copy")
	if out, err := exec.Command(goTool, "build", "-o", program, "./"+dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := startServer(t)
	d := s.pushThreePlatforms()
	cmd := exec.Command(program, s.host+"/src/repo:1.6", s.host+"/mirror/halo:1.6")
	cmd.Env = []string{"HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != string(d.Digest) {
		t.Errorf("it prints %s, error %v; want %s", out, err, d.Digest)
	}
}
