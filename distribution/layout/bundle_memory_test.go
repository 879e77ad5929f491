package layout

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// allocated returns how many bytes f allocates, including those that are freed again.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// patternReader generates a large blob while it is read.
type patternReader struct{ offset, size int64 }

// Read implements io.Reader.
func (s *patternReader) Read(p []byte) (int, error) {
	if s.offset == s.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.size-s.offset))
	for i := range p[:n] {
		p[i] = byte((s.offset + int64(i)) >> 12)
	}
	s.offset += int64(n)
	return n, nil
}

// TestBlobsAreNotHeldInMemory writes and verifies a blob of 32 MiB. All allocations together must
// stay below a quarter of that.
func TestBlobsAreNotHeldInMemory(t *testing.T) {
	const size = 32 << 20
	h := blob.SHA256.New()
	if _, err := io.Copy(h, &patternReader{0, size}); err != nil {
		t.Fatal(err)
	}
	s := newSample()
	layer := manifest.Descriptor{MediaType: manifest.MediaTypeOCILayer, Size: size, Digest: blob.FromHash(blob.SHA256, h)}
	s.Blobs = append(s.Blobs, layer)
	s.addImage("x:1", s.layers(t, s.blob(manifest.MediaTypeOCIConfig, "{}"), layer))
	open := func(d manifest.Descriptor) blob.Open {
		if d.Digest != layer.Digest {
			return s.open(d)
		}
		return func(_ context.Context, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(&patternReader{offset, size}), nil
		}
	}
	path := filepath.Join(t.TempDir(), "b.tar")
	got := allocated(func() {
		b, err := CreateBundle(path, s.BundleContents, BundleFiles{VolumeSize: size / 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range s.Blobs {
			if _, err := b.PutBlob(t.Context(), d, open(d)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := StreamBundle(t.Context(), io.Discard, s.BundleContents, open); err != nil {
			t.Fatal(err)
		}
		if bad := problems(t, openArchive(t, path).Verify); bad != nil {
			t.Errorf("problems: %v", bad)
		}
	})
	if got > size/4 {
		t.Errorf("%d bytes were allocated", got)
	}
}

// TestLargeBundleNeedsLittleMemory lays out and opens 200 images of 50 GB, with one layer that is
// larger than old tars can hold. Only the headers are written, into a sparse file. The memory in
// use must stay below 16 MiB.
func TestLargeBundleNeedsLittleMemory(t *testing.T) {
	s := newSample()
	for i := range 200 {
		var children []manifest.Manifest
		for p := range 3 {
			var layers []manifest.Descriptor
			for l := range 8 {
				digest := blob.FromBytes(fmt.Append(nil, i, p, l))
				d := manifest.Descriptor{MediaType: manifest.MediaTypeOCILayer, Size: 10 << 20, Digest: digest}
				layers, s.Blobs = append(layers, d), append(s.Blobs, d)
			}
			config := s.blob(manifest.MediaTypeOCIConfig, fmt.Sprint("config ", i, p))
			children = append(children, s.layers(t, config, layers...))
		}
		s.addImage(fmt.Sprintf("r.example/image-%d:1", i), s.index(t, children...))
	}
	huge := manifest.Descriptor{
		MediaType: manifest.MediaTypeOCILayer, Size: 9 << 30, Digest: blob.FromBytes([]byte("huge")),
	}
	s.Blobs = append(s.Blobs, huge)
	members := map[string]any{"layers": []manifest.Descriptor{huge}}
	s.addImage("r.example/huge:1", s.manifest(t, manifest.MediaTypeOCIManifest, members))
	path := filepath.Join(t.TempDir(), "b.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := retained(t, func() any {
		p, err := s.layOut()
		if err != nil {
			t.Fatal(err)
		}
		if p.size < 50e9 {
			t.Errorf("only %d bytes", p.size)
		}
		if err := f.Truncate(p.size); err != nil {
			t.Skipf("no sparse files here: %v", err)
		}
		if err := p.writeHeaders(f); err != nil {
			t.Fatal(err)
		}
		return p
	})
	if got > 16<<20 {
		t.Errorf("writing: %d bytes are in use", got)
	}
	got = retained(t, func() any {
		a := openArchive(t, path)
		if len(a.Images()) != 201 || len(a.blobs) != 200*31+2 {
			t.Errorf("%d images, %d blobs", len(a.Images()), len(a.blobs))
		}
		return a
	})
	if got > 16<<20 {
		t.Errorf("reading: %d bytes are in use", got)
	}
}

// retained returns how many bytes of memory stay in use for the result of f.
func retained(t testing.TB, f func() any) int64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	made := f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(made)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}
