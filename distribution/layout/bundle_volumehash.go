package layout

import (
	"cmp"
	"context"
	"hash"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
)

// follower hashes the volumes of a bundle while its blobs arrive, in any order: it reads what has come to stand without
// a gap from the beginning on. Mostly those bytes are still in the system's cache then. A nil follower hashes nothing.
type volumeHasher struct {
	volumes *volumes
	order   []*slot // as they stand in the tar

	mu      sync.Mutex
	cond    sync.Cond
	full    map[*slot]bool // of those behind the next
	next    int            // the first of order that is not full
	stopped bool

	done    chan struct{} // closed when the goroutine ends
	digests []blob.Digest // of the volumes
	err     error
}

func newVolumeHasher(v *volumes, slots []*slot) *volumeHasher {
	f := &volumeHasher{volumes: v, order: slots, full: map[*slot]bool{}, done: make(chan struct{})}
	slices.SortFunc(f.order, func(a, b *slot) int { return cmp.Compare(a.offset, b.offset) })
	f.cond.L = &f.mu
	go f.run()
	return f
}

// filled says that the bytes of a slot are final. Those outside of slots always are.
func (f *volumeHasher) filled(s *slot) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full[s] = true
	for f.next < len(f.order) && f.full[f.order[f.next]] {
		delete(f.full, f.order[f.next])
		f.next++
	}
	f.cond.Signal()
}

// ready is how many bytes from the beginning on are final. The caller holds f.mu.
func (f *volumeHasher) ready() int64 {
	if f.next < len(f.order) {
		return f.order[f.next].offset
	}
	return f.volumes.size
}

// stop ends the hashing and waits for that.
func (f *volumeHasher) stop() {
	if f == nil {
		return
	}
	f.mu.Lock()
	f.stopped = true
	f.cond.Signal()
	f.mu.Unlock()
	<-f.done
}

// sums waits until all is hashed, and returns the digests of the volumes.
func (f *volumeHasher) result(ctx context.Context) ([]blob.Digest, error) {
	if f == nil {
		return nil, nil
	}
	select {
	case <-f.done:
		return f.digests, f.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// wait returns up to which byte is final, once that is more than at; false when there will be nothing more.
func (f *volumeHasher) waitBeyond(at int64) (int64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.ready() <= at && !f.stopped {
		f.cond.Wait()
	}
	return f.ready(), !f.stopped
}

func (f *volumeHasher) run() {
	defer close(f.done)
	buf := make([]byte, copyBuffer)
	at, h := int64(0), blob.SHA256.New()
	for at < f.volumes.size {
		ready, more := f.waitBeyond(at)
		if !more {
			return
		}
		n, err := f.hashChunk(h, buf, at, ready)
		if err != nil {
			f.err = err
			return
		}
		at += n
	}
}

// hash hashes some bytes of one volume, and takes its digest at its end.
func (f *volumeHasher) hashChunk(h hash.Hash, buf []byte, at, ready int64) (int64, error) {
	v := f.volumes.files[f.volumes.volumeAt(at)]
	end := v.start + v.size
	buf = buf[:min(int64(len(buf)), ready-at, end-at)]
	if _, err := v.ReadAt(buf, at-v.start); err != nil {
		return 0, err
	}
	h.Write(buf)
	if at+int64(len(buf)) == end {
		f.digests = append(f.digests, blob.FromHash(blob.SHA256, h))
		h.Reset()
	}
	return int64(len(buf)), nil
}
