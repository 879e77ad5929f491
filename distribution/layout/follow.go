package layout

import (
	"context"
	"hash"
	"sync"

	"github.com/hczjl/transship/blob"
)

// follower hashes the volumes of a bundle while its blobs arrive, in any order: it reads what has come to stand without
// a gap from the beginning on. Mostly those bytes are still in the system's cache then.
type follower struct {
	volumes *volumes

	mu      sync.Mutex
	wake    sync.Cond
	ready   int64 // bytes from the beginning on that are final
	stopped bool

	done    chan struct{} // closed when the goroutine ends
	digests []blob.Digest // of the volumes
	err     error
}

func newFollower(v *volumes) *follower {
	f := &follower{volumes: v, done: make(chan struct{})}
	f.wake.L = &f.mu
	go f.run()
	return f
}

// advance says that the first ready bytes are final.
func (f *follower) advance(ready int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready = ready
	f.wake.Signal()
}

// stop ends the hashing and waits for that.
func (f *follower) stop() {
	f.mu.Lock()
	f.stopped = true
	f.wake.Signal()
	f.mu.Unlock()
	<-f.done
}

// sums waits until all is hashed, and returns the digests of the volumes.
func (f *follower) sums(ctx context.Context) ([]blob.Digest, error) {
	select {
	case <-f.done:
		return f.digests, f.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// wait returns up to which byte is final, once that is more than at; false when there will be nothing more.
func (f *follower) wait(at int64) (int64, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.ready <= at && !f.stopped {
		f.wake.Wait()
	}
	return f.ready, !f.stopped
}

func (f *follower) run() {
	defer close(f.done)
	buf := make([]byte, copyBuffer)
	at, h := int64(0), blob.SHA256.New()
	for at < f.volumes.size {
		ready, more := f.wait(at)
		if !more {
			return
		}
		n, err := f.hash(h, buf, at, ready)
		if err != nil {
			f.err = err
			return
		}
		at += n
	}
}

// hash hashes some bytes of one volume, and takes its digest at its end.
func (f *follower) hash(h hash.Hash, buf []byte, at, ready int64) (int64, error) {
	v := f.volumes.files[f.volumes.at(at)]
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
