package registry

import (
	"context"
	"errors"
	"hash"

	"github.com/hczjl/transship/blob"
)

// NewUpload implements Repository.
func (r memoryRepository) NewUpload(_ context.Context, algorithm blob.Algorithm) (Upload, error) {
	switch {
	case !algorithm.Available():
		return nil, errors.New("unknown digest algorithm " + string(algorithm))
	case r.store.OpenBlob != nil:
		return &hashedUpload{repository: r, algorithm: algorithm, hash: algorithm.New()}, nil
	}
	return &memoryUpload{repository: r}, nil
}

// putBlob adds a blob to the repository.
func (r memoryRepository) putBlob(d blob.Digest, b memoryBlob) error {
	return r.update(func(c *memoryContent) error {
		r.store.blobs[d] = b
		c.blobs[d] = true
		return nil
	})
}

// memoryUpload keeps the bytes in memory and hashes them in Commit.
type memoryUpload struct {
	repository memoryRepository
	memoryBlob
}

// The capacity of a part in bytes: as much as there is already, within these bounds.
const minPart, maxPart = 512, 1 << 20

// Write implements Upload. It never fails. Parts that are full stay where they are: one slice would be
// copied each time that it grows.
func (u *memoryUpload) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		last := len(u.parts) - 1
		if last < 0 || len(u.parts[last]) == cap(u.parts[last]) {
			u.parts = append(u.parts, make([]byte, 0, min(max(u.size, minPart), maxPart)))
			last++
		}
		part := u.parts[last]
		fits := min(len(p), cap(part)-len(part))
		u.parts[last] = append(part, p[:fits]...)
		u.size += int64(fits)
		p = p[fits:]
	}
	return n, nil
}

// Size implements Upload.
func (u *memoryUpload) Size() int64 { return u.size }

// Commit implements Upload. The upload stays open after a *blob.MismatchError.
func (u *memoryUpload) Commit(_ context.Context, d blob.Digest) error {
	if err := d.Validate(); err != nil {
		return err
	}
	hash := d.Algorithm().New()
	for _, part := range u.parts {
		hash.Write(part)
	}
	if got := blob.FromHash(d.Algorithm(), hash); got != d {
		return &blob.MismatchError{Want: d, Got: got, WantSize: u.size, GotSize: u.size}
	}
	return u.repository.putBlob(d, u.memoryBlob)
}

// Cancel implements Upload.
func (u *memoryUpload) Cancel() error { return nil }

// Suspend implements Upload.
func (u *memoryUpload) Suspend() error { return nil }

// hashedUpload hashes the bytes as they are written and drops them.
type hashedUpload struct {
	repository memoryRepository
	algorithm  blob.Algorithm
	hash       hash.Hash
	size       int64
}

// Write implements Upload. It never fails.
func (u *hashedUpload) Write(p []byte) (int, error) {
	u.size += int64(len(p))
	return u.hash.Write(p)
}

// Size implements Upload.
func (u *hashedUpload) Size() int64 { return u.size }

// Commit implements Upload. The digest must have the algorithm given to NewUpload, since the bytes
// cannot be hashed again.
func (u *hashedUpload) Commit(_ context.Context, d blob.Digest) error {
	if got := blob.FromHash(u.algorithm, u.hash); got != d {
		return &blob.MismatchError{Want: d, Got: got, WantSize: u.size, GotSize: u.size}
	}
	return u.repository.putBlob(d, memoryBlob{size: u.size})
}

// Cancel implements Upload.
func (u *hashedUpload) Cancel() error { return nil }

// Suspend implements Upload.
func (u *hashedUpload) Suspend() error { return nil }
