package blob

import (
	"context"
	"io"
	"sync/atomic"
)

// Meter tells how far a blob has come. The zero value is ready; its methods may be called concurrently.
type Meter struct{ current atomic.Pointer[metered] }

// Position returns the number of bytes, from the blob's start, that have been read so far. It goes back where the blob
// is read again from an earlier offset.
func (m *Meter) Position() int64 {
	if r := m.current.Load(); r != nil {
		return r.position.Load()
	}
	return 0
}

// Watch returns an Open that reads as open does and keeps the meter up to date. Only the reader that was opened last
// counts: one that was given up may still be read from for a moment.
func (m *Meter) Watch(open Open) Open {
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		source, err := open(ctx, offset)
		if err != nil {
			return nil, err
		}
		r := &metered{ReadCloser: source}
		r.position.Store(offset)
		m.current.Store(r)
		return r, nil
	}
}

type metered struct {
	io.ReadCloser
	position atomic.Int64
}

// Read implements io.Reader.
func (r *metered) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.position.Add(int64(n))
	return n, err
}
