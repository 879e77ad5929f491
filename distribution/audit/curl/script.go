// Package curl turns the calls of a recorded run into a shell script of curl commands. Start from
// [Read], which reads an audit or a HAR of another tool, and [Write].
package curl

import (
	"cmp"
	"iter"
	"net/http"
	"slices"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/internal/texts"
)

// Script has the calls of an audit as far as they are needed to repeat them: about 1 kB for each
// call.
type Script struct {
	Run audit.Run // zero if the file has none
	// Broken is where the rest of the file could not be read, nil if all of it was: see
	// [audit.ReadAll].
	Broken *audit.RecordError

	texts      texts.Table
	calls      []*call // in the order of their sequences
	bySequence map[int64]*call
	contents   map[string]*coverage // by digest
	tokenCalls []*call              // those that got a token
	schemes    map[string]string    // by host, of the last call that it answered
	locations  map[string][]*call   // by the path of the Location that they got; its host may be wrong behind proxies
}

// Read reads an audit to its end. Errors are those of [audit.ReadAll].
func Read(r *audit.Reader) (*Script, error) {
	s := &Script{
		bySequence: map[int64]*call{},
		contents:   map[string]*coverage{},
		schemes:    map[string]string{},
		locations:  map[string][]*call{},
	}
	broken, err := audit.ReadAll(r, func(e audit.Entry) { s.calls = append(s.calls, s.call(e)) })
	if err != nil {
		return nil, err
	}
	s.Run, s.Broken = r.Run, broken
	slices.SortStableFunc(s.calls, func(a, b *call) int { return cmp.Compare(a.sequence, b.sequence) })
	for _, c := range s.calls {
		s.index(c)
	}
	return s, nil
}

// index adds a call to the indexes.
func (s *Script) index(c *call) {
	s.bySequence[c.sequence] = c
	if !c.isURL {
		return
	}
	if c.status != 0 {
		s.schemes[c.host] = c.scheme
	}
	if c.fetched != "" {
		s.addFetched(c)
	}
	if c.row == "token" && c.status == http.StatusOK {
		s.tokenCalls = append(s.tokenCalls, c)
	}
	if c.location != nil && c.status/100 == 2 {
		s.locations[c.location.path] = append(s.locations[c.location.path], c)
	}
}

// uploadOpener returns the call whose Location a call of an upload session goes to, nil for other
// calls. Of the earlier calls that got this path it is the last one for the same blob, or else the
// last one.
func (s *Script) uploadOpener(c *call) *call {
	switch c.row {
	case "end-5", "end-6", "end-13", "end-14":
	default:
		return nil
	}
	var found *call
	for o := range lastBefore(s.locations[c.path], c) {
		if o.blob == c.blob {
			return o
		}
		if found == nil {
			found = o
		}
	}
	return found
}

// lastBefore yields those of the calls that came before c, the last one first. It stops after a
// thousand.
func lastBefore(calls []*call, c *call) iter.Seq[*call] {
	const limit = 1000
	end, _ := slices.BinarySearchFunc(calls, c.sequence, func(o *call, sequence int64) int {
		return cmp.Compare(o.sequence, sequence)
	})
	return func(yield func(*call) bool) {
		for i := end - 1; i >= max(0, end-limit) && yield(calls[i]); i-- {
		}
	}
}

// redirectedFrom returns the call that was redirected to c, nil for none.
func (s *Script) redirectedFrom(c *call) *call {
	if from := s.bySequence[c.redirectOf]; from != nil && from != c && from.location != nil {
		return from
	}
	return nil
}
