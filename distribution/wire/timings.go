package wire

import "time"

// Timings are the phases of a call, in their order. Their sum is its duration. A phase that did not
// occur is zero.
type Timings struct {
	Blocked time.Duration // waiting for a connection
	DNS     time.Duration // looking up the name
	Connect time.Duration // TCP, without TLS
	TLS     time.Duration // handshake
	Send    time.Duration // writing the request with its body
	Wait    time.Duration // to the first byte of the response
	Receive time.Duration // reading the response with its body
}

// timestamps are the events of a call, zero for what has not happened.
type timestamps struct {
	start     time.Time
	dnsStart  time.Time
	connect   time.Time // the first attempt to connect
	connected time.Time // end of the last attempt
	tlsStart  time.Time
	gotConn   time.Time
	wrote     time.Time // the request
	firstByte time.Time // of the response
	end       time.Time

	dns, tls time.Duration // sums of all attempts
}

// timings returns the phases. If the response came before the request was written, Send ends with
// the first byte of the response.
func (s *timestamps) timings() Timings {
	gotConn := within(s.gotConn, s.start, s.end)
	firstByte := within(s.firstByte, gotConn, s.end)
	wrote := within(s.wrote, gotConn, firstByte)
	t := Timings{
		DNS: s.dns, TLS: s.tls,
		Send: wrote.Sub(gotConn), Wait: firstByte.Sub(wrote), Receive: s.end.Sub(firstByte),
	}
	if !s.connected.IsZero() {
		t.Connect = max(0, s.connected.Sub(s.connect))
	}
	t.Blocked = gotConn.Sub(s.start) - t.DNS - t.Connect - t.TLS
	if t.Blocked < 0 { // the phases are sums over connections that were tried at the same time
		t.DNS, t.Connect, t.TLS, t.Blocked = 0, 0, 0, gotConn.Sub(s.start)
	}
	return t
}

// within returns t limited to the time between from and to, or to if t is zero.
func within(t, from, to time.Time) time.Time {
	switch {
	case t.IsZero() || t.After(to):
		return to
	case t.Before(from):
		return from
	}
	return t
}
