package layout

import (
	"context"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// copyBuffer is how many bytes are read or written in one call.
const copyBuffer = 512 << 10

// copyBlob copies a blob and verifies it.
func copyBlob(ctx context.Context, w io.Writer, d manifest.Descriptor, open blob.Open) error {
	r := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer r.Close()
	_, err := io.CopyBuffer(onlyWriter{w}, r, make([]byte, blob.BufferSize(d.Size, copyBuffer)))
	return err
}

// onlyWriter hides ReadFrom, so that io.CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

// setSizes sets the sizes of the files.
func (v *volumes) setSizes() error {
	for _, f := range v.files {
		if err := f.Truncate(f.size); err != nil {
			return err
		}
	}
	return nil
}

// slotWriter writes a blob into its slot.
type slotWriter struct {
	bundle *Bundle
	slot   *slot
	offset int64 // in the tar, of the next byte
}

// Write implements io.Writer.
func (w *slotWriter) Write(p []byte) (int, error) {
	n, err := w.bundle.volumes.WriteAt(p, w.offset)
	w.offset += int64(n)
	if err == nil {
		err = w.bundle.wrote(w.slot, int64(n), w.offset)
	}
	return n, err
}
