package layout

import (
	"context"
	"io"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

const (
	// copyBuffer is how many bytes are read or written at a time.
	copyBuffer = 512 << 10
	// writebackEvery is after how many bytes of a blob the system is told to write them to the disk.
	writebackEvery = 8 << 20
)

// copyBlob copies a blob and verifies it.
func copyBlob(ctx context.Context, w io.Writer, d manifest.Descriptor, open blob.Open) error {
	r := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer r.Close()
	_, err := io.CopyBuffer(onlyWriter{w}, r, make([]byte, blob.BufferSize(d.Size, copyBuffer)))
	return err
}

// onlyWriter keeps io.CopyBuffer to its buffer.
type onlyWriter struct{ io.Writer }

// fill copies a blob to its place.
func (v *volumes) fillSlot(ctx context.Context, s *slot, open blob.Open) error {
	return copyBlob(ctx, &slotWriter{v, s.offset, s.offset}, s.Descriptor, open)
}

// slotWriter writes a blob to its place. It does not leave it to the last Sync to bring the bytes to the disk: most of the
// disk's work is done while others arrive.
type slotWriter struct {
	volumes         *volumes
	offset          int64 // where the next byte goes
	writebackOffset int64 // up to where the system has been told to write
}

// Write implements io.Writer.
func (w *slotWriter) Write(p []byte) (int, error) {
	n, err := w.volumes.WriteAt(p, w.offset)
	w.offset += int64(n)
	if w.offset-w.writebackOffset >= writebackEvery {
		w.volumes.startWriteback(w.writebackOffset, w.offset)
		w.writebackOffset = w.offset
	}
	return n, err
}

// startWriteback tells the system to write the bytes between two offsets to the disk, and does not wait for that. Errors
// come back from Sync.
func (v *volumes) startWriteback(from, to int64) {
	for i := v.volumeAt(from); from < to; i++ {
		f := v.files[i]
		end := min(to, f.start+f.size)
		startWriteback(f.File, from-f.start, end-from)
		from = end
	}
}
