package synthetic

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

var _ transfer.Source = (*Image)(nil)

func newImage(t testing.TB, s Spec) *Image {
	t.Helper()
	im, err := New(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func readBlob(t testing.TB, im *Image, d manifest.Descriptor, offset int64) []byte {
	t.Helper()
	r, err := im.Blob(t.Context(), d, offset)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func platforms(t testing.TB, names ...string) (out []manifest.Platform) {
	t.Helper()
	for _, name := range names {
		p, err := manifest.ParsePlatform(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func TestBlobsMatchTheirDigests(t *testing.T) {
	im := newImage(t, Spec{
		Seed: 7, Platforms: platforms(t, "linux/amd64", "linux/arm64"), Layers: []int64{0, 1, 511, 1536, 70001, 300000},
	})
	if n := len(im.Blobs()); n != 2+2*6-1 { // the empty layer is the same in both
		t.Errorf("%d blobs", n)
	}
	for _, d := range im.Blobs() {
		whole := readBlob(t, im, d, 0)
		if err := blob.Verify(whole, d.Digest, d.Size); err != nil {
			t.Error(err)
		}
		for _, offset := range []int64{0, 1, 7, 8, 511, 512, 513, 4099, 70000, d.Size} {
			if offset <= d.Size && !bytes.Equal(readBlob(t, im, d, offset), whole[offset:]) {
				t.Errorf("blob of %d bytes has other bytes from offset %d", d.Size, offset)
			}
		}
	}
}

// The bytes do not depend on the length of reads: uploads read other lengths than the hash.
func TestReadsOfAnyLengthGiveSameBytes(t *testing.T) {
	im := newImage(t, Spec{Seed: 1, Layers: []int64{9999}, Compressible: 0.3})
	d := im.Blobs()[0]
	whole := readBlob(t, im, d, 0)
	for _, n := range []int{1, 3, 8, 13, 4096} {
		r, _ := im.Blob(t.Context(), d, 0)
		var got []byte
		for buf := make([]byte, n); ; {
			k, err := r.Read(buf)
			got = append(got, buf[:k]...)
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, whole) {
			t.Errorf("reads of %d bytes give other bytes", n)
		}
	}
}

func TestSeedsAndLayersDiffer(t *testing.T) {
	seen := map[blob.Digest]bool{}
	for seed := range uint64(20) {
		for _, d := range newImage(t, Spec{Seed: seed, Layers: []int64{4096, 4096}}).Blobs() {
			seen[d.Digest] = true
		}
	}
	if len(seen) != 60 {
		t.Errorf("%d different blobs, want 60", len(seen))
	}
	spec := Spec{Seed: 3, Layers: []int64{5}}
	if a, b := newImage(t, spec), newImage(t, spec); a.Root().Digest != b.Root().Digest {
		t.Error("one seed gives two images")
	}
}

func TestLayersAreTars(t *testing.T) {
	for _, size := range []int64{2048, 2049, 2560, 100000} {
		im := newImage(t, Spec{Layers: []int64{size}})
		r := tar.NewReader(bytes.NewReader(readBlob(t, im, im.Blobs()[0], 0)))
		h, err := r.Next()
		if err != nil || h.Size > size || h.Size < size-tarBlock-tarEnd-tarBlock {
			t.Fatalf("%d bytes: %v, %+v", size, err, h)
		}
		if n, err := io.Copy(io.Discard, r); n != h.Size || err != nil {
			t.Errorf("%d bytes: read %d of %d, %v", size, n, h.Size, err)
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("%d bytes: %v after the file", size, err)
		}
	}
}

// A file larger than 8 GiB has a header of another format and the same size.
func TestHeaderOfLargeLayer(t *testing.T) {
	l, err := newLayer(20<<30, newNoise(1, 1, 0))
	if err != nil || len(l.header) != tarBlock {
		t.Errorf("%d bytes, %v", len(l.header), err)
	}
}

func TestCompressible(t *testing.T) {
	for _, ratio := range []float64{0, 0.25, 0.5, 1} {
		im := newImage(t, Spec{Seed: 5, Layers: []int64{1 << 20}, Compressible: ratio})
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		w.Write(readBlob(t, im, im.Blobs()[0], 0))
		w.Close()
		if left := float64(packed.Len()) / (1 << 20); math.Abs(left-(1-ratio)) > 0.03 {
			t.Errorf("compressible %g: gzip leaves %.3f", ratio, left)
		}
	}
}

func TestManifestsByTagAndDigest(t *testing.T) {
	im := newImage(t, Spec{Platforms: platforms(t, "linux/amd64", "linux/arm/v7"), Layers: []int64{10}})
	if n := len(im.Manifests()); n != 3 {
		t.Fatalf("%d manifests", n)
	}
	ix, err := im.Root().Index()
	if err != nil || len(ix.Platforms()) != 2 || ix.Platforms()[1].String() != "linux/arm/v7" {
		t.Fatalf("%v, %v", ix.Platforms(), err)
	}
	for _, ref := range []string{"any", string(im.Root().Digest), string(ix.Manifests[0].Digest)} {
		if _, err := im.Manifest(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
	_, missing := im.Manifest(t.Context(), string(blob.FromBytes(nil)))
	_, none := im.Blob(t.Context(), manifest.Descriptor{Digest: "sha256:x"}, 0)
	if !errors.Is(missing, fs.ErrNotExist) || !errors.Is(none, fs.ErrNotExist) {
		t.Errorf("%v; %v", missing, none)
	}
	if p, err := transfer.ImagePlatform(t.Context(), im, im.Manifests()[1]); err != nil || p.String() != "linux/arm/v7" {
		t.Errorf("the config says %v, %v", p, err)
	}
}

func TestInvalidSpecs(t *testing.T) {
	for _, s := range []Spec{
		{Layers: []int64{-1}}, {Layers: []int64{math.MaxInt64, 1}},
		{Compressible: -0.1}, {Compressible: 1.1}, {Compressible: math.NaN()},
	} {
		if _, err := New(t.Context(), s); err == nil {
			t.Errorf("no error for %+v", s)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(ctx, Spec{Layers: []int64{1 << 40}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func BenchmarkLayer(b *testing.B) {
	l, _ := newLayer(1<<30, newNoise(1, 0, 0.5))
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	for i := 0; b.Loop(); i++ {
		l.fill(buf, int64(i%1000)*int64(len(buf)))
	}
}
