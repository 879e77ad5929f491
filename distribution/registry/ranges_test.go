package registry

import "testing"

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{
		"", "bytes=0-1", "bytes=-5", "bytes=5-", "bytes=5-0", "bytes=1-2,3-4", "bytes=9223372036854775807-", "lines=1-2",
	} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		rng, partial, err := parseRange(header, size)
		switch {
		case err != nil:
		case !partial && rng != byteRange{0, size}:
			t.Errorf("%q of %d: got %+v, want the whole content", header, size, rng)
		case partial && (rng.start < 0 || rng.length < 1 || rng.start > size-rng.length):
			t.Errorf("%q of %d: got %+v", header, size, rng)
		}
	})
}

func FuzzParseContentRange(f *testing.F) {
	for _, s := range []string{"", "0-0", "5-9", "9-5", "-1-5", "0-9223372036854775807", "bytes 0-1/2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		rng, err := parseContentRange(header)
		if err == nil && (rng.start < 0 || rng.length < 1 || rng.start+rng.length < 0) {
			t.Errorf("%q: got %+v", header, rng)
		}
	})
}
