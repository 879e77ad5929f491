package stores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// randomBlob returns random bytes that depend on the seed, and their descriptor.
func randomBlob(size int, seed byte) ([]byte, manifest.Descriptor) {
	raw := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(raw)
	return raw, manifest.Descriptor{MediaType: "application/octet-stream", Digest: blob.FromBytes(raw),
		Size: int64(size)}
}

// recordingSource is a blob source that records the offsets at which it is opened.
type recordingSource struct {
	raw     []byte
	offsets []int64
	wrap    func(io.Reader) io.Reader // of what the first opening gives; may be nil
}

func (o *recordingSource) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	var r io.Reader = bytes.NewReader(o.raw[min(offset, int64(len(o.raw))):])
	if o.wrap != nil && len(o.offsets) == 0 {
		r = o.wrap(r)
	}
	o.offsets = append(o.offsets, offset)
	return io.NopCloser(r), nil
}

// mustNotOpen is a source for blobs whose bytes must not be read.
func mustNotOpen(t *testing.T) blob.Open {
	return func(context.Context, int64) (io.ReadCloser, error) {
		t.Error("the source was opened")
		return nil, errors.New("not to be opened")
	}
}

// mustPut puts a blob and checks the outcome.
func mustPut(t *testing.T, s store, d manifest.Descriptor, open blob.Open, want blob.Outcome, from ...string) {
	t.Helper()
	got, err := s.PutBlob(t.Context(), d, open, from...)
	if err != nil {
		t.Fatalf("%s of %d bytes: %v", d.Digest, d.Size, err)
	}
	if got != want {
		t.Errorf("%s of %d bytes: %s, want %s", d.Digest, d.Size, got, want)
	}
}

// readBlob reads a blob from an offset on.
func readBlob(t *testing.T, s store, d manifest.Descriptor, offset int64) ([]byte, error) {
	t.Helper()
	r, err := s.Blob(t.Context(), d, offset)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func wantBlob(t *testing.T, s store, d manifest.Descriptor, raw []byte) {
	t.Helper()
	got, err := readBlob(t, s, d, 0)
	if err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%s has %d bytes, want %d; error %v", d.Digest, len(got), len(raw), err)
	}
}

func wantNoBlob(t *testing.T, s store, d manifest.Descriptor) {
	t.Helper()
	if _, err := readBlob(t, s, d, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: error %v, want that it does not exist", d.Digest, err)
	}
}

func testEmpty(t *testing.T, h storeSet) {
	s := h("nothing/there")
	_, d := randomBlob(10, 1)
	for _, ref := range []string{"latest", string(d.Digest)} {
		if _, err := s.Manifest(t.Context(), ref); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Manifest %s: %v", ref, err)
		}
		if _, err := s.HeadManifest(t.Context(), ref); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("HeadManifest %s: %v", ref, err)
		}
	}
	wantNoBlob(t, s, d)
	if list, err := s.Referrers(t.Context(), d.Digest, ""); len(list) > 0 || err != nil &&
		!errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Referrers: %v, %v", list, err)
	}
	for tag, err := range s.TagNames(t.Context()) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("TagNames: %q, %v", tag, err)
		}
	}
}

// Blobs of all sizes are stored completely, can be read from any offset, and are not sent again.
func testBlobs(t *testing.T, h storeSet) {
	s := h("blobs/any")
	for i, size := range []int{0, 1, 99_999, 100_000, 100_001, 200_000, 5 << 20} {
		raw, d := randomBlob(size, byte(10+i))
		mustPut(t, s, d, (&recordingSource{raw: raw}).open, blob.Uploaded)
		mustPut(t, s, d, mustNotOpen(t), blob.Exists)
		wantBlob(t, s, d, raw)
		for _, offset := range []int{size / 2, size - 1} {
			if offset <= 0 {
				continue
			}
			if got, err := readBlob(t, s, d, int64(offset)); err != nil || !bytes.Equal(got, raw[offset:]) {
				t.Errorf("%d bytes from %d on: got %d, error %v", size, offset, len(got), err)
			}
		}
	}
}

func testBlobOfSHA512(t *testing.T, h storeSet) {
	s := h("blobs/sha512")
	raw, d := randomBlob(200_000, 20)
	d.Digest = blob.SHA512.Digest(raw)
	mustPut(t, s, d, (&recordingSource{raw: raw}).open, blob.Uploaded)
	mustPut(t, s, d, mustNotOpen(t), blob.Exists)
	wantBlob(t, s, d, raw)
}

// A blob of another repository is mounted. If it cannot be mounted it is sent.
func testMounts(t *testing.T, h storeSet) {
	from, to, other := h("mounts/from"), h("mounts/to"), h("mounts/other")
	raw, d := randomBlob(150_000, 30)
	mustPut(t, from, d, (&recordingSource{raw: raw}).open, blob.Uploaded)
	_, name := from.Place()
	mustPut(t, to, d, mustNotOpen(t), blob.Mounted, name)
	wantBlob(t, to, d, raw)

	raw, d = randomBlob(150_000, 31)
	mustPut(t, other, d, (&recordingSource{raw: raw}).open, blob.Uploaded, "mounts/unknown", name)
	wantBlob(t, other, d, raw)
	wantNoBlob(t, from, d)
}

// Wrong bytes are refused with a mismatch error and not stored. The right ones are accepted
// afterwards.
func testWrongBlobs(t *testing.T, h storeSet) {
	s := h("blobs/wrong")
	for i, size := range []int{1, 100_000, 300_000} {
		raw, d := randomBlob(size, byte(40+i))
		flipped := slices.Clone(raw)
		flipped[size/2] ^= 1
		for name, wrong := range map[string][]byte{"flipped": flipped, "shorter": raw[:size-1],
			"longer": append(slices.Clone(raw), 0)} {
			_, err := s.PutBlob(t.Context(), d, (&recordingSource{raw: wrong}).open)
			var mismatch *blob.MismatchError
			if !errors.As(err, &mismatch) || mismatch.Want != d.Digest {
				t.Errorf("%d bytes, %s: error %v", size, name, err)
			}
			wantNoBlob(t, s, d)
		}
		mustPut(t, s, d, (&recordingSource{raw: raw}).open, blob.Uploaded)
		wantBlob(t, s, d, raw)
	}
}

var errBroken = errors.New("broken on purpose")

// A source that fails is reopened at its offset.
func testBrokenSource(t *testing.T, h storeSet) {
	s := h("blobs/broken")
	raw, d := randomBlob(300_000, 50)
	const after = 123_456
	source := &recordingSource{raw: raw,
		wrap: func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, after), errReader{errBroken}) }}
	mustPut(t, s, d, source.open, blob.Uploaded)
	wantBlob(t, s, d, raw)
	if !slices.Equal(source.offsets, []int64{0, after}) {
		t.Errorf("opened at %v, want at 0 and %d", source.offsets, after)
	}
}

type errReader struct{ err error }

// Read implements io.Reader.
func (f errReader) Read([]byte) (int, error) { return 0, f.err }

// The error of a source that cannot be opened is returned, and nothing is stored.
func testFailingSource(t *testing.T, h storeSet) {
	s := h("blobs/failing")
	_, d := randomBlob(1000, 60)
	_, err := s.PutBlob(t.Context(), d, func(context.Context, int64) (io.ReadCloser, error) {
		return nil, fmt.Errorf("the source: %w", errBroken)
	})
	if !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
	wantNoBlob(t, s, d)
}

// A copy cancelled during a blob ends and stores nothing.
func testCancelled(t *testing.T, h storeSet) {
	s := h("blobs/cancelled")
	raw, d := randomBlob(300_000, 70)
	ctx, cancel := context.WithCancelCause(t.Context())
	source := &recordingSource{raw: raw, wrap: func(r io.Reader) io.Reader {
		return io.MultiReader(io.LimitReader(r, 150_000), cancelReader{ctx, cancel})
	}}
	if _, err := s.PutBlob(ctx, d, source.open); !errors.Is(err, errBroken) && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wantNoBlob(t, s, d)
}

// cancelReader cancels a context when it is read, and returns the cause.
type cancelReader struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// Read implements io.Reader.
func (c cancelReader) Read([]byte) (int, error) {
	c.cancel(errBroken)
	return 0, context.Cause(c.ctx)
}
