package wire

import "time"

// Timings are the phases of a call, one after the other; together they are its
// duration. A phase that did not take place is zero.
type Timings struct {
	Blocked time.Duration // waiting for a connection
	DNS     time.Duration // looking up the name
	Connect time.Duration // TCP, without TLS
	TLS     time.Duration // handshake
	Send    time.Duration // writing the request with its body
	Wait    time.Duration // to the first byte of the answer
	Receive time.Duration // reading the answer with its body
}

// clock has the moments of a call, zero for what has not happened.
type clock struct {
	start     time.Time
	looking   time.Time // for the name's addresses
	connect   time.Time // the first attempt to connect
	connected time.Time // the last one's end
	shaking   time.Time // hands, for TLS
	got       time.Time // a connection
	wrote     time.Time // the request
	first     time.Time // byte of the answer
	end       time.Time

	dns, tls time.Duration
}

// timings returns the phases. An answer may come before the request is written
// out; then that is where sending ends.
func (c *clock) timings() Timings {
	got := within(c.got, c.start, c.end)
	first := within(c.first, got, c.end)
	wrote := within(c.wrote, got, first)
	t := Timings{DNS: c.dns, TLS: c.tls, Send: wrote.Sub(got), Wait: first.Sub(wrote), Receive: c.end.Sub(first)}
	if !c.connected.IsZero() {
		t.Connect = max(0, c.connected.Sub(c.connect))
	}
	t.Blocked = got.Sub(c.start) - t.DNS - t.Connect - t.TLS
	if t.Blocked < 0 { // they were of several connections that were tried side by side
		t = Timings{Blocked: got.Sub(c.start), Send: t.Send, Wait: t.Wait, Receive: t.Receive}
	}
	return t
}

// within returns a moment that lies between two others; to in place of one
// that has not come.
func within(m, from, to time.Time) time.Time {
	switch {
	case m.IsZero() || m.After(to):
		return to
	case m.Before(from):
		return from
	}
	return m
}
