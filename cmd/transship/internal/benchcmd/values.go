package benchcmd

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// maxLayers is the largest number of layers of an image: their descriptors must fit into a manifest
// of 4 MiB.
const maxLayers = 10000

// sizeList is the value of --size: one size for all layers, or a list of sizes such as
// 4x64MiB,20x1MiB.
type sizeList struct {
	text  string
	sizes []int64 // of each layer, in bytes
	alone bool    // one size, and --layers says for how many layers
}

// String implements flag.Value.
func (l *sizeList) String() string { return l.text }

// Set implements flag.Value.
func (l *sizeList) Set(s string) error {
	out := sizeList{text: strings.ReplaceAll(s, " ", ""), alone: !strings.ContainsAny(s, "xX,")}
	for item := range strings.SplitSeq(out.text, ",") {
		n, text := cli.Count(1), item
		if times, size, found := strings.Cut(strings.ToLower(item), "x"); found {
			text = size
			if err := n.Set(times); err != nil {
				return fmt.Errorf("%q: %w", item, err)
			}
		}
		var size cli.ByteSize
		if err := size.Set(text); err != nil {
			return err
		}
		if len(out.sizes)+int(n) > maxLayers {
			return fmt.Errorf("more than %d layers are too many for a manifest", maxLayers)
		}
		for range n {
			out.sizes = append(out.sizes, int64(size))
		}
	}
	*l = out
	return nil
}

// intList is a flag of numbers separated by commas.
type intList struct {
	values []int
	parse  func(string) (int, error) // parses one number
}

// String implements flag.Value.
func (l *intList) String() string { return strings.Trim(fmt.Sprint(l.values), "[]") }

// Set implements flag.Value.
func (l *intList) Set(s string) error {
	var out []int
	for text := range strings.SplitSeq(s, ",") {
		n, err := l.parse(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		out = append(out, n)
	}
	l.values = out
	return nil
}

// parseRanges parses a number of --ranges.
func parseRanges(s string) (int, error) {
	var n run.Ranges
	err := n.Set(s)
	return int(n), err
}

// parseJobs parses a number of --jobs; auto is 0, as in bench.Cell.
func parseJobs(s string) (int, error) {
	if s == "auto" {
		return 0, nil
	}
	var n cli.Count
	if n.Set(s) != nil {
		return 0, fmt.Errorf("%q is neither a whole number from 1 on nor auto", s)
	}
	return int(n), nil
}

// minBuffer and maxBuffer are the bounds of --buffer in bytes.
const (
	minBuffer = 4 << 10
	maxBuffer = 64 << 20
)

// parseBuffer parses a size of --buffer in bytes.
func parseBuffer(s string) (int, error) {
	var n cli.ByteSize
	if err := n.Set(s); err != nil {
		return 0, err
	}
	if n < minBuffer || n > maxBuffer {
		return 0, fmt.Errorf("%s is not from 4KiB to 64MiB", s)
	}
	return int(n), nil
}

// nonNegative is a number of things that may be 0.
type nonNegative int

// String implements flag.Value.
func (n *nonNegative) String() string { return strconv.Itoa(int(*n)) }

// Set implements flag.Value.
func (n *nonNegative) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no whole number from 0 on", s)
	}
	*n = nonNegative(v)
	return nil
}

// fraction is a number from 0 to 1.
type fraction float64

// String implements flag.Value.
func (f *fraction) String() string { return strconv.FormatFloat(float64(*f), 'g', -1, 64) }

// Set implements flag.Value.
func (f *fraction) Set(s string) error {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return fmt.Errorf("%q is no number from 0 to 1", s)
	}
	*f = fraction(v)
	return nil
}

// seed is the value of --seed.
type seed struct {
	given bool
	value uint64
}

// String implements flag.Value.
func (n *seed) String() string { return strconv.FormatUint(n.value, 10) }

// Set implements flag.Value. The upper 32 bits are for the rounds.
func (n *seed) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is no whole number from 0 to 4294967295", s)
	}
	*n = seed{true, v}
	return nil
}

// orRandom returns the seed, or a random one if none was given.
func (n seed) orRandom() uint64 {
	if n.given {
		return n.value
	}
	return uint64(rand.Uint32())
}

// uploadList is the value of --upload.
type uploadList []bench.Upload

// String implements flag.Value.
func (l *uploadList) String() string {
	var names []string
	for _, u := range *l {
		names = append(names, u.Name)
	}
	return strings.Join(names, ",")
}

// Set implements flag.Value.
func (l *uploadList) Set(s string) error {
	for text := range strings.SplitSeq(s, ",") {
		name := strings.TrimSpace(text)
		size, chunked := strings.CutPrefix(name, "chunk=")
		switch {
		case name == "put":
			*l = append(*l, bench.Upload{Name: name})
		case name == "patch":
			*l = append(*l, bench.Upload{Name: name, Patch: true})
		case chunked:
			var n cli.ByteSize
			if err := n.Set(size); err != nil {
				return err
			}
			*l = append(*l, bench.Upload{Name: "chunk" + size, Chunk: int64(n)})
		default:
			return fmt.Errorf("%q is none of put, patch and chunk=SIZE", name)
		}
	}
	return nil
}
