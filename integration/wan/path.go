// Package wan is a long link between two network namespaces of this machine. TCP goes over it from end to end: unlike a
// proxy it accepts no connection itself, so that handshakes, slow start, windows, losses and retransmissions are the
// kernel's. It needs Linux, root and /dev/net/tun.
package wan

import "time"

// Path is what packets meet between the two ends.
type Path struct {
	RTT   time.Duration // half of it each way
	Rate  float64       // bytes a second in each direction; 0 is no limit
	Flow  float64       // the same for each TCP connection
	Loss  float64       // share of packets lost at random: 0.001 is one in a thousand
	Queue time.Duration // how long a packet may wait for its turn before it is dropped
	// Congestion is the congestion control of both ends, as net.ipv4.tcp_congestion_control names it. Empty is the
	// machine's.
	Congestion string
}

// Floor is the least time in which bytes pass at the rate of the path; 0 where it has none.
func (p Path) Floor(bytes int64) time.Duration {
	if p.Rate == 0 {
		return 0
	}
	return time.Duration(float64(bytes) / p.Rate * float64(time.Second))
}
