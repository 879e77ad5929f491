package wire_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/distribution/wire"
)

func TestReadFileRefusesWhatHasNoEnd(t *testing.T) {
	const limit = 1 << 20
	file := filepath.Join(t.TempDir(), "file")
	for size, ok := range map[int64]bool{0: true, limit: true, limit + 1: false} {
		if err := os.WriteFile(file, make([]byte, size), 0o666); err != nil {
			t.Fatal(err)
		}
		if b, err := wire.ReadFile(file, limit); (err == nil) != ok || ok && int64(len(b)) != size {
			t.Errorf("%d bytes: got %d, error %v", size, len(b), err)
		}
	}
	for _, name := range []string{"/dev/zero", t.TempDir()} {
		if _, err := wire.ReadFile(name, limit); !errors.Is(err, wire.ErrNotFile) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	if b, err := wire.ReadFile(os.DevNull, limit); err != nil || len(b) > 0 {
		t.Errorf("%s: got %d bytes, error %v", os.DevNull, len(b), err)
	}
	if _, err := wire.ReadFile(file+".missing", limit); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}
