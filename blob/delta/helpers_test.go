package delta

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"
)

// tree is the files of a layer, in order.
type tree []file

type file struct {
	name    string
	content []byte
	time    int64 // seconds since the epoch
}

// newTree returns n files of some kB, with text and bytes that do not compress.
func newTree(seed uint64, n int) tree {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var t tree
	for i := range n {
		t = append(t, file{fmt.Sprintf("usr/share/pkg%03d/file%d", i/8, i), content(rnd, 200+rnd.IntN(20000)), 1700000000})
	}
	return t
}

// content returns words of a small dictionary, and now and then noise.
func content(rnd *rand.Rand, size int) []byte {
	var b bytes.Buffer
	noise := rnd.IntN(8) == 0
	for b.Len() < size {
		if noise {
			fmt.Fprintf(&b, "%c", rnd.IntN(256))
			continue
		}
		fmt.Fprintf(&b, "word%d ", rnd.IntN(3000)*rnd.IntN(2))
	}
	return b.Bytes()[:size]
}

// renewed returns a copy in which some files have other content, one is new, one is gone, and all have
// another time.
func (t tree) renewed(seed uint64, every int) tree {
	rnd := rand.New(rand.NewPCG(seed, 2))
	var out tree
	for i, f := range t {
		f.time += 604800
		switch {
		case i%every == 0:
			f.content = content(rnd, len(f.content)+rnd.IntN(500))
		case i == 7:
			out = append(out, file{f.name + ".new", content(rnd, 9000), f.time})
		case i == 11:
			continue
		}
		out = append(out, f)
	}
	return out
}

func (t tree) tar() []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range t {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content)), ModTime: time.Unix(f.time, 0)}
		if err := w.WriteHeader(header); err != nil {
			panic(err)
		}
		w.Write(f.content)
	}
	w.Close()
	return b.Bytes()
}

// zip compresses with compress/gzip.
func zip(level int, b []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		panic(err)
	}
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// zipMembers compresses every size bytes to a member of their own, with a name and an extra field.
func zipMembers(size int, b []byte) []byte {
	var out bytes.Buffer
	for len(b) > 0 {
		some := b[:min(size, len(b))]
		b = b[len(some):]
		w := gzip.NewWriter(&out)
		w.Name, w.Comment, w.Extra = "layer.tar", "a comment", []byte("SG\x02\x00ab")
		w.Write(some)
		w.Close()
	}
	return out.Bytes()
}

func blobOf(b []byte) Blob { return Blob{bytes.NewReader(b), int64(len(b))} }

func mustDiff(t testing.TB, base, target []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := new(Differ).Diff(&out, blobOf(base), blobOf(target)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func patch(base, delta []byte) ([]byte, error) {
	r, err := Patch(bytes.NewReader(base), bytes.NewReader(delta))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// wantRoundTrip makes a delta, checks and applies it, and returns its size.
func wantRoundTrip(t testing.TB, base, target []byte) int {
	t.Helper()
	d := mustDiff(t, base, target)
	if err := Check(bytes.NewReader(d), int64(len(base)), int64(len(target))); err != nil {
		t.Errorf("Check: %v", err)
	}
	got, err := patch(base, d)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, target) {
		t.Fatalf("the target has %d bytes, and the delta makes %d others", len(target), len(got))
	}
	return len(d)
}

// join splits a gzip file and puts it together again.
func join(b []byte) ([]byte, error) {
	j := &joiner{}
	err := newSplitter(bytes.NewReader(b), j).split()
	return j.bytes(), err
}
