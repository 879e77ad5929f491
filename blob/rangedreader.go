package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// rangedReader reads a blob: first over one connection, if it has one, and from where that ends in
// ranges. If a range fails, Read returns its error. All fields from offset on are guarded by the
// lock of source.
type rangedReader struct {
	ctx       context.Context
	cancel    context.CancelCauseFunc
	source    *Ranges
	openOne   Open
	openRange OpenRange
	failures  *rangeFailures
	size      int64 // of the blob

	offset  int64         // of the next byte
	noted   int64         // offset at the end of the last interval
	rate    float64       // bytes per second in it
	one     io.ReadCloser // the one connection
	oneEnd  int64         // up to which it is read
	pending int           // bytes that a Read of it may bring
	next    int64         // offset of the next range to request
	ranges  []*byteRange  // that were requested, in order
	open    int           // those of them that have a connection
	failed  bool          // a range has failed, so that no more are requested
	closed  bool

	came      chan struct{} // full when something has come that Read may wait for
	waitSince time.Time     // zero while Read does not wait
	waited    time.Duration
}

func newRangedReader(ctx context.Context, source *Ranges, offset, size int64) *rangedReader {
	ctx, cancel := context.WithCancelCause(ctx)
	return &rangedReader{
		ctx: ctx, cancel: cancel, source: source, size: size, offset: offset, noted: offset, next: offset,
		came: make(chan struct{}, 1),
	}
}

// Read implements io.Reader.
func (r *rangedReader) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, one, err := r.advance(b)
		switch {
		case err != nil || n > 0 && one == nil:
			return n, err
		case one != nil:
			return r.readOne(one, b[:n])
		}
		select {
		case <-r.came:
		case <-r.ctx.Done():
			return 0, context.Cause(r.ctx)
		}
	}
}

// advance returns what is there: n bytes in b, or a connection of which n bytes may be read. If it
// returns neither, Read has to wait.
func (r *rangedReader) advance(b []byte) (n int, one io.ReadCloser, err error) {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	r.endWait()
	for {
		switch {
		case r.closed:
			return 0, nil, errClosed
		case r.one != nil && r.oneEnd == r.size:
			return r.beginOne(len(b)), r.one, nil
		case r.one != nil && r.offset < r.oneEnd:
			return r.beginOne(int(min(int64(len(b)), r.oneEnd-r.offset))), r.one, nil
		case r.offset == r.size:
			return 0, nil, io.EOF
		}
		r.endOne()
		if n, err := r.copyPieces(b); n > 0 || err != nil {
			return n, nil, err
		}
		if len(r.ranges) > 0 {
			r.waitSince = time.Now()
			return 0, nil, nil
		}
		if err := r.goOn(); err != nil {
			return 0, nil, err
		}
	}
}

// beginOne notes that n bytes of the one connection are about to be read.
func (r *rangedReader) beginOne(n int) int {
	r.pending, r.waitSince = n, time.Now()
	return n
}

// readOne reads from the one connection.
func (r *rangedReader) readOne(one io.Reader, b []byte) (int, error) {
	n, err := one.Read(b)
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	r.endWait()
	r.pending = 0
	r.offset += int64(n)
	r.source.note(n)
	if err == io.EOF && r.oneEnd < r.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// endOne closes the one connection at its end, if there is one.
func (r *rangedReader) endOne() {
	if r.one == nil {
		return
	}
	r.one.Close()
	r.one = nil
	r.source.open--
	r.source.request()
	r.source.buffers.serve()
}

// goOn requests the next bytes: a range, even if there are as many connections as there may be, or
// all that is left over one connection, where no more ranges are to be requested. The lock is not
// held while that is opened.
func (r *rangedReader) goOn() error {
	if r.source.wantsRanges() {
		r.request()
		return nil
	}
	r.next = r.size
	r.source.mu.Unlock()
	one, err := r.openOne(r.ctx, r.offset)
	r.source.mu.Lock()
	switch {
	case err != nil:
		return err
	case r.closed:
		one.Close()
		return errClosed
	}
	r.one, r.oneEnd = one, r.size
	r.source.open++
	if r.source.wantsRanges() { // since others have become slow meanwhile
		r.split()
	}
	return nil
}

// split ends the one connection further on; what is behind that is read in ranges.
func (r *rangedReader) split() {
	rest := int64(r.rate * r.source.control.rest.Seconds())
	end := r.offset + int64(r.pending) + max(leastRest, rest)
	if r.one != nil && r.oneEnd == r.size && r.size-end >= leastRest && !r.failures.tooMany() {
		r.oneEnd, r.next = end, end
	}
}

// join undoes split, while the one connection is there. Ranges that were requested come to their ends, so that
// their connections can be used again.
func (r *rangedReader) join() {
	if r.one == nil || r.oneEnd == r.size {
		return
	}
	for _, g := range r.ranges {
		g.drop()
	}
	r.ranges, r.failed, r.oneEnd, r.next = nil, false, r.size, r.size
	r.source.buffers.serve()
}

// requested returns how many bytes were requested in ranges and not read.
func (r *rangedReader) requested() int64 {
	if len(r.ranges) == 0 {
		return 0
	}
	return r.next - max(r.offset, r.ranges[0].offset)
}

// endWait ends the time that Read has waited for the source.
func (r *rangedReader) endWait() {
	if !r.waitSince.IsZero() {
		took := time.Since(r.waitSince)
		r.waited += took
		if len(r.ranges) > 0 && r.ranges[0].isFirst() {
			r.ranges[0].waited += took
		}
		r.waitSince = time.Time{}
	}
}

// takeWaited returns for how long Read has waited since it was asked last.
func (r *rangedReader) takeWaited(now time.Time) time.Duration {
	waited := r.waited
	r.waited = 0
	if !r.waitSince.IsZero() {
		waited += now.Sub(r.waitSince)
		r.waitSince = now
	}
	return waited
}

// copyPieces copies what has come of the ranges whose turn it is.
func (r *rangedReader) copyPieces(b []byte) (n int, err error) {
	for n < len(b) && len(r.ranges) > 0 {
		g := r.ranges[0]
		if len(g.pieces) > 0 {
			n += r.copyPiece(g, b[n:])
			continue
		}
		if g.err != nil && n == 0 {
			r.failures.add()
			return 0, g.err
		}
		if g.err != nil || !g.done {
			break
		}
		r.ranges = r.ranges[1:]
		r.source.buffers.serve() // the next range is the first now
	}
	r.offset += int64(n)
	if n > 0 {
		r.source.request()
	}
	return n, nil
}

// copyPiece copies from the first piece of a range.
func (r *rangedReader) copyPiece(g *byteRange, b []byte) int {
	piece := g.pieces[0]
	n := copy(b, piece[g.read:])
	if g.read += n; g.read == len(piece) {
		g.pieces, g.read = g.pieces[1:], 0
		r.source.buffers.give(piece)
		r.source.buffers.serve()
	}
	return n
}

// request requests a range.
func (r *rangedReader) request() {
	connection := r.source.connect()
	n := min(r.source.rangeSize(connection), r.size-r.next)
	if r.size-r.next-n < minRange {
		n = r.size - r.next
	}
	g := &byteRange{reader: r, offset: r.next, size: n, connection: connection, granted: make(chan []byte, 1)}
	r.ranges, r.next = append(r.ranges, g), r.next+n
	r.open++
	r.source.open++
	go g.run()
}

// wake lets a Read that waits look again.
func (r *rangedReader) wake() {
	select {
	case r.came <- struct{}{}:
	default:
	}
}

var errReaderClosed = errors.New("blob: ranges are read after close")

// Close implements io.Closer. It cancels the ranges in flight.
func (r *rangedReader) Close() error {
	r.cancel(errReaderClosed)
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed, r.failed = true, true
	for _, g := range r.ranges {
		g.drop()
	}
	r.ranges = nil
	var err error
	if r.one != nil {
		err = r.one.Close()
		r.one = nil
		r.source.open--
	}
	r.source.remove(r)
	r.source.buffers.serve()
	return err
}

// byteRange is a range of a blob that was requested. All fields from pieces on are guarded by the
// lock of the reader's source.
type byteRange struct {
	reader       *rangedReader
	offset, size int64
	connection   int
	granted      chan []byte // a buffer that it has waited for

	pieces [][]byte      // that have come and were not read
	read   int           // bytes of the first of them that were
	waited time.Duration // of its reader, for it
	done   bool          // nothing more comes
	unused bool          // nobody reads it any more
	err    error         // why, if it ended early
}

// isFirst reports whether the reader has come to the range.
func (g *byteRange) isFirst() bool {
	r := g.reader
	return r.one == nil && len(r.ranges) > 0 && r.ranges[0] == g
}

// waitedFor returns for how long its reader has waited for it.
func (g *byteRange) waitedFor(now time.Time) time.Duration {
	if g.isFirst() && !g.reader.waitSince.IsZero() {
		return g.waited + now.Sub(g.reader.waitSince)
	}
	return g.waited
}

// ahead returns how many bytes the reader has to read before it comes to the range.
func (g *byteRange) ahead() int64 { return g.offset - g.reader.offset }

// run fetches the range.
func (g *byteRange) run() {
	err := g.fetch()
	r := g.reader
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	g.done = true
	if err != nil && !g.unused {
		r.failed = true
		g.err = fmt.Errorf("bytes %d-%d: %w", g.offset, g.offset+g.size-1, err)
	}
	if errors.Is(err, errNoGain) || errors.Is(err, errors.ErrUnsupported) {
		r.source.drop()
	}
	r.open--
	r.source.open--
	r.source.disconnect(g)
	r.source.request()
	r.wake()
}

func (g *byteRange) fetch() error {
	r := g.reader
	began := time.Now()
	body, costly, err := r.openRange(r.ctx, Range{Offset: g.offset, Size: g.size, Connection: g.connection})
	if err != nil {
		return err
	}
	defer body.Close()
	if costly {
		return errNoGain
	}
	r.source.noteLatency(time.Since(began))
	for left := g.size; left > 0; {
		buf, err := r.source.buffer(r.ctx, g)
		if err != nil {
			return err
		}
		n, err := io.ReadFull(body, buf[:min(left, pieceSize)])
		g.add(buf[:n])
		if err != nil {
			return err
		}
		left -= int64(n)
	}
	if hasMore(body) { // this also reads the body to its end, so that its connection can be reused
		return errors.New("the source sent more bytes than were requested")
	}
	return nil
}

// add adds a piece that has come.
func (g *byteRange) add(piece []byte) {
	s := g.reader.source
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.unused || len(piece) == 0 {
		s.buffers.give(piece)
		s.buffers.serve()
		return
	}
	g.pieces = append(g.pieces, piece)
	s.note(len(piece))
	g.reader.wake()
}

// drop gives the buffers back. What still comes is not kept.
func (g *byteRange) drop() {
	g.unused = true
	for _, piece := range g.pieces {
		g.reader.source.buffers.give(piece)
	}
	g.pieces = nil
}
