package delta

import (
	"bytes"
	"io"
	"testing"
)

// benchmarkLayers returns a gzip layer of some MB and its renewed one.
func benchmarkLayers() (base, target []byte) {
	old := newTree(5, 2000)
	return zip(6, old.tar()), zip(6, old.renewed(6, 50).tar())
}

// BenchmarkDiff measures the bytes of the compressed layer in a second: what save makes deltas of.
func BenchmarkDiff(b *testing.B) {
	base, target := benchmarkLayers()
	b.SetBytes(int64(len(target)))
	for b.Loop() {
		if err := new(Differ).Diff(io.Discard, blobOf(base), blobOf(target)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPatch measures the bytes of the compressed layer in a second: what load makes of deltas.
func BenchmarkPatch(b *testing.B) {
	base, target := benchmarkLayers()
	d := mustDiff(b, base, target)
	b.SetBytes(int64(len(target)))
	for b.Loop() {
		r, err := Patch(bytes.NewReader(base), bytes.NewReader(d))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
