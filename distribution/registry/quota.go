package registry

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// recountAfter is how long Quota refuses writes before it counts the content again.
const recountAfter = time.Second

// Quota is a store that refuses writes once another store has a number of bytes, those of uploads
// in progress included. The error is syscall.EDQUOT.
type Quota struct {
	// Store keeps the content.
	Store
	// Limit is the maximum size of the content in bytes.
	Limit int64
	// Size counts the bytes of the content. It is called before the first write, and again when the
	// limit is reached, since content may have been removed.
	Size func(context.Context) (int64, error)

	mu        sync.Mutex
	counted   time.Time // when Size was called last
	stored    int64     // by that count, and written since
	uploading int64     // in uploads that have not ended
}

// Repository implements Store.
func (q *Quota) Repository(name string) Repository {
	return quotaRepository{q.Store.Repository(name), q}
}

// Hold keeps the store from being pruned, as [layout.Dir.Hold] does, if it is one that can be.
func (q *Quota) Hold() (release func(), err error) { return hold(q.Store) }

// reserve adds bytes to those of uploads, or returns an error if there is no room for them.
func (q *Quota) reserve(ctx context.Context, n int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.counted.IsZero() || q.stored+q.uploading+n > q.Limit && time.Since(q.counted) > recountAfter {
		size, err := q.Size(ctx)
		if err != nil {
			return err
		}
		q.stored, q.counted = size, time.Now()
	}
	if q.stored+q.uploading+n > q.Limit {
		return &quotaError{q.Limit}
	}
	q.uploading += n
	return nil
}

// quotaError is the error of a write that a Quota refuses.
type quotaError struct{ limit int64 }

// Error names the limit.
func (e *quotaError) Error() string { return fmt.Sprintf("it is %d bytes", e.limit) }

// Unwrap returns syscall.EDQUOT.
func (*quotaError) Unwrap() error { return syscall.EDQUOT }

// settle ends a reservation. stored is how many of its bytes the store has now.
func (q *Quota) settle(reserved, stored int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.uploading -= reserved
	q.stored += stored
}

type quotaRepository struct {
	Repository
	quota *Quota
}

// PutManifest implements Repository.
func (r quotaRepository) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	if err := r.quota.reserve(ctx, m.Size); err != nil {
		return err
	}
	err := r.Repository.PutManifest(ctx, ref, m)
	stored := m.Size
	if err != nil {
		stored = 0
	}
	r.quota.settle(m.Size, stored)
	return err
}

// NewUpload implements Repository.
func (r quotaRepository) NewUpload(ctx context.Context, algorithm blob.Algorithm) (Upload, error) {
	u, err := r.Repository.NewUpload(ctx, algorithm)
	if err != nil {
		return nil, err
	}
	return &quotaUpload{Upload: u, quota: r.quota}, nil
}

type quotaUpload struct {
	Upload
	quota    *Quota
	reserved int64
}

// Write implements Upload.
func (u *quotaUpload) Write(p []byte) (int, error) {
	if err := u.quota.reserve(context.Background(), int64(len(p))); err != nil {
		return 0, err
	}
	u.reserved += int64(len(p))
	return u.Upload.Write(p)
}

// Commit implements Upload.
func (u *quotaUpload) Commit(ctx context.Context, d blob.Digest) error {
	err := u.Upload.Commit(ctx, d)
	stored := u.reserved
	if err != nil {
		stored = 0
	}
	u.end(stored)
	return err
}

// Cancel implements Upload.
func (u *quotaUpload) Cancel() error {
	u.end(0)
	return u.Upload.Cancel()
}

func (u *quotaUpload) end(stored int64) {
	u.quota.settle(u.reserved, stored)
	u.reserved = 0
}
