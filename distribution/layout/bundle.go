package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// Bundle is a tar that is being written. [CreateBundle] begins it; Commit, Close or Abort ends it.
// Its blobs may arrive in any order and concurrently: PutBlob, HeadManifest and PutManifest may be
// called concurrently, and make it a target for the copy engine.
type Bundle struct {
	path      string
	inventory Inventory
	partial   *partialDir
	volumes   *volumes
	hasher    *volumeHasher // nil if no digest is asked for
	manifests map[blob.Digest]bool
	slots     map[blob.Digest]*slot
	sign      func(inventory []byte) ([]byte, error) // nil if nothing is signed
	ended     atomic.Bool                            // by Commit, Close or Abort
	syncer    syncer
	unsynced  unsynced
}

// MinVolumeSize is the smallest volume size in bytes: a block of a tar.
const MinVolumeSize = tarBlock

// BundleFiles describes the files that a bundle is written to. The zero value is one file without a
// digest.
type BundleFiles struct {
	// VolumeSize splits the bundle into files of at most so many bytes, path.001 and so on. It is
	// at least MinVolumeSize; 0 means one file.
	VolumeSize int64
	// Digest asks for the SHA-256 of the one file. All of it is then read and hashed once more.
	// Volumes always have a SHA-256.
	Digest bool
	// Sign returns the signature of FILE.json, which has the SHA-256 of each file then, and is put
	// beside it as FILE.json.sig. Without it nothing is signed.
	Sign func(inventory []byte) ([]byte, error)
	// Signatures is what a policy says of the images, for FILE.json.
	Signatures []signature.Verdict
}

// slot is the range of the tar that a blob is written to.
type slot struct {
	manifest.Descriptor
	offset   int64
	leftover int64 // how many of its first bytes an earlier process has probably written

	fillMu sync.Mutex
	full   atomic.Bool
}

// CreateBundle begins a bundle at path. It reserves the disk space and writes everything but the
// blobs. Until Commit the bundle grows in the folder path.partial, and nothing is visible at path.
// If that folder exists, left by a killed process or by [Bundle.Close], Create resumes it if
// contents and volume size are the same, and replaces it if not.
//
// Errors: incomplete contents, [ErrBusy] while another process writes the same bundle, files in the
// way that belong to no bundle, and those of the file system, such as a full disk.
func CreateBundle(path string, c BundleContents, files BundleFiles) (*Bundle, error) {
	l, err := c.layOut()
	if err != nil {
		return nil, err
	}
	v, err := l.preflight(path, files)
	if err != nil {
		return nil, err
	}
	partial, err := openPartial(path)
	if err != nil {
		return nil, err
	}
	b := &Bundle{path: path, inventory: l.inventory, partial: partial, volumes: v}
	b.syncer.sync = b.sync
	if err := b.start(l, files); err != nil {
		v.Close()
		return nil, errors.Join(fmt.Errorf("%s: a bundle of %d bytes: %w", path, l.size, err), partial.remove())
	}
	return b, nil
}

// newVolumes returns the volumes of the tar, at most size bytes each, or one if size is 0. Their
// files are not opened yet.
func (l *tarLayout) newVolumes(path string, size int64) (*volumes, error) {
	if size < 0 || size > 0 && size < MinVolumeSize {
		return nil, fmt.Errorf("%s: volumes of %d bytes are too small", path, size)
	}
	v := &volumes{path: path, size: l.size}
	if size == 0 {
		v.files = []volume{{nil, 0, l.size}}
		return v, nil
	}
	if n := (l.size + size - 1) / size; n > maxVolumes {
		return nil, fmt.Errorf("%s: %d bytes in volumes of %d would be %d files; the maximum is %d",
			path, l.size, size, n, maxVolumes)
	}
	for start := int64(0); start < l.size; start += size {
		v.files = append(v.files, volume{nil, start, min(size, l.size-start)})
	}
	return v, nil
}

// start opens the volumes and writes everything but the blobs.
func (b *Bundle) start(l *tarLayout, files BundleFiles) error {
	filled, err := b.partial.prepare(fmt.Appendf(nil, "%s %d\n", l.inventory.ID, files.VolumeSize))
	if err != nil {
		return err
	}
	for i := range b.volumes.files {
		f := &b.volumes.files[i]
		if f.File, err = b.partial.open(b.partial.volumeName(i), os.O_RDWR|os.O_CREATE); err != nil {
			return err
		}
		name := b.path
		if files.VolumeSize > 0 {
			name = volumePath(b.path, i)
		}
		b.inventory.Volumes = append(b.inventory.Volumes, Volume{File: filepath.Base(name), Size: f.size})
	}
	if err := b.volumes.reserve(); err != nil {
		return err
	}
	if err := l.writeHeaders(b.volumes); err != nil {
		return err
	}
	b.addSlots(l, filled)
	b.sign, b.inventory.Signatures = files.Sign, files.Signatures
	if files.Digest || files.Sign != nil || files.VolumeSize > 0 {
		b.hasher = newVolumeHasher(b.volumes, slices.Collect(maps.Values(b.slots)))
	}
	return nil
}

func (b *Bundle) addSlots(l *tarLayout, filled map[blob.Digest]int64) {
	b.slots, b.manifests = map[blob.Digest]*slot{}, map[blob.Digest]bool{}
	for i := range l.members {
		if m := &l.members[i]; m.isBlob() {
			b.slots[m.blob.Digest] = &slot{
				Descriptor: m.blob, offset: m.offset, leftover: max(0, min(filled[m.blob.Digest], m.blob.Size)),
			}
		}
	}
	for d := range l.manifests {
		b.manifests[d] = true
	}
}

// String returns the path of the bundle.
func (b *Bundle) String() string { return b.path }

// PutBlob writes a blob, or a delta, into its slot. If the blob is already there or in the base, or
// there is a delta of it, it returns blob.Exists and does not call open. Bytes that do not match the descriptor are a
// *[blob.MismatchError]; the slot then counts as empty, and another call may fill it. A blob that
// is not among the contents is an error.
func (b *Bundle) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string,
) (blob.Outcome, error) {
	s := b.slots[d.Digest]
	if s == nil {
		return b.putWithoutSlot(d.Digest)
	}
	s.fillMu.Lock()
	defer s.fillMu.Unlock()
	if s.full.Load() {
		return blob.Exists, nil
	}
	outcome := blob.Exists
	if s.leftover == 0 || s.leftover < s.Size || b.verifySlot(ctx, s) != nil {
		outcome = blob.Uploaded
		if err := b.fillSlot(ctx, s, open); err != nil {
			return 0, err
		}
		b.noteFilled(s)
	}
	s.full.Store(true)
	b.hasher.filled(s)
	return outcome, nil
}

// putWithoutSlot is PutBlob for a blob that has no slot.
func (b *Bundle) putWithoutSlot(d blob.Digest) (blob.Outcome, error) {
	if c, known := b.inventory.Find(d); known && c.needsBase() || b.manifests[d] {
		return blob.Exists, nil
	}
	return 0, fmt.Errorf("%s: blob %s is not among the contents", b.path, d)
}

// verifySlot reads and verifies the blob that an earlier process has probably written.
func (b *Bundle) verifySlot(ctx context.Context, s *slot) error {
	err := copyBlob(ctx, io.Discard, s.Descriptor, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return openSection(io.NewSectionReader(b.volumes, s.offset, s.Size), s.Digest, s.Size, offset)
	})
	if err != nil {
		s.leftover = 0
	}
	return err
}

// fillSlot writes a blob into its slot, behind what an earlier process has left there. If that was
// wrong, it writes all of the blob.
func (b *Bundle) fillSlot(ctx context.Context, s *slot, open blob.Open) error {
	from := s.leftover
	s.leftover = 0
	err := b.fillSlotFrom(ctx, s, open, from)
	var mismatch *blob.MismatchError
	if from > 0 && errors.As(err, &mismatch) {
		b.partial.note(s.Digest, 0)
		return b.fillSlotFrom(ctx, s, open, 0)
	}
	return err
}

// fillSlotFrom writes the bytes of a blob from an offset on.
func (b *Bundle) fillSlotFrom(ctx context.Context, s *slot, open blob.Open, offset int64) error {
	h := s.Digest.Algorithm().New()
	there := io.NewSectionReader(b.volumes, s.offset, offset)
	if _, err := copyContext(ctx, h, there, make([]byte, blob.BufferSize(offset, copyBuffer))); err != nil {
		return err
	}
	w := &slotWriter{bundle: b, slot: s, offset: s.offset + offset}
	in := resumedStream(s.Descriptor, open, offset, h).Reader(ctx, offset)
	defer in.Close()
	_, err := io.CopyBuffer(onlyWriter{w}, in, make([]byte, blob.BufferSize(s.Size, copyBuffer)))
	return err
}

// HeadManifest always returns fs.ErrNotExist: an image counts as missing until the bundle is
// complete.
func (b *Bundle) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	return manifest.Descriptor{}, fmt.Errorf("%s: manifest %s: %w", b.path, ref, fs.ErrNotExist)
}

// PutManifest does nothing for a manifest of the contents, since [CreateBundle] has written it. Any
// other manifest is an error.
func (b *Bundle) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	if !b.manifests[m.Digest] {
		return fmt.Errorf("%s: manifest %s (%s) is not among the contents", b.path, m.Digest, ref)
	}
	return nil
}

// Close keeps what was written. A later [CreateBundle] with the same contents resumes it. After
// Commit or Abort it does nothing.
func (b *Bundle) Close() error {
	if b.ended.Swap(true) {
		return nil
	}
	b.hasher.stop()
	err := b.syncer.wait()
	if err == nil {
		err = b.sync()
	}
	err = errors.Join(err, b.volumes.Close())
	b.partial.release()
	return err
}

// Abort removes what was written. After Commit or Close it does nothing.
func (b *Bundle) Abort() error {
	if b.ended.Swap(true) {
		return nil
	}
	b.hasher.stop()
	_ = b.syncer.wait() // what it wrote is removed
	b.volumes.Close()
	return b.partial.remove()
}
