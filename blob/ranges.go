package blob

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// minRangedSize is the size in bytes from which a blob is read in ranges if Ranges.N is set.
	minRangedSize = 32 << 20
	// minSwitchSize is how many bytes of a blob must be left for a switch to ranges.
	minSwitchSize = 64 << 20
	// initialParallel is how many ranges are fetched at once after a switch, maxParallel what that
	// may grow to.
	initialParallel = 6
	maxParallel     = 20
	// maxFixedParallel bounds Ranges.N, and so the memory for bytes that come early.
	maxFixedParallel = 64
	// probeBytes and probeTime are how long one connection is measured, again and again. It must be
	// slow slowProbes times in a row, since a busy machine makes pauses too.
	probeBytes = 4 << 20
	probeTime  = 200 * time.Millisecond
	slowProbes = 2
	// slowRate is the rate in bytes per second below which one connection counts as slow.
	slowRate = 40e6
	// minWaitShare is the share of the time above which the source is the bottleneck: the reader
	// waits for it.
	minWaitShare = 0.75
	// gainBytes is how many bytes come in ranges between two comparisons with the one connection,
	// and minGain how many times faster they must be. The first comparison does not count: until
	// then the ranges open their connections, and TCP finds out how fast those may be.
	gainBytes = 32 << 20
	minGain   = 1.3
)

// Ranges reads large blobs of one source in several ranges in parallel (RFC 9110, section 14) if a
// single connection is slow. The zero value starts each blob with one connection. It switches to
// ranges of 512 KiB if the reader waits for that connection, it gives less than 40 MB/s, 64 MiB are
// left, and no other large blob is being read. It switches back if the ranges gain little, fail, or
// take more than one call each. The price is two calls per MiB, and at most 10 MiB of memory for
// bytes that come early.
type Ranges struct {
	// N is how many ranges of each blob of 32 MiB and more are read at once, from its start, at
	// most 64, until the source turns out to have no ranges or to take more than one call for each.
	// 1 reads no ranges, 0 adapts.
	N int

	mu      sync.Mutex
	reading int  // blobs that are being read
	inUse   bool // one of them is read in ranges
	warm    bool // so many ranges have come that they can be compared with one connection
	noGain  bool // ranges were tried and gained nothing, or are not to be had
}

// Wrap returns an Open of a blob of size bytes that reads it through open or openRange. It returns
// the bytes in order and does not verify them.
func (r *Ranges) Wrap(size int64, open Open, openRange OpenRange) Open {
	if r.N == 1 || size < minRangedSize {
		return open
	}
	var failures rangeFailures
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		if r.N > 1 && size-offset >= minRangedSize && !failures.tooMany() && !r.gainNothing() {
			n := min(r.N, maxFixedParallel)
			p := newPrefetcher(ctx, openRange, offset, size, n, n)
			p.check = checkCost
			return &adaptiveReader{ranges: r, failures: &failures, source: p, prefetcher: p, fixed: true}, nil
		}
		source, err := open(ctx, offset)
		if err != nil || r.N > 1 {
			return source, err
		}
		r.addReading(1)
		return &adaptiveReader{
			ctx: ctx, ranges: r, failures: &failures, openRange: openRange, source: source, offset: offset, size: size,
		}, nil
	}
}

func (r *Ranges) addReading(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading += n
}

// acquire reports whether the caller may read its blob in ranges. If so, it must call release.
func (r *Ranges) acquire() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inUse || r.noGain || r.reading > 1 {
		return false
	}
	r.inUse = true
	return true
}

func (r *Ranges) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inUse = false
}

// noteNoGain remembers that ranges of the source are not worth their calls.
func (r *Ranges) noteNoGain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noGain = true
}

func (r *Ranges) gainNothing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.noGain
}

// markWarm reports whether it was called before.
func (r *Ranges) markWarm() (before bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, r.warm = r.warm, true
	return before
}

// maxRangeFailures is how often ranges of a blob may fail before the rest is read over one
// connection.
const maxRangeFailures = 3

// rangeFailures counts how often ranges of one blob have failed.
type rangeFailures struct {
	mu     sync.Mutex
	count  int
	noGain bool // ranges of other blobs of the source would gain nothing either
}

func (f *rangeFailures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	f.noGain = f.noGain || errors.Is(err, errNoGain) || errors.Is(err, errors.ErrUnsupported)
}

func (f *rangeFailures) tooMany() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.noGain || f.count >= maxRangeFailures
}

func (f *rangeFailures) gainNothing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.noGain
}
