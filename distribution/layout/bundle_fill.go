package layout

import (
	"context"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

const (
	// copyBuffer is how many bytes are read or written in one call.
	copyBuffer = 512 << 10
	// writebackEvery is after how many bytes of a blob writing them to the disk is started.
	writebackEvery = 8 << 20
)

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

// slotWriter writes a blob into its slot. It starts writing to the disk early, so that the disk
// works while bytes arrive, and the last Sync has less to do.
type slotWriter struct {
	volumes         *volumes
	offset          int64 // of the next byte
	writebackOffset int64 // up to here writing to the disk has been started
	onWriteback     func()
}

// Write implements io.Writer.
func (w *slotWriter) Write(p []byte) (int, error) {
	n, err := w.volumes.WriteAt(p, w.offset)
	w.offset += int64(n)
	if w.offset-w.writebackOffset >= writebackEvery {
		w.volumes.startWriteback(w.writebackOffset, w.offset)
		w.writebackOffset = w.offset
		w.onWriteback()
	}
	return n, err
}

// startWriteback starts writing the bytes between two offsets to the disk and does not wait for it.
// Sync returns the errors.
func (v *volumes) startWriteback(from, to int64) {
	for i := v.volumeAt(from); from < to; i++ {
		f := v.files[i]
		end := min(to, f.start+f.size)
		startWriteback(f.File, from-f.start, end-from)
		from = end
	}
}
