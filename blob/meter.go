package blob

import (
	"context"
	"io"
	"sync/atomic"
)

// Meter tells how far a blob has come. The zero value is ready; its methods may be called concurrently.
type Meter struct{ position atomic.Int64 }

// Position returns the number of bytes, from the blob's start, that have been read so far. It goes back where the blob
// is read again from an earlier offset.
func (m *Meter) Position() int64 { return m.position.Load() }

// Watch returns an Open that reads as open does and keeps the meter up to date.
func (m *Meter) Watch(open Open) Open {
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		source, err := open(ctx, offset)
		if err != nil {
			return nil, err
		}
		m.position.Store(offset)
		return &metered{source, m}, nil
	}
}

type metered struct {
	io.ReadCloser
	meter *Meter
}

// Read implements io.Reader.
func (r *metered) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.meter.position.Add(int64(n))
	return n, err
}
