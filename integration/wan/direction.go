package wan

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"
)

// direction decides about the packets that go one way.
type direction struct {
	mu    sync.Mutex
	path  Path
	rand  *rand.Rand
	free  time.Time          // when the link has sent all it has taken
	flows map[flow]time.Time // the same for each TCP connection
}

// flow is a TCP connection's addresses and ports.
type flow [12]byte

// set begins anew on another path. The losses are those of seed, so that runs can be repeated.
func (d *direction) set(p Path, seed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.path, d.rand = p, rand.New(rand.NewPCG(seed, 1))
	d.free, d.flows = time.Time{}, map[flow]time.Time{}
}

// admit takes a packet of IPv4 that comes at now, and says when it arrives; ok is false for one that does not.
func (d *direction) admit(packet []byte, now time.Time) (due time.Time, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.path.Loss > 0 && d.rand.Float64() < d.path.Loss {
		return time.Time{}, false
	}
	sent := now
	if d.path.Rate > 0 {
		if sent, ok = d.pass(d.free, now, now, len(packet), d.path.Rate); !ok {
			return time.Time{}, false
		}
		d.free = sent
	}
	if d.path.Flow > 0 {
		f := flowOf(packet)
		if sent, ok = d.pass(d.flows[f], sent, now, len(packet), d.path.Flow); !ok {
			return time.Time{}, false
		}
		d.flows[f] = sent
	}
	return sent.Add(d.path.RTT / 2), true
}

// pass sends n bytes at rate once the sender is free, not before ready. A packet that came at now may not wait longer than
// the queue is.
func (d *direction) pass(free, ready, now time.Time, n int, rate float64) (sent time.Time, ok bool) {
	start := ready
	if free.After(start) {
		start = free
	}
	if start.Sub(now) > d.path.Queue {
		return time.Time{}, false
	}
	return start.Add(time.Duration(float64(n) / rate * float64(time.Second))), true
}

// flowOf reads the addresses and ports of a packet of IPv4.
func flowOf(packet []byte) (f flow) {
	header := int(packet[0]&15) * 4
	copy(f[:8], packet[12:20])
	if len(packet) >= header+4 {
		binary.BigEndian.PutUint32(f[8:], binary.BigEndian.Uint32(packet[header:]))
	}
	return f
}
