package delta

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
)

// layers returns a layer and its renewed one, as several compressors make them.
func layers() map[string][2][]byte {
	old := newTree(1, 40)
	base, target := old.tar(), old.renewed(2, 40).tar()
	out := map[string][2][]byte{"uncompressed": {base, target}}
	for _, level := range []int{gzip.HuffmanOnly, gzip.NoCompression, gzip.BestSpeed, gzip.DefaultCompression} {
		out[fmt.Sprintf("level %d", level)] = [2][]byte{zip(level, base), zip(level, target)}
	}
	level6 := out[fmt.Sprintf("level %d", gzip.DefaultCompression)]
	out["members"] = [2][]byte{zipMembers(64<<10, base), zipMembers(64<<10, target)}
	out["trailing bytes"] = [2][]byte{
		append(bytes.Clone(level6[0]), make([]byte, 3000)...), append(bytes.Clone(level6[1]), "nothing that is compressed"...)}
	return out
}

// gzipLayers returns a layer of several members, and its renewed one.
func gzipLayers() [2][]byte {
	old := newTree(1, 20)
	return [2][]byte{zipMembers(64<<10, old.tar()), zipMembers(64<<10, old.renewed(2, 40).tar())}
}

func TestDeltaMakesTheTargetAgain(t *testing.T) {
	for name, l := range layers() {
		t.Run(name, func(t *testing.T) {
			n := wantRoundTrip(t, l[0], l[1])
			t.Logf("%d bytes of %d, %.1f %%", n, len(l[1]), 100*float64(n)/float64(len(l[1])))
			if limit := len(l[1]) / 4; n > limit && name != "level 0" {
				t.Errorf("the delta has %d bytes of %d", n, len(l[1]))
			}
			wantRoundTrip(t, l[1], l[0])
		})
	}
}

func TestDeltaOfTheSame(t *testing.T) {
	tarball := newTree(1, 40).tar()
	for name, b := range map[string][]byte{"uncompressed": tarball, "level 1": zip(1, tarball), "members": zipMembers(64<<10, tarball)} {
		if n := wantRoundTrip(t, b, b); n > len(b)/50 {
			t.Errorf("%s: %d bytes of %d", name, n, len(b))
		}
	}
}

// The window of a small base is small, and so is the memory that Patch takes.
func TestWindowIsSizedByTheBase(t *testing.T) {
	for _, size := range []int64{0, 1000, 100_000, 4 << 20, 1 << 40} {
		b := Blob{Size: size}
		for limit, most := range map[int64]byte{tokenKeep: tokenWindowBits, byteKeep: byteWindowBits} {
			got := b.windowBits(limit, most)
			if n := int64(1) << got; got > most || got < most && (n < 4*size || n > 8*(size+elementBatch)) {
				t.Errorf("of a base of %d bytes the window has %d elements", size, n)
			}
		}
	}
}

func TestDeltaOfSmallBlobs(t *testing.T) {
	for _, base := range [][]byte{nil, {0}, []byte("some text"), zip(6, nil), zip(6, []byte("some text"))} {
		for _, target := range [][]byte{nil, {1}, []byte("some other text"), zip(6, nil), zip(0, []byte("other"))} {
			if bytes.HasPrefix(base, []byte(gzipMagic)) == bytes.HasPrefix(target, []byte(gzipMagic)) {
				wantRoundTrip(t, base, target)
			}
		}
	}
}

func TestDeltaReadsInPieces(t *testing.T) {
	l := gzipLayers()
	d := mustDiff(t, l[0], l[1])
	r, err := Patch(iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(l[0]))), iotest.OneByteReader(bytes.NewReader(d)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := iotest.TestReader(r, l[1]); err != nil {
		t.Error(err)
	}
	var again bytes.Buffer
	base := Blob{iotest.HalfReader(bytes.NewReader(l[0])), int64(len(l[0]))}
	target := Blob{iotest.OneByteReader(bytes.NewReader(l[1])), int64(len(l[1]))}
	if err := new(Differ).Diff(&again, base, target); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), d) {
		t.Error("the delta depends on how base and target are read")
	}
}

func TestDiffRefuses(t *testing.T) {
	tarball := newTree(1, 20).tar()
	good := zip(6, tarball)
	broken := bytes.Clone(good)
	broken[len(broken)/2] ^= 0xff
	unknown := bytes.Clone(good)
	unknown[3] = 0x80
	for name, target := range map[string][]byte{
		"zstd": []byte(zstdMagic + "..."), "uncompressed": tarball, "truncated": good[:len(good)-9],
		"truncated trailer": good[:len(good)-1], "unknown flags": unknown, "only magic": []byte(gzipMagic),
	} {
		err := new(Differ).Diff(io.Discard, blobOf(good), blobOf(target))
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := new(Differ).Diff(io.Discard, blobOf(good), Blob{bytes.NewReader(good), 5}); err == nil ||
		errors.Is(err, ErrUnsupported) {
		t.Errorf("target of another size: got %v", err)
	}
	// A base that ends early or is broken is of less use, and no error.
	wantRoundTrip(t, good[:len(good)/2], good)
	wantRoundTrip(t, broken, good)
}

func TestErrorsOfReadersAreTheirs(t *testing.T) {
	l := gzipLayers()
	lost := errors.New("connection lost")
	cut := func(b []byte) io.Reader { return io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(lost)) }
	if err := new(Differ).Diff(io.Discard, Blob{cut(l[0]), int64(len(l[0]))}, blobOf(l[1])); !errors.Is(err, lost) {
		t.Errorf("base: got %v", err)
	}
	if err := new(Differ).Diff(io.Discard, blobOf(l[0]), Blob{cut(l[1]), int64(len(l[1]))}); !errors.Is(err, lost) ||
		errors.Is(err, ErrUnsupported) {
		t.Errorf("target: got %v", err)
	}
	d := mustDiff(t, l[0], l[1])
	for name, r := range map[string][2]io.Reader{
		"base": {cut(l[0]), bytes.NewReader(d)}, "delta": {bytes.NewReader(l[0]), cut(d)},
	} {
		p, err := Patch(r[0], r[1])
		if err == nil {
			_, err = io.Copy(io.Discard, p)
			p.Close()
		}
		if !errors.Is(err, lost) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestPatchWithAnotherBase(t *testing.T) {
	l := gzipLayers()
	d := mustDiff(t, l[0], l[1])
	for name, base := range map[string][]byte{
		"none": nil, "uncompressed": newTree(1, 20).tar(), "truncated": l[0][:len(l[0])/2], "other": zip(6, newTree(9, 20).tar()),
		"the target": l[1], "the delta": d,
	} {
		if got, err := patch(base, d); err == nil && bytes.Equal(got, l[1]) || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %d bytes and %v", name, len(got), err)
		}
	}
}

func TestPatchOfTruncatedDelta(t *testing.T) {
	l := gzipLayers()
	d := mustDiff(t, l[0], l[1])
	for n := 0; n < len(d); n += 1 + n/16 {
		if _, err := patch(l[0], d[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d of %d bytes: got %v", n, len(d), err)
		}
	}
}

func TestWindowMoves(t *testing.T) {
	old := newTree(3, 40)
	base, target := old.tar(), old.renewed(4, 10).tar()
	// The base is many times as large as what the window of this test keeps.
	var out bytes.Buffer
	w, read := newOpWriter(&out, int64(len(target))), int64(0)
	code := func(w *bitWriter, p []byte) error { w.putBits(p, 8*len(p)); return nil }
	m := newMatcher(newWindow(byteSource(bytes.NewReader(base)), make([]byte, 128<<10)), new([]uint32), 32, 8<<10, 16<<10, w, code)
	m.from, m.to = progress{int64(len(base)), func() int64 { return m.base.end }}, progress{int64(len(target)), func() int64 { return read }}
	for rest := target; len(rest) > 0; {
		some := rest[:min(4<<10, len(rest))]
		rest = rest[len(some):]
		read += int64(len(some))
		if err := m.add(some); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	d := append(header{elementsBytes, 13, uint64(len(target))}.encode(), out.Bytes()...)
	got, err := patch(base, d)
	if err != nil || !bytes.Equal(got, target) {
		t.Fatalf("got %d bytes, want %d: %v", len(got), len(target), err)
	}
	if len(d) > len(target)/3 {
		t.Errorf("the delta has %d bytes of %d: the window lost its place", len(d), len(target))
	}
}

// Of a gzip file of countless empty blocks no delta is made. A base that has them at its end is of use up
// to there.
func TestEmptyBlocks(t *testing.T) {
	good := zip(6, newTree(1, 20).tar())
	var empty bitWriter
	for range 2 * freeEffort / effortOfHead {
		empty.put(2, 10) // a fixed block and its end
	}
	many := append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), empty.bytes()...)
	if err := new(Differ).Diff(io.Discard, blobOf(good), blobOf(many)); !errors.Is(err, ErrUnsupported) || !errors.Is(err, errEffort) {
		t.Errorf("got %v", err)
	}
	wantRoundTrip(t, append(bytes.Clone(good), many...), good)
}
