package blob

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// MaxRanges bounds Ranges.N.
const MaxRanges = 64

const (
	// minRangedSize is the size in bytes from which a blob is read in ranges if Ranges.N is set.
	minRangedSize = 32 << 20
	// maxRangeFailures is how often ranges of a blob may fail before the rest is read over one
	// connection.
	maxRangeFailures = 3
)

// Range is a part of a blob.
type Range struct {
	Offset, Size int64 // bytes
	// Connection is the number of the connection that it is best requested over, from 0: at most one
	// range is requested over each at a time, and its size is what that connection brings in time.
	Connection int
}

// OpenRange opens a part of a blob. A source that cannot open it returns an error; it must never
// return bytes from elsewhere. costly reports whether it takes more than one call. The caller closes
// the reader.
type OpenRange func(ctx context.Context, r Range) (body io.ReadCloser, costly bool, err error)

// Ranges reads the blobs of one source in several ranges in parallel (RFC 9110, section 14) if more
// connections bring more. The zero value starts each blob with one connection. Where all of them
// together stay below 25 MB/s and their readers wait for them, it opens more, over all blobs under
// way, as long as that brings more, up to 72, or 96 where they bring very little. Where their rate is
// steady, and below 40 MB/s, one more for each blob is tried first, beside them, so that a link that is
// full is left as it is. It goes back to one for each blob if more bring nothing, if ranges fail, or if
// they take more than one call each.
//
// The bytes that come early wait in at most 6 MiB of memory, for all blobs together; more of them
// wait in the buffers of their connections.
type Ranges struct {
	// N is how many ranges of each blob of 32 MiB and more are read at once, from its start, at
	// most MaxRanges, until the source turns out to have no ranges or to take more than one call for each.
	// 1 reads no ranges, 0 adapts.
	N int

	mu          sync.Mutex
	readers     []*rangedReader // of the blobs that are being read
	open        int             // connections that they have
	connections []rangeConnection
	control     rangeControl
	buffers     rangeBuffers
	none        bool // ranges are not to be had, or not for one call each
}

// Wrap returns an Open of a blob of size bytes that reads it through open or openRange. It returns
// the bytes in order and does not verify them.
func (s *Ranges) Wrap(size int64, open Open, openRange OpenRange) Open {
	if s.N == 1 || s.N > 1 && size < minRangedSize {
		return open
	}
	open = s.timed(open)
	if size < LargeSize {
		return open
	}
	var failures rangeFailures
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		inRanges := s.inRanges(size-offset) && !failures.tooMany()
		if !inRanges && s.N > 1 {
			return open(ctx, offset)
		}
		r := newRangedReader(ctx, s, offset, size)
		r.openOne, r.openRange, r.failures = open, openRange, &failures
		if !inRanges {
			one, err := open(ctx, offset)
			if err != nil {
				return nil, err
			}
			r.one, r.oneEnd, r.next = one, size, size
		}
		s.add(r)
		return r, nil
	}
}

// timed notes how long a blob takes to be opened, of whatever size: the first calls to a registry
// contain the handshakes of its connections.
func (s *Ranges) timed(open Open) Open {
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		began := time.Now()
		in, err := open(ctx, offset)
		if err == nil {
			s.noteLatency(time.Since(began))
		}
		return in, err
	}
}

// inRanges reports whether a blob with that many bytes left is read in ranges from its start.
func (s *Ranges) inRanges(left int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wantsRanges() && (s.N > 1 && left >= minRangedSize || s.N == 0 && left >= leastRest && !s.control.trial)
}

// wantsRanges reports whether blobs are read in ranges now.
func (s *Ranges) wantsRanges() bool { return !s.none && (s.N > 1 || s.control.limit > 0) }

// noteLatency notes how long a call has taken to be answered.
func (s *Ranges) noteLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control.noteLatency(time.Now(), d)
}

// add takes up a reader.
func (s *Ranges) add(r *rangedReader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.readers) == 0 {
		s.control.restart(time.Now())
	}
	s.readers = append(s.readers, r)
	if r.one != nil {
		s.open++
	}
	if s.control.limit > 0 && !s.control.trial {
		r.split()
	}
	s.request()
}

// note adds bytes that have come, and opens more connections if that may help. s.mu is held.
func (s *Ranges) note(n int) {
	s.control.bytes += int64(n)
	now := time.Now()
	if s.N > 1 || s.none || !s.control.due(now) {
		return
	}
	trial := s.control.trial
	s.control.judge(now, s.state(now))
	for _, r := range s.readers {
		switch {
		case s.control.limit == 0:
			r.join()
		case !trial || !s.control.trial:
			r.split()
		}
	}
	s.request()
}

// state sums up what the readers see since it was asked for last.
func (s *Ranges) state(now time.Time) (st sourceState) {
	took := now.Sub(s.control.began)
	for _, r := range s.readers {
		r.rate, r.noted = float64(r.offset-r.noted)/took.Seconds(), r.offset
		st.readers++
		st.left += r.size - r.offset
		st.waited += r.takeWaited(now)
	}
	return st
}

// request requests ranges while there may be more connections. The blob whose requests reach least
// far ahead of its reader comes first. s.mu is held.
func (s *Ranges) request() {
	for {
		r := s.neediest()
		if r == nil {
			return
		}
		r.request()
	}
}

func (s *Ranges) neediest() (least *rangedReader) {
	if s.none || s.N == 0 && s.open >= s.control.connections(time.Now()) {
		return nil
	}
	var ahead int64
	for _, r := range s.readers {
		ahead += r.requested()
		switch {
		case r.next >= r.size || r.failed || s.N > 1 && r.open >= min(s.N, MaxRanges):
		case least == nil || r.next-r.offset < least.next-least.offset:
			least = r
		}
	}
	if ahead >= maxAhead && least != nil && least.requested() > 0 {
		return nil
	}
	return least
}

// drop ends ranges for good. s.mu is held.
func (s *Ranges) drop() {
	s.none, s.control.limit = true, 0
	for _, r := range s.readers {
		r.join()
	}
}

// remove takes a reader out.
func (s *Ranges) remove(r *rangedReader) {
	for i, other := range s.readers {
		if other == r {
			s.readers = append(s.readers[:i:i], s.readers[i+1:]...)
			break
		}
	}
	s.request()
}

// rangeFailures counts how often ranges of one blob have failed.
type rangeFailures struct {
	mu    sync.Mutex
	count int
}

func (f *rangeFailures) add() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
}

func (f *rangeFailures) tooMany() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count >= maxRangeFailures
}

// errNoGain ends ranges that take more than one call each.
var errNoGain = errors.New("reading in ranges is not worth it")
