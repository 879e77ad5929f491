package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

// The source learns whether all of its bytes were the blob.
func TestVerification(t *testing.T) {
	content := []byte("some content")
	broken := errors.New("broken")
	tests := map[string]struct {
		size   int64
		start  int64
		first  io.Reader // what the first opening gives; later ones give what they should
		use    func(io.Reader)
		opened int
		want   []bool
	}{
		"whole":          {12, 0, bytes.NewReader(content), readOut, 1, []bool{true}},
		"wrong":          {12, 0, bytes.NewReader([]byte("other conten")), readOut, 1, []bool{false}},
		"too long":       {11, 0, bytes.NewReader(content), readOut, 1, []bool{false}},
		"resumed":        {12, 0, io.MultiReader(bytes.NewReader(content[:5]), failing{broken}), readOut, 2, []bool{false}},
		"given up":       {12, 0, bytes.NewReader(content), func(r io.Reader) { r.Read(make([]byte, 3)) }, 1, []bool{false}},
		"from an offset": {12, 5, bytes.NewReader(content), readOut, 1, []bool{true}}, // read from 0 on, and handed out from 5
		"never opened":   {12, 0, nil, func(io.Reader) {}, 0, nil},
	}
	for name, test := range tests {
		var got []bool
		opened := 0
		open := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			opened++
			v := VerificationOf(ctx)
			if (v != nil) != (offset == 0) {
				t.Errorf("%s: at %d verification %v", name, offset, v)
			}
			if v != nil {
				v.Then(func(right bool) { got = append(got, right) })
			}
			if opened == 1 {
				return io.NopCloser(test.first), nil
			}
			return io.NopCloser(bytes.NewReader(content[offset:])), nil
		}
		r := NewStream(SHA256.Digest(content), test.size, open).Reader(t.Context(), test.start)
		test.use(r)
		r.Close()
		r.Close()
		if opened != test.opened || len(got) != len(test.want) || len(got) > 0 && got[0] != test.want[0] {
			t.Errorf("%s: opened %d times, told %v, want %v", name, opened, got, test.want)
		}
	}
}

func readOut(r io.Reader) { io.Copy(io.Discard, r) }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestVerificationAfterwards(t *testing.T) {
	v := &Verification{}
	v.settle(true)
	v.settle(false)
	right := false
	v.Then(func(r bool) { right = r })
	if !right || VerificationOf(t.Context()) != nil {
		t.Error("the first word does not count")
	}
}
