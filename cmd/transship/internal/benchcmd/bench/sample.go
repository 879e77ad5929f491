package bench

import (
	"sync"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// Moved is what a turn of a [Work] has done.
type Moved struct {
	Ops     int   // operations: 1 image, or the number of resolved manifests
	Bytes   int64 // of uploaded or downloaded blobs
	Blobs   int   // number of blobs in the image
	Present int   // of these, the target already had
	Mounted int   // of these, were mounted
}

// Sample is the measurement of one turn.
type Sample struct {
	Turn
	Moved
	Start   time.Time
	Elapsed time.Duration
	Calls   int             // to registries and token servers, all attempts
	TTFB    []time.Duration // time to first byte of the response, of calls without a request body
	CPU     time.Duration   // of this process, user and system
	Peak    int64           // peak of this process's resident memory, in bytes
	Trace   []wire.Call     // at most maxTrace calls, in the order of their ends; only for the first round
	Dropped int             // number of calls not in Trace
}

// maxTrace is the maximum number of calls in a sample's Trace.
const maxTrace = 400

// NsPerOp returns the nanoseconds of one operation.
func (s Sample) NsPerOp() float64 { return float64(s.Elapsed.Nanoseconds()) / float64(max(s.Ops, 1)) }

// MBPerSecond returns the speed in 1,000,000 bytes per second, or 0 if no bytes moved.
func (s Sample) MBPerSecond() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Bytes) / 1e6 / s.Elapsed.Seconds()
}

// Recorder records the calls of the current turn. The zero value is ready for use. Its methods may
// be called concurrently.
type Recorder struct {
	mu     sync.Mutex
	trace  bool
	sample Sample
}

// Call records a call. It is for wire.Recorder's OnCall.
func (r *Recorder) Call(c wire.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sample.Calls++
	if c.Sent == 0 && c.StatusCode != 0 {
		r.sample.TTFB = append(r.sample.TTFB, timeToFirstByte(c))
	}
	switch {
	case !r.trace:
	case len(r.sample.Trace) < maxTrace:
		r.sample.Trace = append(r.sample.Trace, c)
	default:
		r.sample.Dropped++
	}
}

// timeToFirstByte returns a call's time to the first byte of the response.
func timeToFirstByte(c wire.Call) time.Duration { return max(c.Duration-c.Timings.Receive, 0) }

// start drops all recorded calls.
func (r *Recorder) start(trace bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace, r.sample = trace, Sample{}
}

// stop returns the calls since start.
func (r *Recorder) stop() Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace = false
	return r.sample
}
