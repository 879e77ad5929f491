package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// brokenSource is a blob whose source ends the run at an offset, as a signal does. It notes where it
// was opened.
type brokenSource struct {
	content []byte
	breakAt int // 0 for none
	stop    context.CancelFunc
	opened  []int64
}

func newBrokenSource(size int) *brokenSource {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	return &brokenSource{content: content}
}

func (s *brokenSource) descriptor() manifest.Descriptor {
	return manifest.Descriptor{Digest: blob.FromBytes(s.content), Size: int64(len(s.content))}
}

// Read ends the run in place of the byte at breakAt.
func (s *brokenSource) Read([]byte) (int, error) {
	s.stop()
	return 0, errors.New("the run was stopped")
}

func (s *brokenSource) open(_ context.Context, offset int64) (io.ReadCloser, error) {
	s.opened = append(s.opened, offset)
	if s.breakAt == 0 {
		return io.NopCloser(bytes.NewReader(s.content[offset:])), nil
	}
	return io.NopCloser(io.MultiReader(bytes.NewReader(s.content[offset:s.breakAt]), s)), nil
}

// put puts the blob to a target, and stops at breakAt.
func (s *brokenSource) put(t *testing.T, breakAt int, target interface {
	PutBlob(context.Context, manifest.Descriptor, blob.Open, ...string) (blob.Outcome, error)
}) error {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s.breakAt, s.stop, s.opened = breakAt, stop, nil
	_, err := target.PutBlob(ctx, s.descriptor(), s.open)
	return err
}

// wantOffsets checks where the source was opened.
func (s *brokenSource) wantOffsets(t *testing.T, want ...int64) {
	t.Helper()
	if len(s.opened) != len(want) {
		t.Fatalf("the source was opened at %v, want %v", s.opened, want)
	}
	for i := range want {
		if s.opened[i] != want[i] {
			t.Errorf("the source was opened at %v, want %v", s.opened, want)
		}
	}
}

const resumeAt = 2<<20 + 77

// interrupted returns a folder in which an upload of the source's blob was stopped at resumeAt, and
// the path of the bytes that it left.
func interrupted(t *testing.T, s *brokenSource) (folder, left string) {
	t.Helper()
	folder = t.TempDir()
	d := openDir(t, folder)
	if err := s.put(t, resumeAt, d.Repository("r")); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	return folder, d.files.path(resumableName(s.descriptor().Digest))
}

func TestInterruptedBlobIsResumed(t *testing.T) {
	s := newBrokenSource(3 << 20)
	folder, left := interrupted(t, s)
	d := openDir(t, folder)
	if err := s.put(t, 0, d.Repository("r")); err != nil {
		t.Fatal(err)
	}
	s.wantOffsets(t, resumeAt)
	if got, err := os.ReadFile(d.blobPath(s.descriptor().Digest)); err != nil || !bytes.Equal(got, s.content) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	if exists(left) {
		t.Error("the temporary file is still there")
	}
}

// What is left there may be damaged, by a crash of the machine: the blob is right all the same.
func TestDamagedRestOfABlobIsReadAgain(t *testing.T) {
	s := newBrokenSource(3 << 20)
	zeros := make([]byte, resumeAt)
	for name, c := range map[string]struct {
		left    []byte
		offsets []int64
	}{
		"zeros": {zeros, []int64{0}},
		"unwritten": {slices.Concat(s.content[:1<<20], zeros[:4096], s.content[1<<20+4096:resumeAt]),
			[]int64{1 << 20}},
		"damaged":  {slices.Concat([]byte("damage"), s.content[6:resumeAt]), []int64{resumeAt, 0}},
		"too long": {append(bytes.Clone(s.content), 1), []int64{0}},
		"wrong":    {make([]byte, len(s.content)), []int64{0}},
		"whole":    {s.content, nil},
		"empty":    {nil, []int64{0}},
	} {
		folder, left := interrupted(t, s)
		mustWrite(t, string(c.left), left)
		d := openDir(t, folder)
		if err := s.put(t, 0, d.Repository("r")); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.wantOffsets(t, c.offsets...)
		if got, _ := os.ReadFile(d.blobPath(s.descriptor().Digest)); !bytes.Equal(got, s.content) {
			t.Errorf("%s: the blob has %d wrong bytes", name, len(got))
		}
	}
}

// Wrong bytes of the source are not kept, also behind right ones of an earlier upload.
func TestWrongRestIsDropped(t *testing.T) {
	s := newBrokenSource(3 << 20)
	folder, left := interrupted(t, s)
	right := s.descriptor()
	s.content[len(s.content)-1] ^= 1
	d := openDir(t, folder)
	_, err := d.Repository("r").PutBlob(t.Context(), right, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		s.breakAt = 0
		return s.open(ctx, offset)
	})
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) || exists(left) {
		t.Errorf("error %v; a file is left: %v", err, exists(left))
	}
}

// Two processes with one blob do not share a file.
func TestBlobIsNotResumedTwice(t *testing.T) {
	s := newBrokenSource(3 << 20)
	folder, _ := interrupted(t, s)
	d := openDir(t, folder)
	f, err := d.openResumable(s.descriptor().Digest)
	if err != nil || filepath.Base(f.Name()) != filepath.Base(resumableName(s.descriptor().Digest)) {
		t.Fatal(f.Name(), err)
	}
	if _, err := d.Prune(t.Context(), PruneOptions{}); err != nil || !exists(f.Name()) {
		t.Errorf("prune: error %v, or it took the file of another process", err)
	}
	if err := s.put(t, 0, d.Repository("r")); err != nil {
		t.Fatal(err)
	}
	s.wantOffsets(t, 0)
	f.Close()
	if openDir(t, folder); exists(f.Name()) {
		t.Error("the file is still there, although the blob has come")
	}
}

// A hard link in a foreign folder leads to no file outside of it.
func TestHardLinkIsNotResumed(t *testing.T) {
	s := newBrokenSource(3 << 20)
	folder, left := interrupted(t, s)
	outside := filepath.Join(t.TempDir(), "outside")
	mustWrite(t, "precious", outside)
	if err := errors.Join(os.Remove(left), os.Link(outside, left)); err != nil {
		t.Skip(err)
	}
	if err := s.put(t, 0, openDir(t, folder).Repository("r")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(outside); string(got) != "precious" {
		t.Errorf("the file outside has %d other bytes", len(got))
	}
}

func TestInterruptedBlobIsPrunedAndExpires(t *testing.T) {
	s := newBrokenSource(3 << 20)
	folder, left := interrupted(t, s)
	d := openDir(t, folder)
	if done, err := d.Prune(t.Context(), PruneOptions{}); err != nil || done.Bytes != resumeAt || exists(left) {
		t.Errorf("prune freed %d bytes, error %v; a file is left: %v", done.Bytes, err, exists(left))
	}

	folder, left = interrupted(t, s)
	old := time.Now().Add(-resumableTime - time.Hour)
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	openDir(t, folder)
	if exists(left) {
		t.Error("what was left long ago is still there")
	}
}

// bundleOf returns contents with one blob, the source's.
func bundleOf(s *brokenSource, t *testing.T) *sample {
	c := newSample()
	c.addImage("r:1", c.image(t, "linux/amd64", string(s.content)))
	return c
}

func TestInterruptedBundleResumesWithinABlob(t *testing.T) {
	s := newBrokenSource(20 << 20)
	c := bundleOf(s, t)
	want := mustRead(t, errorless(c.bundle(t)))
	for name, damage := range map[string]bool{"as it was": false, "damaged": true} {
		path := filepath.Join(t.TempDir(), "b.tar")
		b, err := CreateBundle(path, c.BundleContents, BundleFiles{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.put(t, 18<<20, b); !errors.Is(err, context.Canceled) {
			t.Fatalf("%s: error %v", name, err)
		}
		if damage {
			if _, err := b.volumes.WriteAt([]byte("damage"), b.slots[s.descriptor().Digest].offset+1<<20); err != nil {
				t.Fatal(err)
			}
		}
		b.Close()
		if b, err = CreateBundle(path, c.BundleContents, BundleFiles{}); err != nil {
			t.Fatal(err)
		}
		if err := s.put(t, 0, b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if damage {
			s.wantOffsets(t, 18<<20, 0)
		} else {
			s.wantOffsets(t, 18<<20)
		}
		for _, d := range c.Blobs {
			if _, err := b.PutBlob(t.Context(), d, c.open(d)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Commit(t.Context()); err != nil || !bytes.Equal(mustRead(t, path), want) {
			t.Errorf("%s: error %v, or the bundle has other bytes", name, err)
		}
	}
}

// errorless returns the path of a bundle.
func errorless(path string, _ Inventory) string { return path }

// A cancelled copy does not hash what an earlier one has left, which may take minutes, and keeps it.
func TestResumeCancelled(t *testing.T) {
	d := openDir(t, t.TempDir())
	what := manifest.Descriptor{Digest: testDigest("a"), Size: blob.LargeSize}
	mustWrite(t, strings.Repeat("x", 1<<20), d.path, resumableName(what.Digest))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := d.Repository("a").PutBlob(ctx, what, func(context.Context, int64) (io.ReadCloser, error) {
		t.Error("the blob is opened")
		return nil, fs.ErrNotExist
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if info, err := os.Stat(filepath.Join(d.path, resumableName(what.Digest))); err != nil || info.Size() != 1<<20 {
		t.Errorf("what was left: %v", err)
	}
}
