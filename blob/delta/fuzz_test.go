package delta

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"testing"
)

// FuzzSplit takes any bytes as a gzip file: joining what splitting it gives are the same bytes, or it
// refuses them.
func FuzzSplit(f *testing.F) {
	text := bytes.Repeat([]byte("some text that is in it twice. "), 20)
	for _, b := range [][]byte{zip(6, text), zip(0, text), zip(-2, text), zipMembers(100, text), append(zip(9, text), "rest"...),
		zip(6, nil), []byte(gzipMagic), []byte("\x1f\x8b\x08\x1f\x00\x00\x00\x00\x00\xff\x02\x00abname\x00comment\x00hc\x03\x00trailer8")} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := join(b)
		var invalid formatError
		switch {
		case err == nil && !bytes.Equal(got, b):
			t.Errorf("%x became %x", b, got)
		case err != nil && !errors.As(err, &invalid):
			t.Error(err)
		}
		if err == nil && bytes.HasPrefix(b, []byte(gzipMagic)) {
			wantRoundTrip(t, zip(6, text), b)
			wantRoundTrip(t, b, b)
		}
	})
}

// FuzzPatch takes any bytes as a delta, and as the operations of one: Patch gives no more bytes than
// the delta says, and its only errors are those of a damaged delta. Check refuses no delta that makes a blob.
func FuzzPatch(f *testing.F) {
	text := bytes.Repeat([]byte("some text that is in it twice. "), 20)
	base := zip(6, text)
	for _, target := range [][]byte{zip(6, text[:300]), zip(0, text), zipMembers(100, text)} {
		f.Add(mustDiff(f, base, target), false)
	}
	f.Add(mustDiff(f, text, text[:40]), false)
	f.Add([]byte{}, true)
	f.Add([]byte{opRaw | 8<<opShift, 'x', opNext | 40<<opShift, opCopy | 9<<opShift, 0x83, 0x01, 0}, true)
	f.Fuzz(func(t *testing.T, b []byte, onlyOperations bool) {
		const size = 1 << 20
		deltas := [][]byte{b}
		if onlyOperations {
			deltas = [][]byte{withHeader(header{elementsTokens, 4, size}, b), withHeader(header{elementsBytes, 4, size}, b)}
		}
		for _, d := range deltas {
			checkPatch(t, base, d)
		}
	})
}

// withHeader returns a delta of these operations.
func withHeader(h header, operations []byte) []byte {
	var b bytes.Buffer
	b.Write(h.encode())
	z, _ := flate.NewWriter(&b, flate.BestSpeed)
	z.Write(operations)
	z.Close()
	return b.Bytes()
}

func checkPatch(t *testing.T, base, d []byte) {
	const most = 8 << 20
	r, err := Patch(bytes.NewReader(base), bytes.NewReader(d))
	said := int64(0)
	if err == nil {
		defer r.Close()
		said = r.left
		var n int64
		n, err = io.Copy(io.Discard, io.LimitReader(r, most))
		if n > said || err == nil && n < min(said, most) {
			t.Errorf("%d bytes of %d, and %v", n, said, err)
		}
	}
	invalid := Check(bytes.NewReader(d), int64(len(base)), said)
	if err == nil && said < most && invalid != nil {
		t.Errorf("%d bytes are made, and Check says %v", said, invalid)
	}
	for _, err := range []error{err, invalid} {
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
			t.Error(err)
		}
	}
}
