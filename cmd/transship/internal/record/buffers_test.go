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

// A full reader passes on all bytes, in few pieces, and the error after them.
func TestFullReader(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 3*leastRead+5)
	broken := errors.New("broken")
	for _, end := range []error{io.EOF, broken} {
		source := io.MultiReader(iotest.HalfReader(strings.NewReader(body)), iotest.ErrReader(end))
		f := &fullReader{ReadCloser: io.NopCloser(source)}
		var got bytes.Buffer
		buf, reads := make([]byte, leastRead), 0
		for {
			n, err := f.Read(buf)
			got.Write(buf[:n])
			if err != nil {
				if err != end {
					t.Errorf("%v, want %v", err, end)
				}
				break
			}
			reads++
		}
		if got.String() != body || reads > 4 {
			t.Errorf("%d bytes in %d reads, want %d in 4 at most", got.Len(), reads, len(body))
		}
	}
}
