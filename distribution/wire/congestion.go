package wire

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// firstWindow is how many calls of a kind a host gets at once to begin with,
	// and mostWindow how many at the most.
	firstWindow = 16
	mostWindow  = 64
	// leastForLatency is where latency alone makes a window no smaller: it may
	// be the machine here that is slow.
	leastForLatency = 8
	// slower is how much more than the shortest a call takes on the average
	// where a host has too much to do: as long again, and lateBy.
	slower = 2
	lateBy = 200 * time.Millisecond
	// lowRemaining is from where on a quota of calls counts as running out.
	lowRemaining = 10
)

// Congestion knows how many calls at once each host takes, for each kind of
// call. It begins modestly and doubles with each round trip, until the host
// answers 429 or 503 or answers ever later; then the number is halved, and
// grows by one with each round trip from there (additive increase,
// multiplicative decrease: RFC 5681, 3.1). However many calls of one epoch are
// refused, the number is halved once: a call that was sent before does not say
// anything new.
//
// Where a host says in ratelimit-remaining that few calls are left (Docker
// Hub: "76;w=21600"), documents are read one at a time, so that no burst goes
// over it and what has begun can end.
//
// The zero value is ready. It must not be copied.
type Congestion struct {
	// OnLow is told once for each host that few calls are left there. Nil is not
	// told.
	OnLow func(host string, remaining int)
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	mu      sync.Mutex
	windows map[windowKey]*window
	low     map[string]bool
}

type windowKey struct {
	host string
	kind callKind
}

func (c *Congestion) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// window returns the window for calls of a kind; uploads are held against the
// one of the calls that begin them.
func (c *Congestion) window(host string, kind callKind) *window {
	if kind == uploadCall {
		kind = writeCall
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := windowKey{strings.ToLower(host), kind}
	w, ok := c.windows[key]
	if !ok {
		if c.windows == nil {
			c.windows = map[windowKey]*window{}
		}
		w = &window{size: firstWindow, steep: mostWindow, most: mostWindow}
		c.windows[key] = w
	}
	return w
}

// runningLow takes note of how many calls a host has left for us.
func (c *Congestion) runningLow(host string, left int) {
	w := c.window(host, readCall)
	if left > lowRemaining {
		w.bound(mostWindow)
		return
	}
	w.bound(1)
	c.mu.Lock()
	first := !c.low[host]
	if c.low == nil {
		c.low = map[string]bool{}
	}
	c.low[host] = true
	c.mu.Unlock()
	if first && c.OnLow != nil {
		c.OnLow(host, left)
	}
}

// remaining reads a ratelimit-remaining header, such as "76;w=21600".
func remaining(h http.Header) (int, bool) {
	text, _, _ := strings.Cut(h.Get("Ratelimit-Remaining"), ";")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	return n, err == nil && n >= 0
}

// window is how many calls of a kind a host takes at once.
type window struct {
	mu       sync.Mutex
	size     float64 // how many may be under way
	steep    float64 // below it the size grows by one with each answer, above by one with each round trip
	most     int     // the size is never taken for more
	under    int     // under way
	waiting  []chan struct{}
	shrunk   time.Time     // when the size was last reduced
	shortest time.Duration // the shortest wait for an answer
	usual    time.Duration // what it is on the average lately
}

// limit is how many calls may be under way now. The caller holds mu.
func (w *window) limit() int { return max(1, min(int(w.size), w.most)) }

// queue returns nil if there is room, which is taken then, or else what to
// wait for.
func (w *window) queue() chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 && w.under < w.limit() {
		w.under++
		return nil
	}
	turn := make(chan struct{})
	w.waiting = append(w.waiting, turn)
	return turn
}

// giveUp takes back a wait, or the room that it has got meanwhile.
func (w *window) giveUp(turn chan struct{}) {
	w.mu.Lock()
	i := slices.Index(w.waiting, turn)
	if i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
	}
	w.mu.Unlock()
	if i < 0 {
		w.leave()
	}
}

// leave ends a call.
func (w *window) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under--
	w.admit()
}

// admit lets in who waits, as far as there is room. The caller holds mu.
func (w *window) admit() {
	for len(w.waiting) > 0 && w.under < w.limit() {
		close(w.waiting[0])
		w.waiting = w.waiting[1:]
		w.under++
	}
}

// bound sets how large the size may be taken for.
func (w *window) bound(most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.most = most
	w.admit()
}

// answered lets the window grow after a call that went well, if it was any use,
// or shrinks it where calls take ever longer.
func (w *window) answered(began, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	took := now.Sub(began)
	if w.usual == 0 {
		w.shortest, w.usual = took, took
	}
	w.shortest = min(w.shortest, took)
	w.usual += (took - w.usual) / 8
	switch {
	case w.usual > slower*w.shortest+lateBy:
		if w.size > leastForLatency {
			w.halve(began, now)
		}
	case 2*w.under < w.limit() || w.size >= mostWindow: // what is not used need not grow
	case w.size < w.steep:
		w.size++
	default:
		w.size += 1 / w.size
	}
	w.admit()
}

// shrink reduces the window after a call that the host had no room for.
func (w *window) shrink(began, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.halve(began, now)
}

// halve does so once for all calls of an epoch. The caller holds mu.
func (w *window) halve(began, now time.Time) {
	if !began.After(w.shrunk) {
		return
	}
	w.size = max(1, w.size/2)
	w.steep, w.shrunk = w.size, now
}
