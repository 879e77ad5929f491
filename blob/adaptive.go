package blob

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// adaptiveReader reads a blob over one connection until that is found slow, and from then on in
// ranges. If a range fails, Read returns its error; the reader that follows uses one connection
// again.
type adaptiveReader struct {
	ctx        context.Context
	ranges     *Ranges
	failures   *rangeFailures
	openRange  OpenRange
	offset     int64 // of the next byte
	size       int64 // of the blob
	measured   throughput
	slowCount  int     // how many times in a row the connection was slow
	singleRate float64 // of one connection, in bytes per second
	prefetcher *prefetcher
	fixed      bool // the blob is read in ranges from its start

	mu     sync.Mutex // net/http may close a body while it is read
	source io.ReadCloser
	closed bool
}

// Read implements io.Reader.
func (r *adaptiveReader) Read(b []byte) (int, error) {
	if r.prefetcher == nil && r.shouldSwitch() {
		r.switchToRanges()
	}
	source, err := r.current()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if r.measured.began.IsZero() {
		r.measured.began = began
	}
	n, err := source.Read(b)
	r.offset += int64(n)
	r.measured.bytes += int64(n)
	r.measured.waited += time.Since(began)
	if err != nil && err != io.EOF && r.prefetcher != nil {
		r.failures.add(err)
	}
	return n, err
}

func (r *adaptiveReader) current() (io.ReadCloser, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	return r.source, nil
}

// shouldSwitch reports whether the connection is the bottleneck and ranges may be faster. If so, it
// has acquired them.
func (r *adaptiveReader) shouldSwitch() bool {
	now := time.Now()
	if r.measured.bytes < probeBytes || now.Sub(r.measured.began) < probeTime {
		return false
	}
	r.slowCount++
	if r.measured.rate(now) >= slowRate || r.measured.waitShare(now) <= minWaitShare {
		r.slowCount = 0
	}
	r.singleRate, r.measured = r.measured.sourceRate(), throughput{}
	return r.slowCount >= slowProbes && r.size-r.offset >= minSwitchSize && !r.failures.tooMany() && r.ranges.acquire()
}

// switchToRanges replaces the connection with ranges.
func (r *adaptiveReader) switchToRanges() {
	p := newPrefetcher(r.ctx, r.openRange, r.offset, r.size, initialParallel, maxParallel)
	p.check = r.checkGain
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		p.Close()
		r.ranges.release()
		return
	}
	r.source.Close()
	r.source, r.prefetcher = p, p
}

// errNoGain ends ranges that are not worth their calls.
var errNoGain = errors.New("reading in ranges is not worth it")

// checkCost returns errNoGain if the ranges take more than one call each.
func checkCost(p piece) error {
	if p.costly {
		return errNoGain
	}
	return nil
}

// checkGain returns errNoGain if the ranges take more than one call each, or are not enough faster
// than the one connection.
func (r *adaptiveReader) checkGain(p piece) error {
	if err := checkCost(p); err != nil || r.measured.bytes < gainBytes {
		return err
	}
	rate, warm := r.measured.sourceRate(), r.ranges.markWarm()
	r.measured = throughput{}
	if warm && rate < minGain*r.singleRate {
		return errNoGain
	}
	return nil
}

// Close implements io.Closer.
func (r *adaptiveReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	if r.prefetcher != nil && r.failures.gainNothing() {
		r.ranges.noteNoGain()
	}
	if !r.fixed {
		r.ranges.addReading(-1)
		if r.prefetcher != nil {
			r.ranges.release()
		}
	}
	return r.source.Close()
}
