package bench

import (
	"sync"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// Moved is what a turn of a [Work] has done.
type Moved struct {
	Ops     int   // operations: 1 image, or so many manifests resolved
	Bytes   int64 // of blobs whose bytes were moved
	Blobs   int   // that the image needs
	Present int   // of these, that were there already
	Mounted int   // of these, that were mounted
}

// Sample is one turn of a cell, measured.
type Sample struct {
	Turn
	Moved
	Start   time.Time
	Elapsed time.Duration
	Calls   int             // to registries, with all attempts and those for tokens
	TTFB    []time.Duration // of the calls without a body: from the request to the answer's first byte
	CPU     time.Duration   // of this process, user and system
	Peak    int64           // of this process's resident memory, in bytes
	Trace   []wire.Call     // the calls in the order in which they ended, at most maxTrace; of the first round only
	Dropped int             // calls beyond those
}

// maxTrace is how many calls of a round are kept whole.
const maxTrace = 400

// NsPerOp returns the nanoseconds of one operation.
func (s Sample) NsPerOp() float64 { return float64(s.Elapsed.Nanoseconds()) / float64(max(s.Ops, 1)) }

// MBPerSecond returns how many millions of bytes were moved in a second, 0 where none were.
func (s Sample) MBPerSecond() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Bytes) / 1e6 / s.Elapsed.Seconds()
}

// Recorder takes the calls of a run, and forgets those that come before a turn that is measured. The zero value is ready; its methods may
// be called concurrently.
type Recorder struct {
	mu    sync.Mutex
	trace bool
	taken Sample
}

// Call takes a call, as wire.Record's OnCall.
func (r *Recorder) Call(c wire.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken.Calls++
	if c.Sent == 0 && c.StatusCode != 0 {
		r.taken.TTFB = append(r.taken.TTFB, untilAnswer(c))
	}
	switch {
	case !r.trace:
	case len(r.taken.Trace) < maxTrace:
		r.taken.Trace = append(r.taken.Trace, c)
	default:
		r.taken.Dropped++
	}
}

// untilAnswer is the time of a call until the first byte of its answer.
func untilAnswer(c wire.Call) time.Duration { return max(c.Duration-c.Timings.Receive, 0) }

// begin forgets what there is and keeps what comes.
func (r *Recorder) begin(trace bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace, r.taken = trace, Sample{}
}

// end returns what has come.
func (r *Recorder) end() Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace = false
	return r.taken
}
