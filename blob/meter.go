package blob

import (
	"context"
	"io"
	"sync/atomic"
)

// Meter measures how much of a blob has been read. The zero value is ready for use. Its methods may
// be called concurrently.
type Meter struct{ current atomic.Pointer[meteredReader] }

// Position returns the offset in bytes of the next byte to read. It goes back if the blob is read
// again from an earlier offset.
func (m *Meter) Position() int64 {
	if r := m.current.Load(); r != nil {
		return r.position.Load()
	}
	return 0
}

// Wrap returns an Open that reads as open does and updates the meter. Only the reader opened last
// counts: an earlier one may still be read for a moment after the blob was opened again.
func (m *Meter) Wrap(open Open) Open {
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		source, err := open(ctx, offset)
		if err != nil {
			return nil, err
		}
		r := &meteredReader{ReadCloser: source}
		r.position.Store(offset)
		m.current.Store(r)
		return r, nil
	}
}

type meteredReader struct {
	io.ReadCloser
	position atomic.Int64
}

// Read implements io.Reader.
func (r *meteredReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.position.Add(int64(n))
	return n, err
}
