package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// The exit codes documented in docs/usage.md.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitAuth        = 3
	exitNotFound    = 4
	exitNetwork     = 5
	exitIntegrity   = 7
	exitInterrupted = 130
)

// kinds are the registries that most tests use.
var kinds = map[string]func(testing.TB, servers.Options) *servers.Registry{
	"distribution 3":   servers.CNCF,
	"distribution 2.8": servers.Debian,
}

// push pushes an image under repository:tag and returns its reference.
func push(t testing.TB, at endpoint, im fixture.Image, repository, tag string) string {
	t.Helper()
	if err := at.Repository(repository).Push(t.Context(), im, tag); err != nil {
		t.Fatal(err)
	}
	return hostOf(at) + "/" + repository + ":" + tag
}

// endpoint is a registry or a proxy in front of one.
type endpoint interface {
	Repository(name string) fixture.Repository
}

func hostOf(at endpoint) string {
	_, host, _ := strings.Cut(at.Repository("").URL, "://")
	return host
}

// verify compares every byte of an image with repository:tag.
func verify(t testing.TB, at endpoint, im fixture.Image, repository, tag string) {
	t.Helper()
	if err := at.Repository(repository).Verify(t.Context(), im, tag); err != nil {
		t.Errorf("%s:%s: %v", repository, tag, err)
	}
}

// wantAbsent checks that repository:ref does not exist.
func wantAbsent(t testing.TB, at endpoint, repository, ref string) {
	t.Helper()
	if m, err := at.Repository(repository).Manifest(t.Context(), ref); err == nil {
		t.Errorf("%s:%s is there: %s", repository, ref, m.Digest)
	}
}

// runCopy runs transship copy, and checks that it prints the digest of im.
func runCopy(t testing.TB, transship servers.Program, im fixture.Image, args ...string) servers.Result {
	t.Helper()
	got := transship.Run(t, append([]string{"copy"}, args...)...)
	if got.Exit != 0 {
		t.Fatalf("transship copy %s: exit %d\n%s%s", strings.Join(args, " "), got.Exit, got.Stdout, got.Stderr)
	}
	if want := "@" + im.Root().Digest.String() + "\n"; !strings.HasSuffix(got.Stdout, want) ||
		strings.Count(got.Stdout, "\n") != 1 {
		t.Errorf("transship copy %s printed %q, want ...%q", strings.Join(args, " "), got.Stdout, want)
	}
	return got
}

// wantRefused checks that a run ended with an exit code and printed no result, and that its error
// contains the texts and has at most two lines: the error and a hint.
func wantRefused(t testing.TB, got servers.Result, exit int, texts ...string) {
	t.Helper()
	if got.Exit != exit {
		t.Errorf("exit %d, want %d", got.Exit, exit)
	}
	if got.Stdout != "" {
		t.Errorf("it printed %q", got.Stdout)
	}
	if n := strings.Count(got.Stderr, "\n"); n < 1 || n > 2 {
		t.Errorf("it said %d lines, want one and a hint", n)
	}
	for _, text := range texts {
		if !strings.Contains(got.Stderr, text) {
			t.Errorf("it does not say %q", text)
		}
	}
	if t.Failed() {
		t.Logf("it said:\n%s", got.Stderr)
	}
}

// get returns the body of a GET to a registry.
func get(t testing.TB, e servers.Endpoint, path string) string {
	t.Helper()
	resp, err := e.Client.Get(e.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v\n%s", path, resp.Status, err, text)
	}
	return string(text)
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func writeFile(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
