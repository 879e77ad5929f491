package layout

import (
	"cmp"
	"context"
	"hash"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
)

// volumeHasher hashes the volumes of a bundle while its blobs arrive in any order. It reads the
// bytes that are final without a gap from the beginning; most of them are still in the system's
// cache then. A nil volumeHasher hashes nothing.
type volumeHasher struct {
	volumes *volumes
	order   []*slot // sorted by offset

	mu      sync.Mutex
	cond    sync.Cond
	full    map[*slot]bool // of order[next+1:], those that are full
	next    int            // index in order of the first slot that is not full
	stopped bool

	done    chan struct{} // closed when the goroutine ends
	digests []blob.Digest // of the volumes, so far
	err     error
}

func newVolumeHasher(v *volumes, slots []*slot) *volumeHasher {
	vh := &volumeHasher{volumes: v, order: slots, full: map[*slot]bool{}, done: make(chan struct{})}
	slices.SortFunc(vh.order, func(a, b *slot) int { return cmp.Compare(a.offset, b.offset) })
	vh.cond.L = &vh.mu
	go vh.run()
	return vh
}

// filled says that the bytes of a slot are final. Bytes outside of slots always are.
func (vh *volumeHasher) filled(s *slot) {
	if vh == nil {
		return
	}
	vh.mu.Lock()
	defer vh.mu.Unlock()
	vh.full[s] = true
	for vh.next < len(vh.order) && vh.full[vh.order[vh.next]] {
		delete(vh.full, vh.order[vh.next])
		vh.next++
	}
	vh.cond.Signal()
}

// ready returns how many bytes from the beginning are final. The caller holds vh.mu.
func (vh *volumeHasher) ready() int64 {
	if vh.next < len(vh.order) {
		return vh.order[vh.next].offset
	}
	return vh.volumes.size
}

// stop ends the goroutine and waits for it.
func (vh *volumeHasher) stop() {
	if vh == nil {
		return
	}
	vh.mu.Lock()
	vh.stopped = true
	vh.cond.Signal()
	vh.mu.Unlock()
	<-vh.done
}

// result waits until everything is hashed, and returns the digests of the volumes.
func (vh *volumeHasher) result(ctx context.Context) ([]blob.Digest, error) {
	if vh == nil {
		return nil, nil
	}
	select {
	case <-vh.done:
		return vh.digests, vh.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// waitBeyond waits until more than the first at bytes are final. It returns how many are, and false
// if the hasher was stopped.
func (vh *volumeHasher) waitBeyond(at int64) (int64, bool) {
	vh.mu.Lock()
	defer vh.mu.Unlock()
	for vh.ready() <= at && !vh.stopped {
		vh.cond.Wait()
	}
	return vh.ready(), !vh.stopped
}

func (vh *volumeHasher) run() {
	defer close(vh.done)
	buf := make([]byte, copyBuffer)
	at, h := int64(0), blob.SHA256.New()
	for at < vh.volumes.size {
		ready, more := vh.waitBeyond(at)
		if !more {
			return
		}
		n, err := vh.hashChunk(h, buf, at, ready)
		if err != nil {
			vh.err = err
			return
		}
		at += n
	}
}

// hashChunk hashes some bytes of one volume. At the end of the volume it adds the digest. It
// returns how many bytes it has hashed.
func (vh *volumeHasher) hashChunk(h hash.Hash, buf []byte, at, ready int64) (int64, error) {
	v := vh.volumes.files[vh.volumes.volumeAt(at)]
	end := v.start + v.size
	buf = buf[:min(int64(len(buf)), ready-at, end-at)]
	if _, err := v.ReadAt(buf, at-v.start); err != nil {
		return 0, err
	}
	h.Write(buf)
	if at+int64(len(buf)) == end {
		vh.digests = append(vh.digests, blob.FromHash(blob.SHA256, h))
		h.Reset()
	}
	return int64(len(buf)), nil
}
