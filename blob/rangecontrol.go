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
	slowIntervals = 3
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
	// Where the rate is steady, to within steadyWithin, the link may be full, or the server slows each connection. There
	// one more for each blob is tried beside it, also above slowRate, and measured for trialTrips once they are answered.
	// If all do not bring trialGain times as much together, nothing has changed for the blobs.
	steadyWithin    = 0.03
	steadyIntervals = 2
	steadyRate      = 40e6
	trialTrips      = 5
	trialGain       = 1.1
	// retryAfter is for how long more connections are not tried again when they have brought nothing, twice as long each
	// time, unless one for each blob is below this share of what they have brought, for so many intervals.
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
	trial   bool          // only a few, beside one for each blob
	retry   time.Duration // for which more connections are not tried again
	latency time.Duration // the shortest time that a call has taken to be answered
	longest time.Duration // the longest one, with the handshakes of a connection

	began      time.Time     // of the interval
	bytes      int64         // in the interval
	rate       float64       // before the last rise; of the last interval if there was none
	slow       int           // slow intervals in a row
	steady     int           // steady ones
	changed    time.Time     // when the limit was changed
	unanswered int           // so many calls of more connections
	answered   time.Time     // when the last of these was
	rest       time.Duration // for which one connection for each blob goes on beside more of them
	tried      tally         // of more connections
	best       float64       // the rate of more connections that were given back
}

// noteLatency notes that a call was answered, after d.
func (c *rangeControl) noteLatency(now time.Time, d time.Duration) {
	if c.unanswered--; c.unanswered == 0 {
		c.answered = now
	}
	c.longest = max(c.longest, d)
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
	case share < minRangedShare:
	case c.trial:
		c.judgeTrial(now, rate, took)
	case c.rising:
		c.judgeRise(now, rate, took)
	}
}

// judgeOne tries more connections where one for each blob is slow.
func (c *rangeControl) judgeOne(now time.Time, s sourceState, rate, share float64) {
	given := now.Sub(c.changed) < c.retry && rate > stillFast*c.best
	waits := share >= minWaitShare && !given
	c.slow = countIf(c.slow, waits && rate < slowRate && rate <= stillRising*c.rate)
	c.steady = countIf(c.steady, waits && rate < steadyRate && math.Abs(rate-c.rate) <= steadyWithin*rate)
	c.rate = rate
	wanted := slowIntervals
	if c.retry > 0 {
		wanted = againIntervals
	}
	worthIt := float64(s.left) >= max(rate*minLeft.Seconds(), LargeSize)
	if worthIt && (c.slow >= wanted || c.steady >= steadyIntervals) {
		c.begin(now, s.readers)
	}
}

// begin tries more connections than one for each blob.
func (c *rangeControl) begin(now time.Time, readers int) {
	c.most = maxConnections
	if c.rate < poorRate {
		c.most = poorConnections
	}
	c.trial = c.steady > 0
	if c.best > 0 {
		c.trial = c.rate > stillFast*c.best
	}
	c.slow, c.steady = 0, 0
	c.rest = c.longest + trialTrips*c.latency + minInterval*3/2
	if !c.trial {
		c.rest /= 2
	}
	c.raise(now, readers, max(firstLeast, firstFactor*readers))
}

// countIf returns how many intervals in a row there are with this one.
func countIf(before int, is bool) int {
	if is {
		return before + 1
	}
	return 0
}

// raise tries more connections than there are.
func (c *rangeControl) raise(now time.Time, had, limit int) {
	c.had, c.before, c.limit, c.changed = had, c.limit, min(limit, c.most), now
	c.rising, c.tried = c.limit > c.before, tally{}
	c.unanswered = had
}

// connections returns how many connections there may be now.
func (c *rangeControl) connections(now time.Time) int {
	switch {
	case c.trial:
		return min(c.limit, 2*c.had)
	case !c.rising || c.latency == 0:
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
	c.giveBack(now, rate)
}

// judgeTrial goes on with the rise if its first connections have brought more, and ends before the connections
// that there were.
func (c *rangeControl) judgeTrial(now time.Time, rate float64, took time.Duration) {
	if c.unanswered <= 0 && now.Sub(c.answered) >= took/2 {
		c.tried.add(rate, took)
	}
	measured := c.tried.took >= max(trialTrips*c.latency, 1)
	switch last := now.Sub(c.changed)+took > c.rest; {
	case measured && c.tried.rate() >= trialGain*c.rate:
		c.trial, c.had, c.changed, c.tried = false, 2*c.had, now, tally{}
	case measured || last:
		c.giveBack(now, c.rate)
	}
}

// giveBack goes back to the connections before.
func (c *rangeControl) giveBack(now time.Time, rate float64) {
	c.limit, c.rising, c.trial, c.changed, c.best = c.before, false, false, now, rate
	if c.limit == 0 {
		c.retry = max(retryAfter, 2*c.retry)
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
