package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// endless is an io.Reader like /dev/zero.
type endless struct{}

// Read implements io.Reader.
func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestStandardInputIsBounded(t *testing.T) {
	if _, err := newLineReader(endless{}).ReadAll(t.Context(), 1000); !Has[*UsageError](err) {
		t.Errorf("all of it: got error %v", err)
	}
	if _, err := newLineReader(endless{}).next(t.Context()); !Has[*UsageError](err) {
		t.Errorf("a line: got error %v", err)
	}
	text := strings.Repeat("x", 1000)
	if got, err := newLineReader(strings.NewReader(text+"\n")).ReadAll(t.Context(), 1001); got != text || err != nil {
		t.Errorf("got %d bytes, error %v", len(got), err)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("halo:1.6\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(t.Context(), path, 9); got != "halo:1.6\n" || err != nil {
		t.Errorf("got %q, error %v", got, err)
	}
	if _, err := ReadFile(t.Context(), path, 8); !Has[*UsageError](err) || !strings.Contains(err.Error(), path) {
		t.Errorf("larger than the limit: got error %v", err)
	}
	for _, path := range []string{filepath.Dir(path), "/dev/zero"} {
		if _, err := ReadFile(t.Context(), path, 8); !Has[*UsageError](err) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v", path, err)
		}
	}
	if _, err := ReadFile(t.Context(), path+"x", 8); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}
