package blob

import "context"

const (
	// pieceSize is how many bytes of a range are read at a time: a record of TLS at most.
	pieceSize = 16 << 10
	// maxBuffered is how many bytes wait in buffers for all blobs of a source, and headroom how
	// much of that only the range has whose turn it is.
	maxBuffered = 6 << 20
	headroom    = 1 << 20
	// maxAhead is how many bytes may be requested beyond those that were read. What finds no buffer
	// waits in its connection.
	maxAhead = 32 << 20
)

// rangeBuffers are the pieces of memory in which bytes wait. They are used again: there are no more
// than had to wait at once. Its methods are called with the lock of Ranges held.
type rangeBuffers struct {
	used    int // bytes
	free    [][]byte
	waiting []*byteRange
}

// take returns a buffer for a range, nil if it has to wait for its turn.
func (b *rangeBuffers) take(g *byteRange) []byte {
	if !b.mayHave(g) {
		return nil
	}
	b.used += pieceSize
	if n := len(b.free); n > 0 {
		buf := b.free[n-1]
		b.free = b.free[:n-1]
		return buf
	}
	return make([]byte, pieceSize)
}

// mayHave reports whether a range may have a buffer now. The one that its reader waits for always
// may: so a blob never waits for another one.
func (b *rangeBuffers) mayHave(g *byteRange) bool {
	switch {
	case !g.isFirst():
		return b.used+pieceSize <= maxBuffered-headroom
	case len(g.pieces) > 0:
		return b.used+pieceSize <= maxBuffered
	}
	return true
}

// give takes a buffer back.
func (b *rangeBuffers) give(buf []byte) {
	b.used -= pieceSize
	b.free = append(b.free, buf[:pieceSize])
}

// serve gives buffers to ranges that wait, those first that their readers come to first.
func (b *rangeBuffers) serve() {
	for {
		best := -1
		for i, g := range b.waiting {
			if b.mayHave(g) && (best < 0 || g.ahead() < b.waiting[best].ahead()) {
				best = i
			}
		}
		if best < 0 {
			return
		}
		g := b.waiting[best]
		b.waiting = append(b.waiting[:best], b.waiting[best+1:]...)
		g.granted <- b.take(g)
	}
}

// forget takes a range out that no longer waits, and reports whether it still did.
func (b *rangeBuffers) forget(g *byteRange) bool {
	for i, other := range b.waiting {
		if other == g {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// buffer waits for a buffer.
func (s *Ranges) buffer(ctx context.Context, g *byteRange) ([]byte, error) {
	s.mu.Lock()
	buf := s.buffers.take(g)
	if buf == nil {
		s.buffers.waiting = append(s.buffers.waiting, g)
	}
	s.mu.Unlock()
	if buf != nil {
		return buf, nil
	}
	select {
	case buf = <-g.granted:
		return buf, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.buffers.forget(g) {
		s.buffers.give(<-g.granted)
		s.buffers.serve()
	}
	return nil, context.Cause(ctx)
}
