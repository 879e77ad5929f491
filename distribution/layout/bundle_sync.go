package layout

import (
	"errors"
	"sync"

	"github.com/hczjl/transship/blob"
)

// unsynced is what was written into a bundle and may not be on the disk.
type unsynced struct {
	mu      sync.Mutex
	blobs   map[blob.Digest]int64 // how many bytes of each blob there are, wholeBlob for all
	volumes map[int]bool          // by index
}

// add adds volumes that have, in them or before, the first n bytes of a blob.
func (u *unsynced) add(d blob.Digest, n int64, firstVolume, lastVolume int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.blobs == nil {
		u.blobs, u.volumes = map[blob.Digest]int64{}, map[int]bool{}
	}
	u.blobs[d] = n
	for i := firstVolume; i <= lastVolume; i++ {
		u.volumes[i] = true
	}
}

// take returns what was added since the last take.
func (u *unsynced) take() (blobs map[blob.Digest]int64, volumes map[int]bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	blobs, volumes = u.blobs, u.volumes
	u.blobs, u.volumes = nil, nil
	return blobs, volumes
}

// wrote counts n bytes that have been written before an offset of a slot.
func (b *Bundle) wrote(s *slot, n, offset int64) error {
	b.unsynced.add(s.Digest, offset-s.offset, b.volumes.volumeAt(offset-n), b.volumes.volumeAt(offset-1))
	return b.syncer.wrote(n)
}

// noteFilled notes that a blob is there: a large one as soon as it is on the disk. Small ones may be lost
// with the machine's power, and are fetched again.
func (b *Bundle) noteFilled(s *slot) {
	if s.Size < syncEvery {
		b.partial.note(s.Digest, wholeBlob)
		return
	}
	last := b.volumes.volumeAt(s.offset + s.Size - 1)
	b.unsynced.add(s.Digest, wholeBlob, last, last)
}

// sync writes to the disk what was written into the bundle, and then notes it.
func (b *Bundle) sync() error {
	blobs, volumes := b.unsynced.take()
	if len(blobs) == 0 {
		return nil
	}
	var err error
	for i := range volumes {
		err = errors.Join(err, b.volumes.files[i].Sync())
	}
	if err != nil {
		return err
	}
	for d, n := range blobs {
		b.partial.note(d, n)
	}
	return b.partial.sync()
}
