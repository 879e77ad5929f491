package wan

import (
	"container/heap"
	"io"
	"time"
)

const (
	// mtu is how long a packet may be, in bytes.
	mtu = 1500
	// headerSize is the least length of a packet of IPv4.
	headerSize = 20
	// arriving is how many packets may wait for the goroutine that delivers them: what a fast link has under way.
	arriving = 1 << 14
)

// packet is one that is under way.
type packet struct {
	bytes []byte
	due   time.Time
	n     uint64 // which came before which
}

// carry takes packets from in and writes them to out when they are due, until in ends.
func (d *direction) carry(in io.Reader, out io.Writer) {
	under := make(chan packet, arriving)
	free := make(chan []byte, arriving) // buffers that were used before
	go deliver(under, free, out)
	defer close(under)
	buf := make([]byte, mtu)
	for count := uint64(0); ; count++ {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		if n < headerSize || buf[0]>>4 != 4 {
			continue
		}
		due, ok := d.admit(buf[:n], time.Now())
		if !ok {
			continue
		}
		under <- packet{buf[:n], due, count}
		select {
		case buf = <-free:
			buf = buf[:mtu]
		default:
			buf = make([]byte, mtu)
		}
	}
}

// deliver writes packets when they are due, whatever order they came in.
func deliver(under <-chan packet, free chan<- []byte, out io.Writer) {
	var waiting byDue
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for now := time.Now(); len(waiting) > 0 && !now.Before(waiting[0].due); now = time.Now() {
			p := heap.Pop(&waiting).(packet)
			_, _ = out.Write(p.bytes) // an end that is gone receives nothing
			select {
			case free <- p.bytes:
			default:
			}
		}
		var due <-chan time.Time
		if len(waiting) > 0 {
			timer.Reset(time.Until(waiting[0].due))
			due = timer.C
		}
		select {
		case p, more := <-under:
			if !more {
				return
			}
			heap.Push(&waiting, p)
			waiting.drain(under)
		case <-due:
		}
	}
}

// byDue is a heap of packets.
type byDue []packet

// drain adds what has come, without waiting.
func (q *byDue) drain(under <-chan packet) {
	for range len(under) {
		p, more := <-under
		if !more {
			return
		}
		heap.Push(q, p)
	}
}

// Len implements heap.Interface.
func (q byDue) Len() int { return len(q) }

// Less implements heap.Interface. Packets that are due together leave in the order in which they came.
func (q byDue) Less(i, j int) bool {
	return q[i].due.Before(q[j].due) || q[i].due.Equal(q[j].due) && q[i].n < q[j].n
}

// Swap implements heap.Interface.
func (q byDue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *byDue) Push(x any) { *q = append(*q, x.(packet)) }

// Pop implements heap.Interface.
func (q *byDue) Pop() any {
	p := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return p
}
