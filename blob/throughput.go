package blob

import "time"

// throughput measures how fast bytes arrive, and how much of the time is spent on waiting for them.
type throughput struct {
	began  time.Time
	bytes  int64
	waited time.Duration
}

// sourceRate returns the rate in bytes per second of the time spent on waiting: what the source
// gives, however slow its reader is.
func (t *throughput) sourceRate() float64 {
	return float64(t.bytes) / max(t.waited, time.Microsecond).Seconds()
}

// rate returns the rate in bytes per second of all the time.
func (t *throughput) rate(now time.Time) float64 {
	return float64(t.bytes) / max(now.Sub(t.began), time.Microsecond).Seconds()
}

// waitShare returns the share of the time that was spent on waiting, 0 to 1.
func (t *throughput) waitShare(now time.Time) float64 {
	return float64(t.waited) / float64(max(now.Sub(t.began), time.Microsecond))
}
