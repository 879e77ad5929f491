// Package curl makes a shell script of a recorded run, with a curl command for each call. [Read] reads a record,
// package audit's or another tool's HAR, and [Write] writes the script.
package curl

import (
	"cmp"
	"iter"
	"net/http"
	"slices"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// Script is an audit's calls as they are needed to make them again. It holds
// about 1 kB of each.
type Script struct {
	Run audit.Run // zero where the file does not say
	// Broken says where the file could not be read on: see [audit.ReadAll].
	Broken *audit.RecordError

	texts      texts.Table
	calls      []*scriptCall // in the order of their sequences
	bySequence map[int64]*scriptCall
	contents   map[string]*coverage     // by digest
	tokens     []*scriptCall            // that got one
	schemes    map[string]string        // the last that a host answered to
	locations  map[string][]*scriptCall // that gave out a Location, by its path: proxies get the host wrong
}

// Read reads an audit to its end. Errors are those of [audit.ReadAll].
func Read(r *audit.Reader) (*Script, error) {
	s := &Script{
		bySequence: map[int64]*scriptCall{},
		contents:   map[string]*coverage{},
		schemes:    map[string]string{},
		locations:  map[string][]*scriptCall{},
	}
	broken, err := audit.ReadAll(r, func(e audit.Entry) { s.calls = append(s.calls, s.call(e)) })
	if err != nil {
		return nil, err
	}
	s.Run, s.Broken = r.Run, broken
	slices.SortStableFunc(s.calls, func(a, b *scriptCall) int { return cmp.Compare(a.sequence, b.sequence) })
	for _, c := range s.calls {
		s.index(c)
	}
	return s, nil
}

// index makes a call known to those that need it.
func (s *Script) index(c *scriptCall) {
	s.bySequence[c.sequence] = c
	if !c.isURL {
		return
	}
	if c.status != 0 {
		s.schemes[c.host] = c.scheme
	}
	if c.fetched != "" {
		s.covered(c)
	}
	if c.row == "token" && c.status == http.StatusOK {
		s.tokens = append(s.tokens, c)
	}
	if c.location != nil && c.status/100 == 2 {
		s.locations[c.location.path] = append(s.locations[c.location.path], c)
	}
}

// opener returns the call whose answer said where an upload's call has to go:
// of those before it that named its path, the last, and one for the same blob
// where there is such.
func (s *Script) opener(c *scriptCall) *scriptCall {
	switch c.row {
	case "end-5", "end-6", "end-13", "end-14":
	default:
		return nil
	}
	var found *scriptCall
	for o := range latest(s.locations[c.path], c) {
		if o.blob == c.blob {
			return o
		}
		if found == nil {
			found = o
		}
	}
	return found
}

// latest yields those of some calls that came before another, the last one
// first, as far back as it is worth looking.
func latest(calls []*scriptCall, c *scriptCall) iter.Seq[*scriptCall] {
	const most = 1000
	end, _ := slices.BinarySearchFunc(calls, c.sequence, func(o *scriptCall, n int64) int { return cmp.Compare(o.sequence, n) })
	return func(yield func(*scriptCall) bool) {
		for i := end - 1; i >= max(0, end-most) && yield(calls[i]); i-- {
		}
	}
}

// redirected returns the call that was redirected to this one.
func (s *Script) redirected(c *scriptCall) *scriptCall {
	if from := s.bySequence[c.redirectOf]; from != nil && from != c && from.location != nil {
		return from
	}
	return nil
}
