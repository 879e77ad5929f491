package blob

import (
	"math"
	"time"
)

const (
	// slowRate is the rate in bytes per second below which the connections of a source, together,
	// count as slow.
	slowRate = 25e6
	// minInterval is how long connections are measured at least, again and again. They must be slow
	// slowIntervals times in a row, and no longer get faster: a busy machine makes pauses, and TCP
	// begins slowly.
	minInterval   = 300 * time.Millisecond
	slowIntervals = 2
	stillRising   = 1.3
	// minWaitShare is the share of the time above which the source is the bottleneck: its readers
	// wait for it. minRangedShare is the same while more connections are tried.
	minWaitShare   = 0.75
	minRangedShare = 0.5
	// minLeft is how much time the blobs under way must need for the rest.
	minLeft = time.Second
	// firstFactor is how many times as many connections are tried first, at least firstLeast and at most
	// maxConnections. After that they are doubled, up to maxConnections. Each needs memory, and the
	// server's time: only sources that brought less than poorRate before have poorConnections.
	firstFactor     = 16
	firstLeast      = 16
	maxConnections  = 72
	poorConnections = 96
	poorRate        = 6.25e6
	// openedAtOnce is how many of them are opened in each round trip. TCP begins with the most that a
	// link may carry: many connections that begin together fill its queue, and lose packets.
	openedAtOnce = 5
	// minGain is how many times faster more connections must be. Before they are measured for a
	// period, TCP finds out how fast they may be. Both take some round trips, and a time at least.
	minGain     = 1.25
	settleTrips = 5
	settleLeast = 400 * time.Millisecond
	periodTrips = 10
	periodLeast = 800 * time.Millisecond
	// A link that is full brings the same in each interval, and nothing more over more connections: the rise is ended in
	// its first interval after fullTrips, before all are opened, and counts as fullTries of those that bring nothing.
	steadyWithin = 0.1
	fullTrips    = 6
	fullGain     = 1.1
	fullTries    = 3
	// retryAfter is for how long more connections are not tried again, for each time that they have
	// brought nothing, unless one for each blob is below this share of what they have brought, for so many intervals.
	retryAfter     = 5 * time.Second
	stillFast      = 0.7
	againIntervals = 4
)

// sourceState is what the readers of a source see in an interval.
type sourceState struct {
	readers int           // blobs
	left    int64         // bytes of them
	waited  time.Duration // of all readers together
}

// rangeControl decides over how many connections the blobs of a source are read. It keeps no time
// itself.
type rangeControl struct {
	limit   int           // for all blobs together; 0 is one for each blob
	most    int           // that limit may become
	before  int           // the limit before the last rise
	had     int           // how many connections there were before that
	rising  bool          // more connections are being tried
	gained  bool          // the first of them have brought more
	steady  bool          // the last two intervals of one for each blob were alike
	tries   int           // how many times more have brought nothing
	latency time.Duration // the shortest time that a call has taken to be answered

	began   time.Time // of the interval
	bytes   int64     // in the interval
	rate    float64   // before the last rise; of the last interval if there was none
	slow    int       // intervals in a row
	changed time.Time // when the limit was changed
	tried   tally     // of more connections
	best    float64   // the rate of more connections that were given back
}

func (c *rangeControl) noteLatency(d time.Duration) {
	if c.latency == 0 || d < c.latency {
		c.latency = d
	}
}

// restart begins an interval.
func (c *rangeControl) restart(now time.Time) { c.began, c.bytes = now, 0 }

// due reports whether an interval has ended.
func (c *rangeControl) due(now time.Time) bool {
	return now.Sub(c.began) >= max(minInterval, c.latency/2)
}

// judge ends an interval.
func (c *rangeControl) judge(now time.Time, s sourceState) {
	took := now.Sub(c.began)
	rate := float64(c.bytes) / took.Seconds()
	share := float64(s.waited) / float64(took) / float64(max(s.readers, 1))
	c.restart(now)
	switch {
	case c.limit == 0:
		c.judgeOne(now, s, rate, share)
	case c.rising && share >= minRangedShare:
		c.judgeRise(now, rate, took)
	}
}

// judgeOne tries more connections where one for each blob is slow.
func (c *rangeControl) judgeOne(now time.Time, s sourceState, rate, share float64) {
	given := now.Sub(c.changed) < time.Duration(c.tries)*retryAfter && rate > stillFast*c.best
	if rate >= slowRate || share < minWaitShare || rate > stillRising*c.rate || given {
		c.slow = 0
	} else {
		c.slow++
	}
	c.steady = math.Abs(rate-c.rate) <= steadyWithin*rate
	c.rate = rate
	wanted := slowIntervals
	if c.tries > 0 {
		wanted = againIntervals
	}
	if c.slow >= wanted && float64(s.left) >= max(rate*minLeft.Seconds(), LargeSize) {
		c.most = maxConnections
		if rate < poorRate {
			c.most = poorConnections
		}
		c.raise(now, s.readers, max(firstLeast, firstFactor*s.readers))
	}
}

// raise tries more connections than there are.
func (c *rangeControl) raise(now time.Time, had, limit int) {
	c.had, c.before, c.limit, c.changed = had, c.limit, min(limit, c.most), now
	c.rising, c.gained, c.tried = c.limit > c.before, false, tally{}
}

// connections returns how many connections there may be now.
func (c *rangeControl) connections(now time.Time) int {
	if !c.rising || c.latency == 0 {
		return c.limit
	}
	trips := int(now.Sub(c.changed) / c.latency)
	return min(c.limit, c.had+openedAtOnce*(trips+1))
}

// opening returns for how long the connections of a rise are opened.
func (c *rangeControl) opening() time.Duration {
	return time.Duration((c.limit-c.had)/openedAtOnce) * c.latency
}

// judgeRise goes on where more connections have brought more, and else goes back.
func (c *rangeControl) judgeRise(now time.Time, rate float64, took time.Duration) {
	began := now.Sub(c.changed) - took // the interval, after the rise
	if c.steady && c.before == 0 && !c.gained && began >= fullTrips*c.latency {
		if rate < fullGain*c.rate {
			c.giveBack(now, c.rate, fullTries)
			return
		}
		c.gained = true
	}
	if began < max(settleLeast, settleTrips*c.latency+c.opening()*3/2) {
		return
	}
	c.tried.add(rate, took)
	if c.tried.took < max(periodLeast, periodTrips*c.latency) {
		return
	}
	if rate = c.tried.rate(); rate >= minGain*c.rate {
		c.rate = rate
		c.raise(now, c.limit, 2*c.limit)
		return
	}
	c.giveBack(now, rate, 1)
}

// giveBack goes back to the connections before, whose rise counts as so many tries.
func (c *rangeControl) giveBack(now time.Time, rate float64, tries int) {
	c.limit, c.rising, c.changed, c.best = c.before, false, now, rate
	if c.limit == 0 {
		c.tries += tries
	}
}

// tally is an average over several intervals.
type tally struct {
	bytes float64
	took  time.Duration
}

func (t *tally) add(rate float64, took time.Duration) {
	t.bytes += rate * took.Seconds()
	t.took += took
}

// rate returns bytes per second.
func (t *tally) rate() float64 { return t.bytes / t.took.Seconds() }

// rangeSize returns how many bytes a connection brings in some round trips.
func (c *rangeControl) rangeSize() int64 {
	limit := int64(max(c.limit, 1))
	n := int64(c.rate / float64(limit) * (rangeTrips * c.latency).Seconds())
	return max(minRange, min(n, maxRange, maxUnread/limit))
}
