package bundle

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/blob"
)

// A layer is kept in a file to its end if its delta may be too large, and else only as long as it may be.
func TestSpool(t *testing.T) {
	const size, piece = 8 << 20, 64 << 10
	for name, test := range map[string]struct {
		percent int64 // of the layer that the delta has
		most    int64 // bytes of the file
		left    int64 // the same at the end
	}{
		"small delta": {4, size * 30 / 100, 0},
		"half":        {50, size * 60 / 100, 0},
		"none":        {100, size, size},
	} {
		f, err := os.Create(filepath.Join(t.TempDir(), "layer"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w := &deltaWriter{out: io.Discard, limit: size * maxDeltaPercent / 100, hash: blob.SHA256.New()}
		s := &spool{out: f, delta: w, left: size}
		most, at := int64(0), int64(0)
		for range size / piece {
			if n, err := s.Write(make([]byte, piece)); n != piece || err != nil {
				t.Fatalf("%s: %d bytes were written: %v", name, n, err)
			}
			w.Write(make([]byte, piece*test.percent/100)) // fails at its limit
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			at = info.Size()
			most = max(most, at)
		}
		if most > test.most || at != test.left || s.given != (at == 0) {
			t.Errorf("%s: the file had %d bytes at the most, and %d at last; given up: %v", name, most, at, s.given)
		}
	}
}
