package wan

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// packetOf is a packet of a connection from a port, n bytes long.
func packetOf(port uint16, n int) []byte {
	p := make([]byte, n)
	p[0] = 0x45
	binary.BigEndian.PutUint16(p[20:], port)
	return p
}

// A packet arrives after half of the round trip, and after what was sent before it.
func TestDelayAndRate(t *testing.T) {
	var d direction
	d.set(Path{RTT: 100 * time.Millisecond, Rate: 1e6, Queue: 10 * time.Millisecond}, 1)
	now := time.Unix(0, 0)
	for i := range 5 {
		due, ok := d.admit(packetOf(1, 1000), now)
		if want := now.Add(50*time.Millisecond + time.Duration(i+1)*time.Millisecond); !ok || !due.Equal(want) {
			t.Errorf("packet %d: %v, %v, want %v", i, due, ok, want)
		}
	}
	for range 6 {
		d.admit(packetOf(1, 1000), now)
	}
	if _, ok := d.admit(packetOf(1, 1000), now); ok {
		t.Error("the queue has no end")
	}
	if _, ok := d.admit(packetOf(1, 1000), now.Add(5*time.Millisecond)); !ok {
		t.Error("the queue does not empty")
	}
}

// Each connection has a rate of its own.
func TestFlow(t *testing.T) {
	var d direction
	d.set(Path{Flow: 1e6, Queue: time.Second}, 1)
	now := time.Unix(0, 0)
	for i := range 3 {
		for port := range uint16(3) {
			due, ok := d.admit(packetOf(port, 1000), now)
			if want := now.Add(time.Duration(i+1) * time.Millisecond); !ok || !due.Equal(want) {
				t.Errorf("packet %d of port %d: %v, %v, want %v", i, port, due, ok, want)
			}
		}
	}
}

// Losses are as many as asked for, and the same for the same seed.
func TestLoss(t *testing.T) {
	lost := func(seed uint64) (which []int) {
		var d direction
		d.set(Path{Loss: 0.01}, seed)
		for i := range 10_000 {
			if _, ok := d.admit(packetOf(1, 100), time.Unix(0, 0)); !ok {
				which = append(which, i)
			}
		}
		return which
	}
	a, b, c := lost(1), lost(1), lost(2)
	if len(a) < 60 || len(a) > 140 || a[0] != b[0] || len(a) != len(b) || a[0] == c[0] && a[1] == c[1] {
		t.Errorf("%d, %d and %d of 10000 are lost", len(a), len(b), len(c))
	}
}

// TCP goes over the link, and a handshake takes a round trip.
func TestLink(t *testing.T) {
	l, err := New(t)
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	const rtt = 40 * time.Millisecond
	if err := l.Set(Path{RTT: rtt, Congestion: "reno"}, 1); err != nil {
		t.Fatal(err)
	}
	var at net.Listener
	if err := l.Far.do(func() error { at, err = net.Listen("tcp4", l.Far.Address+":0"); return err }); err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	go func() {
		if conn, err := at.Accept(); err == nil {
			_, _ = io.WriteString(conn, "hello")
			conn.Close()
		}
	}()
	began := time.Now()
	conn, err := l.Near.Dial(t.Context(), "tcp4", at.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if took := time.Since(began); took < rtt {
		t.Errorf("the handshake took %v", took)
	}
	if got, err := io.ReadAll(conn); string(got) != "hello" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}
