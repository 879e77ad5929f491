package benchcmd

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// maxLayers is how many layers an image may have: their descriptors must fit into the 4 MiB of a manifest.
const maxLayers = 10000

// sizeList is the value of --size: sizes of layers, each with a number of them or alone, such as 4x64MiB,20x1MiB.
type sizeList struct {
	text  string
	sizes []int64 // bytes
	alone bool    // one size, of as many layers as --layers says
}

// String implements flag.Value.
func (l *sizeList) String() string { return l.text }

// Set implements flag.Value.
func (l *sizeList) Set(s string) error {
	out := sizeList{text: strings.ReplaceAll(s, " ", ""), alone: !strings.ContainsAny(s, "xX,")}
	for part := range strings.SplitSeq(out.text, ",") {
		n, text := cli.Count(1), part
		if times, size, found := strings.Cut(strings.ToLower(part), "x"); found {
			text = size
			if err := n.Set(times); err != nil {
				return fmt.Errorf("%q: %w", part, err)
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

// countList is a flag of numbers from 1 on, separated by commas.
type countList []int

// String implements flag.Value.
func (l *countList) String() string { return strings.Trim(fmt.Sprint(*l), "[]") }

// Set implements flag.Value.
func (l *countList) Set(s string) error {
	var out countList
	for text := range strings.SplitSeq(s, ",") {
		var n cli.Count
		if err := n.Set(strings.TrimSpace(text)); err != nil {
			return err
		}
		out = append(out, int(n))
	}
	*l = out
	return nil
}

// jobsList is the value of --jobs: numbers from 1 on, separated by commas, and auto, which is 0 as in bench.Cell.
type jobsList []int

// String implements flag.Value.
func (l *jobsList) String() string { return strings.Trim(fmt.Sprint(*l), "[]") }

// Set implements flag.Value.
func (l *jobsList) Set(s string) error {
	var out jobsList
	for text := range strings.SplitSeq(s, ",") {
		var n cli.Count
		if text = strings.TrimSpace(text); text != "auto" && n.Set(text) != nil {
			return fmt.Errorf("%q is neither a whole number from 1 on nor auto", text)
		}
		out = append(out, int(n))
	}
	*l = out
	return nil
}

// leastBuffer and mostBuffer are the bounds of a buffer in bytes.
const (
	leastBuffer = 4 << 10
	mostBuffer  = 64 << 20
)

// bufferList is the value of --buffer: sizes in bytes.
type bufferList []int

// String implements flag.Value.
func (l *bufferList) String() string { return strings.Trim(fmt.Sprint(*l), "[]") }

// Set implements flag.Value.
func (l *bufferList) Set(s string) error {
	var out bufferList
	for text := range strings.SplitSeq(s, ",") {
		var n cli.ByteSize
		if err := n.Set(strings.TrimSpace(text)); err != nil {
			return err
		}
		if n < leastBuffer || n > mostBuffer {
			return fmt.Errorf("%s is not from 4KiB to 64MiB", text)
		}
		out = append(out, int(n))
	}
	*l = out
	return nil
}

// fromZero is a number of things that may be none.
type fromZero int

// String implements flag.Value.
func (n *fromZero) String() string { return strconv.Itoa(int(*n)) }

// Set implements flag.Value.
func (n *fromZero) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is no whole number from 0 on", s)
	}
	*n = fromZero(v)
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

// Set implements flag.Value. 32 bits are left to the rounds.
func (n *seed) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is no whole number from 0 to 4294967295", s)
	}
	*n = seed{true, v}
	return nil
}

// orRandom returns the seed, or a new one where none was given.
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
