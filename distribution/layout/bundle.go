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

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Bundle is a bundle that is being written. Its blobs may come in any order and many at a time: PutBlob, HeadManifest and
// PutManifest may be called concurrently, and make it what a copy engine can write to. Commit, Close or Abort ends it.
type Bundle struct {
	path      string
	inventory Inventory
	partial   *partialDir
	volumes   *volumes
	hasher    *volumeHasher // nil where no digest is asked for
	manifests map[blob.Digest]bool
	slots     map[blob.Digest]*slot

	mu    sync.Mutex
	ended bool // by Commit, Close or Abort
}

// LeastVolume is how many bytes a volume must have room for: a block of a tar.
const LeastVolume = tarBlock

// Files says what files a bundle is written to. The zero value is one file, of which no digest is taken.
type Files struct {
	// VolumeSize splits the bundle into files of at most so many bytes, LeastVolume or more: path.001 and so on. 0 makes
	// one file.
	VolumeSize int64
	// Sum has the SHA-256 of the one file taken, which means that all of it is read and hashed once more. That of a volume
	// always is.
	Sum bool
}

// slot is the place of a blob.
type slot struct {
	manifest.Descriptor
	offset   int64
	leftover bool // by an earlier process: the bytes are probably there

	fillMu sync.Mutex
	full   bool // guarded by Bundle.mu
}

// Create begins a bundle at path. It reserves the room, and writes all but the blobs. Nothing appears under the bundle's own
// name before Commit: until then it grows in the folder path.partial. If that is there, left by a process that was killed
// or by [Bundle.Close], it is gone on with where it is of the same contents and volume size, and otherwise replaced.
//
// Errors: contents that are not whole; ErrBusy while another process writes the same bundle; files in the way that are of
// no bundle; those of the file system, such as a disk without the room.
func Create(path string, c Contents, files Files) (*Bundle, error) {
	p, err := c.layOut()
	if err != nil {
		return nil, err
	}
	v, err := p.preflight(path, files)
	if err != nil {
		return nil, err
	}
	partial, err := openPartial(path)
	if err != nil {
		return nil, err
	}
	b := &Bundle{path: path, inventory: p.inventory, partial: partial, volumes: v}
	if err := b.start(p, files); err != nil {
		v.Close()
		return nil, errors.Join(fmt.Errorf("%s: a bundle of %d bytes: %w", path, p.size, err), partial.remove())
	}
	return b, nil
}

// split plans the volumes. Their files are not opened yet.
func (p *tarLayout) newVolumes(path string, size int64) (*volumes, error) {
	if size < 0 || size > 0 && size < LeastVolume {
		return nil, fmt.Errorf("%s: volumes of %d bytes are too small", path, size)
	}
	v := &volumes{path: path, size: p.size}
	if size == 0 {
		v.files = []volume{{nil, 0, p.size}}
		return v, nil
	}
	if n := (p.size + size - 1) / size; n > maxVolumes {
		return nil, fmt.Errorf("%s: %d bytes in volumes of %d would be %d files, and %d are the most", path, p.size, size, n, maxVolumes)
	}
	for start := int64(0); start < p.size; start += size {
		v.files = append(v.files, volume{nil, start, min(size, p.size-start)})
	}
	return v, nil
}

// begin opens the volumes in the folder, and writes what is known.
func (b *Bundle) start(p *tarLayout, files Files) error {
	left, err := b.partial.prepare(fmt.Appendf(nil, "%s %d\n", p.inventory.ID, files.VolumeSize))
	if err != nil {
		return err
	}
	for i := range b.volumes.files {
		f := &b.volumes.files[i]
		if f.File, err = os.OpenFile(b.partial.volumePath(i), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
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
	if err := p.writeHeaders(b.volumes); err != nil {
		return err
	}
	b.addSlots(p, left)
	if files.Sum || files.VolumeSize > 0 {
		b.hasher = newVolumeHasher(b.volumes, slices.Collect(maps.Values(b.slots)))
	}
	return nil
}

func (b *Bundle) addSlots(p *tarLayout, left map[blob.Digest]bool) {
	b.slots, b.manifests = map[blob.Digest]*slot{}, map[blob.Digest]bool{}
	for i := range p.members {
		if m := &p.members[i]; m.isBlob() {
			b.slots[m.blob.Digest] = &slot{Descriptor: m.blob, offset: m.offset, leftover: left[m.blob.Digest]}
		}
	}
	for d := range p.manifests {
		b.manifests[d] = true
	}
}

// String returns the bundle's path.
func (b *Bundle) String() string { return b.path }

// PutBlob writes a blob to its place. It is blob.Exists, without a call of open, where it is there or in the base.
// Bytes that do not match the descriptor are a *[blob.MismatchError]; the place then counts as empty, and may be filled
// by another call. A blob that is not among the contents is an error.
func (b *Bundle) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string) (blob.Outcome, error) {
	s := b.slots[d.Digest]
	if s == nil {
		return b.putWithoutSlot(d.Digest)
	}
	s.fillMu.Lock()
	defer s.fillMu.Unlock()
	if b.isFull(s) {
		return blob.Exists, nil
	}
	outcome := blob.Exists
	if !s.leftover || b.verifySlot(ctx, s) != nil {
		outcome = blob.Uploaded
		if err := b.volumes.fillSlot(ctx, s, open); err != nil {
			return 0, err
		}
		b.partial.noteFilled(s.Digest)
	}
	b.mu.Lock()
	s.full = true
	b.mu.Unlock()
	b.hasher.filled(s)
	return outcome, nil
}

// elsewhere answers for a blob without a place.
func (b *Bundle) putWithoutSlot(d blob.Digest) (blob.Outcome, error) {
	if c, known := b.inventory.Find(d); known && c.InBase || b.manifests[d] {
		return blob.Exists, nil
	}
	return 0, fmt.Errorf("%s: blob %s is not among the contents", b.path, d)
}

func (b *Bundle) isFull(s *slot) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.full
}

// check reads a blob that is probably there.
func (b *Bundle) verifySlot(ctx context.Context, s *slot) error {
	return copyBlob(ctx, io.Discard, s.Descriptor, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return openSection(io.NewSectionReader(b.volumes, s.offset, s.Size), s.Digest, s.Size, offset)
	})
}

// HeadManifest always is fs.ErrNotExist: a bundle does not say that it has an image before it is whole.
func (b *Bundle) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	return manifest.Descriptor{}, fmt.Errorf("%s: manifest %s: %w", b.path, ref, fs.ErrNotExist)
}

// PutManifest does nothing for a manifest of the contents, which [Create] has written, and refuses any other.
func (b *Bundle) PutManifest(_ context.Context, ref string, m manifest.Manifest) error {
	if !b.manifests[m.Digest] {
		return fmt.Errorf("%s: manifest %s (%s) is not among the contents", b.path, m.Digest, ref)
	}
	return nil
}

// end makes sure that a bundle ends once.
func (b *Bundle) markEnded() (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first, b.ended = !b.ended, true
	return first
}

// Close leaves the bundle as it is for a later [Create] with the same contents to go on with. After Commit or Abort it
// does nothing.
func (b *Bundle) Close() error {
	if !b.markEnded() {
		return nil
	}
	b.hasher.stop()
	err := b.volumes.Close()
	b.partial.release()
	return err
}

// Abort removes what was written. After Commit or Close it does nothing.
func (b *Bundle) Abort() error {
	if !b.markEnded() {
		return nil
	}
	b.hasher.stop()
	b.volumes.Close()
	return b.partial.remove()
}
