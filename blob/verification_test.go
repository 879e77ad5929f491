package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestVerificationTellsTheSourceWhetherItsBytesMatched(t *testing.T) {
	content := []byte("some content")
	broken := iotest.ErrReader(errors.New("broken"))
	tests := map[string]struct {
		size   int64
		start  int64
		first  io.Reader // of the first opening; later ones are right
		use    func(io.Reader)
		opened int
		want   []bool
	}{
		"whole":          {12, 0, bytes.NewReader(content), drain, 1, []bool{true}},
		"wrong":          {12, 0, bytes.NewReader([]byte("other conten")), drain, 1, []bool{false}},
		"too long":       {11, 0, bytes.NewReader(content), drain, 1, []bool{false}},
		"resumed":        {12, 0, io.MultiReader(bytes.NewReader(content[:5]), broken), drain, 2, []bool{false}},
		"closed early":   {12, 0, bytes.NewReader(content), readThree, 1, []bool{false}},
		"from an offset": {12, 5, bytes.NewReader(content), drain, 1, []bool{true}}, // it reads from 0 on
		"never opened":   {12, 0, nil, func(io.Reader) {}, 0, nil},
	}
	for name, test := range tests {
		var got []bool
		opened := 0
		open := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			opened++
			v := VerificationFromContext(ctx)
			if (v != nil) != (offset == 0) {
				t.Errorf("%s: at offset %d verification %v", name, offset, v)
			}
			if v != nil {
				v.OnResult(func(verified bool) { got = append(got, verified) })
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
			t.Errorf("%s: opened %d times, results %v, want %v", name, opened, got, test.want)
		}
	}
}

func drain(r io.Reader) { io.Copy(io.Discard, r) }

func readThree(r io.Reader) { r.Read(make([]byte, 3)) }

func TestFirstResultOfAVerificationCounts(t *testing.T) {
	v := &Verification{}
	v.settle(true)
	v.settle(false)
	verified := false
	v.OnResult(func(result bool) { verified = result })
	if !verified {
		t.Error("a later result counts")
	}
	if VerificationFromContext(t.Context()) != nil {
		t.Error("a context without a verification has one")
	}
}
