package benchcmd

import (
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
)

func TestSizeList(t *testing.T) {
	for text, want := range map[string][]int64{
		"16MiB": {16 << 20}, "2x1KiB,3": {1024, 1024, 3}, "1MB, 2x5": {1e6, 5, 5}, "1X1k": {1024},
	} {
		var l sizeList
		if err := l.Set(text); err != nil || !slices.Equal(l.sizes, want) || l.alone != (text == "16MiB") {
			t.Errorf("%s: %v, %v, %v", text, l.sizes, l.alone, err)
		}
	}
}

// A value that is set prints as it can be typed, and a bad one leaves the value as it was.
func TestFlagValues(t *testing.T) {
	for _, test := range []struct {
		value          flag.Value
		text, want     string
		bad, badReason string
	}{
		{new(sizeList), "2x1KiB, 3", "2x1KiB,3", "1,0", `"0" is not a number of bytes`},
		{new(sizeList), "1MiB", "1MiB", "9999x1,2x1", "more than 10000 layers"},
		{&intList{parse: parseRanges}, "1, 64", "1 64", "65", "not a whole number from 1 to 64"},
		{&intList{parse: parseJobs}, "auto,16", "0 16", "none", "neither a whole number from 1 on nor auto"},
		{&intList{parse: parseBuffer}, "4KiB,64MiB", "4096 67108864", "65MiB", "65MiB is not from 4KiB to 64MiB"},
		{&intList{parse: parseBuffer}, "32KiB", "32768", "x", `"x" is not a number of bytes`},
		{new(nonNegative), "0", "0", "-1", "no whole number from 0 on"},
		{new(fraction), "0.25", "0.25", "1.1", "no number from 0 to 1"},
		{new(seed), "7", "7", "4294967296", "no whole number from 0 to 4294967295"},
		{new(uploadList), "put, patch,chunk=8MiB", "put,patch,chunk8MiB", "post", "none of put, patch and chunk=SIZE"},
		{new(uploadList), "put", "put", "chunk=0", `"0" is not a number of bytes`},
	} {
		if err := test.value.Set(test.text); err != nil || test.value.String() != test.want {
			t.Errorf("%T %s: got %s, error %v", test.value, test.text, test.value, err)
		}
		err := test.value.Set(test.bad)
		if err == nil || !strings.Contains(err.Error(), test.badReason) {
			t.Errorf("%T %s: got error %v, want %s", test.value, test.bad, err, test.badReason)
		}
		if test.value.String() != test.want {
			t.Errorf("%T has become %s by %s", test.value, test.value, test.bad)
		}
	}
}

func TestUploadList(t *testing.T) {
	var l uploadList
	want := uploadList{{Name: "put"}, {Name: "patch", Patch: true}, {Name: "chunk4KiB", Chunk: 4096}}
	if err := l.Set("put,patch,chunk=4KiB"); err != nil || !slices.Equal(l, want) {
		t.Errorf("got %v, error %v", l, err)
	}
}

func TestSeedIsRandomUnlessGiven(t *testing.T) {
	if given := (seed{true, 7}).orRandom(); given != 7 {
		t.Errorf("7 has become %d", given)
	}
	seeds := map[uint64]bool{}
	for range 4 {
		seeds[seed{}.orRandom()] = true
	}
	if len(seeds) < 2 {
		t.Errorf("four random seeds are %v", seeds)
	}
}

func TestApplyDefaults(t *testing.T) {
	c := newCommand(bench.Push)
	if err := c.applyDefaults(); err != nil {
		t.Fatal(err)
	}
	if want := []int64{16 << 20, 16 << 20, 16 << 20, 16 << 20}; !slices.Equal(c.sizes.sizes, want) {
		t.Errorf("layers are of %v bytes", c.sizes.sizes)
	}
	if len(c.cells()) != 1 || c.cells()[0].Jobs < 1 {
		t.Errorf("the combinations are %v", c.cells())
	}

	c = newCommand(bench.Resolve)
	c.layers = 2
	if err := c.applyDefaults(); err != nil || !slices.Equal(c.sizes.sizes, []int64{4096, 4096}) {
		t.Errorf("layers to resolve are of %v bytes, error %v", c.sizes.sizes, err)
	}
}

func TestCells(t *testing.T) {
	c := newCommand(bench.Copy)
	c.jobs.values, c.http1, c.http2 = []int{1, 4}, true, true
	want := []string{"jobs=1/http=1", "jobs=4/http=1", "jobs=1/http=2", "jobs=4/http=2"}
	var got []string
	for _, cell := range c.cells() {
		got = append(got, cell.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
