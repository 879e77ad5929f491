package bundle

import (
	"errors"
	"hash"
	"io"
	"os"
)

// errDeltaTooLarge is the error of a delta that is not worth it.
var errDeltaTooLarge = errors.New("the delta is hardly smaller than the layer")

// deltaWriter writes a delta up to a limit, and hashes it.
type deltaWriter struct {
	out   io.Writer
	limit int64
	size  int64
	hash  hash.Hash
}

// Write implements io.Writer.
func (w *deltaWriter) Write(p []byte) (int, error) {
	w.size += int64(len(p))
	if w.size > w.limit {
		return 0, errDeltaTooLarge
	}
	w.hash.Write(p)
	return w.out.Write(p)
}

// spoolSlack is more than is under way from a layer to its delta, in bytes: read and not yet written.
const spoolSlack = 512 << 10

// spool keeps a layer in a file until its delta would be small enough if it had all of the rest of the layer
// in it. From then on the file is empty.
type spool struct {
	out   *os.File
	delta *deltaWriter
	left  int64 // bytes of the layer that are to come
	given bool  // the file was given up
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	s.left -= int64(len(p))
	if s.given {
		return len(p), nil
	}
	if s.delta.size+s.left+spoolSlack > s.delta.limit {
		return s.out.Write(p)
	}
	s.given = true
	return len(p), s.out.Truncate(0)
}
