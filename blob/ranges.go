package blob

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// rangesFrom is the size in bytes from which a blob is read in ranges where that is asked for, and changeFrom how much
	// must be left of one that goes over to them by itself.
	rangesFrom = 32 << 20
	changeFrom = 64 << 20
	// firstWide is how many ranges are fetched at once to begin with, and mostWide how many at the most.
	firstWide = 6
	mostWide  = 20
	// mostAsked is how many at the most where the number was given: what comes before its turn waits in memory.
	mostAsked = 64
	// probeBytes and probeTime are how long one connection is watched before it is judged, again and again; it must be found
	// slow slowTimes in a row, since a busy machine makes pauses too.
	probeBytes = 4 << 20
	probeTime  = 200 * time.Millisecond
	slowTimes  = 2
	// slowRate is from where on, in bytes a second, a connection is fast enough.
	slowRate = 40e6
	// mostlyWaiting is the part of the time that is spent on waiting for the source where that is the bottleneck.
	mostlyWaiting = 0.75
	// judgeBytes is how much comes in ranges each time before those are held against the one connection, and worthIt how much
	// faster they must be. The first time they only open their connections, and TCP finds out how fast those may be.
	judgeBytes = 32 << 20
	worthIt    = 1.3
)

// Ranges reads big blobs of one source in several ranges side by side, where a single connection is slow: by RFC 9110,
// section 14, a part of a blob can be asked for. The zero value begins each blob with one connection, and goes over to
// ranges of 512 KiB where that connection is what is waited for, gives less than 40 MB/s, 64 MiB are left, and no other big
// blob is being read. It goes back where they bring little, fail, or take more than a
// call each. What it costs is two calls for each MiB, and memory for what comes before its turn, 10 MiB at the most.
type Ranges struct {
	N int // ranges at once of each blob of 32 MiB and more, from its start, 64 at the most; 1 is none at all; 0 adapts

	mu      sync.Mutex
	open    int  // blobs that are being read
	taken   bool // one of them is read in ranges
	warm    bool // they have brought so much that they can be judged
	useless bool // they were tried, and brought nothing
}

// Over returns an Open of a blob of size bytes that reads by open or by part. Bytes are handed out in order, and none is
// verified.
func (r *Ranges) Over(size int64, open Open, part OpenRange) Open {
	if r.N == 1 || size < rangesFrom {
		return open
	}
	var failed failure
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		if r.N > 1 && size-offset >= rangesFrom && !failed.is() {
			a := newAhead(ctx, part, offset, size, min(r.N, mostAsked), min(r.N, mostAsked))
			return &watched{ranges: r, failed: &failed, source: a, ahead: a, forced: true}, nil
		}
		source, err := open(ctx, offset)
		if err != nil || r.N > 1 {
			return source, err
		}
		r.count(1)
		return &watched{ctx: ctx, ranges: r, failed: &failed, part: part, source: source, at: offset, size: size}, nil
	}
}

// rangesFailures is how often a blob's ranges may fail before the rest comes over one connection.
const rangesFailures = 3

// failure says how often ranges of a blob have failed.
type failure struct {
	mu      sync.Mutex
	times   int
	useless bool // and will be of no use for other blobs
}

func (f *failure) is() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.useless || f.times >= rangesFailures
}

func (f *failure) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.times++
	f.useless = f.useless || errors.Is(err, errNoGain) || errors.Is(err, errors.ErrUnsupported)
}

func (f *failure) isForGood() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.useless
}

func (r *Ranges) count(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open += n
}

// take lets one blob be read in ranges.
func (r *Ranges) take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken || r.useless || r.open > 1 {
		return false
	}
	r.taken = true
	return true
}

// warmUp tells whether it was called before.
func (r *Ranges) warmUp() (before bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, r.warm = r.warm, true
	return before
}

func (r *Ranges) release(useless bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken = false
	r.useless = r.useless || useless
}

// watched is a blob that is read over one connection, until that turns out to be too slow.
type watched struct {
	ctx    context.Context
	ranges *Ranges
	failed *failure
	part   OpenRange
	at     int64
	size   int64
	seen   speed
	slows  int     // how often in a row it was found slow
	single float64 // what one connection gives, in bytes a second
	ahead  *ahead  // ranges, once those are read
	forced bool    // from the start

	mu     sync.Mutex // net/http may close a body while it is read
	source io.ReadCloser
	closed bool
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	if w.ahead == nil && w.slow() {
		w.goAhead()
	}
	source, err := w.current()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if w.seen.began.IsZero() {
		w.seen.began = began
	}
	n, err := source.Read(p)
	w.at += int64(n)
	w.seen.bytes += int64(n)
	w.seen.waited += time.Since(began)
	if err != nil && err != io.EOF && w.ahead != nil {
		w.failed.note(err) // the blob goes on over one connection
	}
	return n, err
}

func (w *watched) current() (io.ReadCloser, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errClosed
	}
	return w.source, nil
}

// slow tells whether the connection is the bottleneck, and several may be faster.
func (w *watched) slow() bool {
	now := time.Now()
	if w.seen.bytes < probeBytes || now.Sub(w.seen.began) < probeTime {
		return false
	}
	given := w.seen.given()
	w.slows++
	if w.seen.rate(now) >= slowRate || w.seen.waiting(now) <= mostlyWaiting {
		w.slows = 0
	}
	w.single, w.seen = given, speed{}
	return w.slows >= slowTimes && w.size-w.at >= changeFrom && !w.failed.is() && w.ranges.take()
}

// goAhead puts ranges in the place of the connection.
func (w *watched) goAhead() {
	a := newAhead(w.ctx, w.part, w.at, w.size, firstWide, mostWide)
	a.ready = w.judge
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		a.Close()
		w.ranges.release(false)
		return
	}
	w.source.Close()
	w.source, w.ahead = a, a
}

// errNoGain ends ranges that are not worth their calls.
var errNoGain = errors.New("reading in ranges is not worth it")

// judge looks at each range that has come.
func (w *watched) judge(p piece) error {
	if p.costly {
		return errNoGain
	}
	if w.seen.bytes < judgeBytes {
		return nil
	}
	given, warm := w.seen.given(), w.ranges.warmUp()
	w.seen = speed{}
	if warm && given < worthIt*w.single {
		return errNoGain
	}
	return nil
}

// Close implements io.Closer.
func (w *watched) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if !w.forced {
		w.ranges.count(-1)
		if w.ahead != nil {
			w.ranges.release(w.failed.isForGood())
		}
	}
	return w.source.Close()
}
