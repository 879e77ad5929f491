package wire

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// initialWindow is how many calls of a kind a host gets at once at first, maxWindow how many at
	// most.
	initialWindow = 16
	maxWindow     = 64
	// maxLargeWindow is the same for downloads of large bodies: blob.Ranges finds out how many of
	// those bring more.
	maxLargeWindow = 128
	// minLatencyWindow is the size above which latency alone reduces a window. At a smaller size
	// this machine may be the slow one.
	minLatencyWindow = 8
	// A host is overloaded when a call takes, on average, more than latencyFactor times the
	// shortest call plus latencyMargin.
	latencyFactor = 2
	latencyMargin = 200 * time.Millisecond
	// lowQuota is the number of remaining calls from which a quota counts as running out.
	lowQuota = 10
)

// Congestion finds out how many calls at once each host accepts, for each kind of call. The number
// starts at 16 and doubles with each round trip, up to 64, until the host responds with 429 or 503,
// or its responses take longer and longer. For downloads of large bodies it is 128 at first. Then it is halved, and grows by one with each round trip
// (additive increase, multiplicative decrease: RFC 5681, section 3.1). A call that was sent before
// the last halving does not halve it again, since its response says nothing new.
//
// If a host says in ratelimit-remaining that few calls are left (Docker Hub: "76;w=21600"),
// documents are read one at a time, so that no burst exceeds the quota and what has begun can
// finish.
//
// The zero value is ready. It must not be copied.
type Congestion struct {
	// OnLowQuota is called once for each host that has few calls left. It may be nil.
	OnLowQuota func(host string, remaining int)

	mu      sync.Mutex
	windows map[windowKey]*window
	low     map[string]bool // by host: OnLow was called
}

type windowKey struct {
	host string
	kind callKind
}

// window returns the window for calls of a kind. Uploads count against the window of the calls that
// begin them.
func (c *Congestion) window(host string, kind callKind) *window {
	if kind == uploadCall {
		kind = writeCall
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := windowKey{strings.ToLower(host), kind}
	w, ok := c.windows[key]
	if !ok {
		w = &window{size: initialWindow, ssthresh: maxWindow, maxSize: maxWindow}
		if kind == largeCall {
			w.size, w.maxSize, w.ignoreLatency = maxLargeWindow, maxLargeWindow, true
		}
		set(&c.windows, key, w)
	}
	return w
}

// observe adjusts the windows of a host to the outcome of a call that began at the given time.
func (c *Congestion) observe(w *window, req *http.Request, kind callKind, began time.Time, resp *http.Response) {
	if resp == nil {
		return
	}
	now := time.Now()
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		w.refused(began, now)
	case kind != uploadCall:
		w.answered(began, now)
	}
	if left, ok := remainingCalls(resp.Header); ok {
		c.setQuota(req.URL.Host, left)
	}
}

// setQuota notes how many calls a host has left for this client.
func (c *Congestion) setQuota(host string, left int) {
	w := c.window(host, readCall)
	if left > lowQuota {
		w.setMax(maxWindow)
		return
	}
	w.setMax(1)
	c.mu.Lock()
	first := !c.low[host]
	set(&c.low, host, true)
	c.mu.Unlock()
	if first && c.OnLowQuota != nil {
		c.OnLowQuota(host, left)
	}
}

// remainingCalls reads a ratelimit-remaining header, such as "76;w=21600".
func remainingCalls(h http.Header) (int, bool) {
	text, _, _ := strings.Cut(h.Get("Ratelimit-Remaining"), ";")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	return n, err == nil && n >= 0
}

// window is a congestion window, counted in calls of one kind to one host.
type window struct {
	mu            sync.Mutex
	size          float64 // calls that the host accepts at once
	ssthresh      float64 // slow start below, additive increase above (RFC 5681, section 3.1)
	maxSize       int     // bounds size, without changing it
	inFlight      int
	waiting       []chan struct{} // a channel is closed when its call may start
	reduced       time.Time       // when size was last halved
	ignoreLatency bool            // late answers are no reason to reduce size
	minRTT        time.Duration
	smoothedRTT   time.Duration
}

// capacity returns how many calls may be in flight now. The caller holds mu.
func (w *window) capacity() int { return max(1, min(int(w.size), w.maxSize)) }

// acquire waits until a call may start. Its caller must release the window later.
func (w *window) acquire(ctx context.Context) error {
	turn := w.enqueue()
	if turn == nil {
		return nil
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		w.cancel(turn)
		return context.Cause(ctx)
	}
}

// enqueue returns nil if a call may start, which then counts as in flight, or else the channel to
// wait for.
func (w *window) enqueue() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 && w.inFlight < w.capacity() {
		w.inFlight++
		return nil
	}
	turn := make(chan struct{})
	w.waiting = append(w.waiting, turn)
	return turn
}

// cancel ends a wait. If its turn has come already, it releases the window.
func (w *window) cancel(turn chan struct{}) {
	w.mu.Lock()
	i := slices.Index(w.waiting, turn)
	if i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
	}
	w.mu.Unlock()
	if i < 0 {
		w.release()
	}
}

// release ends a call.
func (w *window) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight--
	w.startWaiting()
}

// startWaiting starts as many waiting calls as the capacity allows. The caller holds mu.
func (w *window) startWaiting() {
	for len(w.waiting) > 0 && w.inFlight < w.capacity() {
		close(w.waiting[0])
		w.waiting = w.waiting[1:]
		w.inFlight++
	}
}

// setMax bounds the size.
func (w *window) setMax(maxSize int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.maxSize = maxSize
	w.startWaiting()
}

// answered adjusts the window after a call that the host accepted: it grows if at least half of it
// is in use, and is halved if calls take longer and longer.
func (w *window) answered(began, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rtt := now.Sub(began)
	if w.smoothedRTT == 0 {
		w.minRTT, w.smoothedRTT = rtt, rtt
	}
	w.minRTT = min(w.minRTT, rtt)
	w.smoothedRTT += (rtt - w.smoothedRTT) / 8 // RFC 6298, section 2
	switch {
	case !w.ignoreLatency && w.smoothedRTT > latencyFactor*w.minRTT+latencyMargin:
		if w.size > minLatencyWindow {
			w.halve(began, now)
		}
	case 2*w.inFlight < w.capacity() || w.size >= float64(w.maxSize):
	case w.size < w.ssthresh:
		w.size++
	default:
		w.size += 1 / w.size
	}
	w.startWaiting()
}

// refused reduces the window after a call that the host did not accept.
func (w *window) refused(began, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.halve(began, now)
}

// halve halves the size, unless it was halved after the call began. The caller holds mu.
func (w *window) halve(began, now time.Time) {
	if !began.After(w.reduced) {
		return
	}
	w.size = max(1, w.size/2)
	w.ssthresh, w.reduced = w.size, now
}
