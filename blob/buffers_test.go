package blob

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// greedy reports the size of each Write, and fails where it is asked to read.
type greedy struct {
	t     *testing.T
	sizes []int
	bytes.Buffer
}

func (g *greedy) Write(p []byte) (int, error) {
	g.sizes = append(g.sizes, len(p))
	return g.Buffer.Write(p)
}

func (g *greedy) ReadFrom(io.Reader) (int64, error) {
	g.t.Error("ReadFrom is used")
	return 0, nil
}

// All bytes are copied by buffers of the size that was asked for.
func TestBuffersCopy(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 10} {
		b := &Buffers{Size: size}
		want := size
		if size == 0 {
			want = 256 << 10
		}
		for range 2 { // with a new buffer, and with one that was kept
			text := strings.Repeat("x", want*2+3)
			to := &greedy{t: t}
			n, err := b.Copy(to, strings.NewReader(text))
			if err != nil || n != int64(len(text)) || to.String() != text {
				t.Errorf("size %d: %d bytes, %v", size, n, err)
			}
			if len(to.sizes) != 3 || to.sizes[0] != want || to.sizes[2] != 3 {
				t.Errorf("size %d: writes of %d", size, to.sizes)
			}
		}
	}
}
