package record

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Large bodies have large buffers, but not more than a few at a time.
func TestLargeBuffers(t *testing.T) {
	t.Parallel()
	var b largeBuffers
	for range 2 {
		var got [][]byte
		for range maxLarge + 2 {
			got = append(got, b.Get())
		}
		for i, buf := range got {
			if want := i < maxLarge; (len(buf) == largeBuffer) != want || len(buf) == 0 {
				t.Errorf("buffer %d has %d bytes", i, len(buf))
			}
			b.Put(buf)
		}
	}
}

// A full reader passes on all bytes, in few pieces, and the error after them. It reads no further than that.
func TestFullReader(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 3*leastRead+5)
	broken := errors.New("broken")
	for _, end := range []error{io.EOF, broken} {
		source := io.MultiReader(iotest.HalfReader(strings.NewReader(body)), iotest.ErrReader(end))
		f := &fullReader{ReadCloser: io.NopCloser(&readOnce{Reader: source, t: t})}
		var got bytes.Buffer
		var err error
		buf := make([]byte, leastRead)
		for reads := 0; err == nil && reads < 4; reads++ {
			var n int
			n, err = f.Read(buf)
			got.Write(buf[:n])
		}
		if got.String() != body || err != end {
			t.Errorf("4 reads have %d bytes and end with %v, want %d and %v", got.Len(), err, len(body), end)
		}
	}
}

// readOnce fails a test that reads on after the end or an error.
type readOnce struct {
	io.Reader
	t     *testing.T
	ended bool
}

// Read implements io.Reader.
func (r *readOnce) Read(p []byte) (int, error) {
	if r.ended {
		r.t.Fatal("it reads on after the end")
	}
	n, err := r.Reader.Read(p)
	r.ended = err != nil
	return n, err
}
