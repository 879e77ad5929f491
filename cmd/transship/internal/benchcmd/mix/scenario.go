package mix

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Scenario is a kind of operation.
type Scenario string

// The scenarios. Each operation makes its calls one after the other, and takes until the last byte of
// the last one. Numbers of endpoints are those of the distribution specification.
const (
	Resolve   Scenario = "resolve"   // HEAD of a manifest by tag (end-3)
	Pull      Scenario = "pull"      // GET of a manifest by tag (end-3), then of its config and layers (end-2), verified
	Tags      Scenario = "tags"      // GET of all tags of a repository (end-8a)
	Referrers Scenario = "referrers" // GET of an image's referrers (end-12a); under their tag where there is no API
	Push      Scenario = "push"      // POST (end-4a) and PUT (end-6) for each blob of a new image, PUT of its manifest (end-7)
	Mount     Scenario = "mount"     // POST that mounts a blob from another repository (end-11)
	Delete    Scenario = "delete"    // DELETE of a manifest by digest (end-9)
)

// Scenarios returns all scenarios, the reads before the writes.
func Scenarios() []Scenario { return []Scenario{Resolve, Pull, Tags, Referrers, Push, Mount, Delete} }

// Reads reports whether a scenario changes nothing.
func (s Scenario) Reads() bool { return slices.Index(Scenarios(), s) < 4 }

// Weights says how often scenarios are run, in comparison with others of their kind, read or write.
// The zero value stands for 1 of each.
type Weights map[Scenario]float64

// String implements flag.Value.
func (w *Weights) String() string {
	var out []string
	for _, s := range Scenarios() {
		if n, ok := (*w)[s]; ok && n == 1 {
			out = append(out, string(s))
		} else if ok {
			out = append(out, fmt.Sprintf("%s=%g", s, n))
		}
	}
	return strings.Join(out, ",")
}

// Set implements flag.Value: resolve,pull=3,push.
func (w *Weights) Set(text string) error {
	out := Weights{}
	for item := range strings.SplitSeq(text, ",") {
		name, number, weighed := strings.Cut(strings.TrimSpace(item), "=")
		s, n := Scenario(name), 1.0
		if !slices.Contains(Scenarios(), s) {
			return fmt.Errorf("%q is none of resolve, pull, tags, referrers, push, mount and delete", name)
		}
		if _, twice := out[s]; twice {
			return fmt.Errorf("%s is named twice", s)
		}
		if weighed {
			var err error
			if n, err = strconv.ParseFloat(number, 64); err != nil || !(n > 0 && n <= 1e6) {
				return fmt.Errorf("%q is no number above 0", number)
			}
		}
		out[s] = n
	}
	*w = out
	return nil
}

// Share is the share of one scenario in all operations.
type Share struct {
	Scenario Scenario
	Of       float64 // from 0 to 1
}

// Shares splits all operations: the reads have a share, from 0 to 1, and the writes the rest; each
// scenario has the part of its kind's share that its weight is of the weights of that kind. read < 0
// stands for 0.75, or for all if the scenarios are all reads or all writes. The error is a share of a
// kind that has no scenario.
func (w Weights) Shares(read float64) ([]Share, error) {
	if len(w) == 0 {
		w = Weights{}
		for _, s := range Scenarios() {
			w[s] = 1
		}
	}
	var sums [2]float64 // of writes, of reads
	for s, n := range w {
		sums[index(s)] += n
	}
	if read < 0 {
		read = 0.75
		if sums[0] == 0 {
			read = 1
		} else if sums[1] == 0 {
			read = 0
		}
	}
	if read > 0 && sums[1] == 0 {
		return nil, fmt.Errorf("a share of reads is given, and no scenario reads")
	}
	if read < 1 && sums[0] == 0 {
		return nil, fmt.Errorf("a share of writes is given, and no scenario writes")
	}
	var out []Share
	for _, s := range Scenarios() {
		of := [2]float64{1 - read, read}[index(s)]
		if n := w[s]; n > 0 && of > 0 {
			out = append(out, Share{s, of * n / sums[index(s)]})
		}
	}
	return out, nil
}

func index(s Scenario) int {
	if s.Reads() {
		return 1
	}
	return 0
}
