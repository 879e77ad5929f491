package blob

import "time"

const (
	// minRange and maxRange are how many bytes a range has, in steps of rangeStep; maxRange where the
	// number of ranges is fixed.
	minRange  = 64 << 10
	maxRange  = 512 << 10
	rangeStep = 32 << 10
	// The first range of a connection has what connections have brought, on average, in rangeTrips round
	// trips, and no more than lets all of them have maxUnread bytes together.
	rangeTrips = 10
	maxUnread  = 16 << 20
	// A range is late if its reader has waited for it for lateTrips round trips, and for lateLeast.
	lateTrips = 2
	lateLeast = 150 * time.Millisecond
	// leastRest is how many bytes the one connection of a blob still reads when ranges begin.
	leastRest = 256 << 10
)

// rangeConnection is a connection over which ranges are read, one after the other.
type rangeConnection struct {
	busy bool
	size int64 // bytes of its next range
	slow bool  // one of its ranges has been late
}

// end fits the next range to how the last one came. A connection that has lost a packet is slow for
// some round trips, and its range holds up all that is behind it: the smaller, the shorter.
func (c *rangeConnection) end(late bool) {
	c.busy = false
	switch {
	case late:
		c.size, c.slow = max(minRange, c.size/2), true
	case c.slow:
		c.size = min(maxRange, c.size+rangeStep)
	default:
		c.size = min(maxRange, 2*c.size)
	}
}

// connect returns the number of a connection that no range has now.
func (s *Ranges) connect() int {
	for i := range s.connections {
		if !s.connections[i].busy {
			s.connections[i].busy = true
			return i
		}
	}
	s.connections = append(s.connections, rangeConnection{busy: true, size: s.control.rangeSize()})
	return len(s.connections) - 1
}

// disconnect takes back the connection of a range that has ended.
func (s *Ranges) disconnect(g *byteRange) {
	late := max(lateLeast, lateTrips*s.control.latency)
	s.connections[g.connection].end(g.waitedFor(time.Now()) > late)
}

// rangeSize returns how many bytes the next range of a connection has: less at the end, so that all
// connections end at about the same time.
func (s *Ranges) rangeSize(connection int) int64 {
	if s.N > 1 {
		return maxRange
	}
	var left int64
	for _, r := range s.readers {
		left += r.size - r.next
	}
	n := min(s.connections[connection].size, left/int64(max(s.control.limit, 1)))
	return max(n/rangeStep*rangeStep, minRange)
}
