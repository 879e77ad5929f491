package delta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// operation encodes an operation with what follows it.
func operation(kind, n uint64, more ...byte) []byte {
	return append(binary.AppendUvarint(nil, n<<opShift|kind), more...)
}

func TestPatchRefuses(t *testing.T) {
	base := bytes.Repeat([]byte("0123456789"), 100)
	far := binary.AppendVarint(nil, 1<<62)
	back := binary.AppendVarint(nil, -1)
	huge := binary.AppendVarint(nil, -1<<63)
	end := operation(opRaw, 0)
	many := bytes.Repeat(operation(opRaw, 1, 1), 1000)
	for _, test := range []struct {
		name       string
		operations [][]byte
		want       string
	}{
		{"behind the base", [][]byte{operation(opNext, 900), operation(opNext, 900), end}, "behind the end"},
		{"far behind the base", [][]byte{operation(opCopy, 1, far...), end}, "outside of the window"},
		{"before the base", [][]byte{operation(opCopy, 1, back...), end}, "outside of the window"},
		{"far before the base", [][]byte{operation(opCopy, 1, huge...), end}, "outside of the window"},
		{"before the window", [][]byte{operation(opNext, 500), operation(opCopy, 1, binary.AppendVarint(nil, -17)...), end},
			"outside of the window"},
		{"more than it says", [][]byte{operation(opNext, 1000), operation(opCopy, 16, binary.AppendVarint(nil, -16)...), end},
			"more than it says"},
		{"less than it says", [][]byte{operation(opNext, 999), end}, "less than it says"},
		{"half a byte", [][]byte{operation(opRaw, 4, 1), end}, "less than it says"},
		{"without end", [][]byte{many}, "cut short"},
		{"a copy of nothing", [][]byte{operation(opNext, 0), end}, "does nothing"},
		{"a copy without end", [][]byte{operation(opNext, 1<<60), end}, "behind the end"},
		{"too many bits", [][]byte{operation(opRaw, maxRaw+1), end}, "too many bits"},
		{"too long a head", [][]byte{operation(opHead, maxHeadBits+1), end}, "too many bits"},
		{"a head of an unknown type", [][]byte{operation(opHead, 3, 7), end}, "type 3"},
		{"a head that is short", [][]byte{operation(opHead, 3, 4), end}, "cut short"},
		{"after the end", [][]byte{operation(opNext, 1000), end, end}, "after its end"},
		{"number too large", [][]byte{bytes.Repeat([]byte{0xff}, 11)}, "too large"},
	} {
		d := withHeader(header{elementsBytes, 4, 1000}, bytes.Join(test.operations, nil))
		_, err := patch(base, d)
		for _, err := range []error{err, Check(bytes.NewReader(d), 1000, 1000)} {
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: got %v", test.name, err)
			}
		}
	}
}

// What Check finds in a delta of tokens without knowing them.
func TestCheckOfTokens(t *testing.T) {
	fixed, end := operation(opHead, 3, 2), operation(opRaw, 0)
	for _, test := range []struct {
		name       string
		size       int64
		operations [][]byte
		want       string // "" for no error
	}{
		{"20 tokens of 7 to 31 bits", 30, [][]byte{fixed, operation(opNext, 20), operation(opRaw, 5, 0), end}, ""},
		{"too many tokens", 17, [][]byte{fixed, operation(opNext, 20), operation(opRaw, 5, 0), end}, "more than it says"},
		{"too few tokens", 120, [][]byte{fixed, operation(opNext, 20), operation(opRaw, 5, 0), end}, "less than it says"},
		{"no more tokens than the base has bits", 800, [][]byte{fixed, operation(opNext, 801), end}, "behind the end"},
		{"tokens before the first block", 21, [][]byte{operation(opNext, 20), end}, "less than it says"},
	} {
		d := withHeader(header{elementsTokens, 10, uint64(test.size)}, bytes.Join(test.operations, nil))
		err := Check(bytes.NewReader(d), 100, test.size)
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v", test.name, err)
		}
		if err := Check(bytes.NewReader(d), 100, test.size+1); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s, of another size: got %v", test.name, err)
		}
	}
}

func TestPatchReadsHeader(t *testing.T) {
	newer := []byte(magic + "\x00\x04\x00")
	newer[len(magic)-1]++
	for name, test := range map[string]struct {
		delta []byte
		want  error
	}{
		"empty": {nil, ErrDamaged}, "other": {[]byte("PK\x03\x04 a zip file"), ErrDamaged}, "newer": {newer, ErrVersion},
		"elements": {header{2, 4, 0}.encode(), ErrDamaged}, "window": {header{0, 25, 0}.encode(), ErrDamaged},
		"window of tokens": {header{1, 23, 0}.encode(), ErrDamaged},
		"size":             {header{0, 4, 1 << 63}.encode(), ErrDamaged}, "only header": {header{0, 4, 0}.encode(), ErrDamaged},
	} {
		if _, err := patch(nil, test.delta); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestReadAfterClose(t *testing.T) {
	l := gzipLayers()
	r, err := Patch(bytes.NewReader(l[0]), bytes.NewReader(mustDiff(t, l[0], l[1])))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil {
		t.Errorf("got %d bytes and %v", n, err)
	}
}

// Operations that cost much more than the target's bytes are refused before they have taken their time.
func TestPatchIsBounded(t *testing.T) {
	base := zip(6, []byte("some text"))
	const size = 1 << 16
	for name, test := range map[string]struct {
		operation []byte
		free      int // how many of them may be there
	}{
		"single bits":  {operation(opRaw, 1, 1), size + freeEffort},
		"fixed blocks": {operation(opHead, 3, 2), (size + freeEffort) / effortOfHead},
	} {
		d := withHeader(header{elementsTokens, 4, size}, bytes.Repeat(test.operation, test.free+1))
		if _, err := patch(base, d); !errors.Is(err, ErrDamaged) || !errors.Is(err, errEffort) {
			t.Errorf("%s: got %v", name, err)
		}
		d = withHeader(header{elementsTokens, 4, size}, bytes.Repeat(test.operation, test.free))
		if _, err := patch(base, d); !errors.Is(err, errCutShort) {
			t.Errorf("as many %s as are allowed: got %v", name, err)
		}
	}
}
