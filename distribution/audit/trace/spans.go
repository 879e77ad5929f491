package trace

import (
	"cmp"
	"encoding/binary"
	"iter"
	"net/http"
	"slices"
)

// span is a call. Times are microseconds; moments are counted from the start of the trace.
type span struct {
	sequence       int64
	start, total   int64
	phases         [phases]int64
	sent, received int64 // bytes
	retryOf        int64 // sequence
	host, row      int32 // numbers in the table of texts, as are those below
	method, path   int32
	blob           int32
	refused        int32 // the policy
	status         int16
	attempt        int16
	resent         int16
	failed         bool // no answer, or broken off
	probe          bool // it asked whether something is there
	expected       bool // no error: 404 to a probe, and 401 followed by the same call with credentials
	dialed         bool // it opened its connection
	notSent        bool // a policy refused it before
}

func (s *span) end() int64 { return s.start + s.total }

// spans has calls as variable-length numbers, in about a third of their memory.
type spans struct {
	bytes    []byte
	offsets  []int          // of each call in bytes, in the order of their starts
	shift    int64          // is added to every start
	repeated map[int64]bool // sequences of the calls with a further attempt
}

func (l *spans) len() int { return len(l.offsets) }

// add appends a call.
func (l *spans) add(s span) {
	l.offsets = append(l.offsets, len(l.bytes))
	for _, n := range s.numbers() {
		l.bytes = binary.AppendVarint(l.bytes, n)
	}
	if s.retryOf > 0 {
		if l.repeated == nil {
			l.repeated = map[int64]bool{}
		}
		l.repeated[s.retryOf] = true
	}
}

// numbers has all of a call but expected.
func (s *span) numbers() [22]int64 {
	flags := int64(0)
	for i, set := range []bool{s.failed, s.probe, s.dialed, s.notSent} {
		if set {
			flags |= 1 << i
		}
	}
	p := &s.phases
	return [...]int64{s.sequence, s.start, p[0], p[1], p[2], p[3], p[4], p[5], p[6], s.sent, s.received, s.retryOf,
		int64(s.host), int64(s.row), int64(s.method), int64(s.path), int64(s.blob), int64(s.refused),
		int64(s.status), int64(s.attempt), int64(s.resent), flags}
}

// at returns call i, from 0.
func (l *spans) at(i int) span {
	s := l.read(l.offsets[i])
	s.start += l.shift
	s.expected = s.status == http.StatusNotFound && s.probe || s.status == http.StatusUnauthorized && l.repeated[s.sequence]
	return s
}

// read decodes the call at an offset.
func (l *spans) read(offset int) (s span) {
	n := s.numbers()
	for i := range n {
		size := 0
		n[i], size = binary.Varint(l.bytes[offset:])
		offset += size
	}
	flag := func(bit int) bool { return n[21]&(1<<bit) != 0 }
	s = span{
		sequence: n[0], start: n[1], phases: [phases]int64(n[2:9]), sent: n[9], received: n[10], retryOf: n[11],
		host: int32(n[12]), row: int32(n[13]), method: int32(n[14]), path: int32(n[15]), blob: int32(n[16]), refused: int32(n[17]),
		status: int16(n[18]), attempt: int16(n[19]), resent: int16(n[20]),
		failed: flag(0), probe: flag(1), dialed: flag(2), notSent: flag(3),
	}
	for _, d := range s.phases {
		s.total += d
	}
	return s
}

// all yields the calls in the order of their starts.
func (l *spans) all() iter.Seq2[int, span] {
	return func(yield func(int, span) bool) {
		for i := range l.offsets {
			if !yield(i, l.at(i)) {
				return
			}
		}
	}
}

// sort sorts the calls by their starts, which most files do already.
func (l *spans) sort() {
	slices.SortStableFunc(l.offsets, func(a, b int) int {
		x, y := l.read(a), l.read(b)
		return cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(x.sequence, y.sequence))
	})
}
