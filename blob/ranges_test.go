package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
)

// slowly is a source whose connections each bring so many bytes a second, after a round trip of 50 ms.
type slowly struct {
	content []byte
	rate    int64 // of a connection
	whole   int64 // of all together; 0 is no limit

	mu       sync.Mutex
	opened   int // whole openings
	ranges   int
	now      int // ranges under way, and the most there were
	most     int
	busy     time.Time // when the link that all share is free again
	breakAt  int       // the range of this number breaks off
	rangeErr error     // in place of every range
	late     int       // so many ranges come late, their connections being new
	costly   bool
	onRange  func(ctx context.Context)
}

const roundTrip = 50 * time.Millisecond

func (s *slowly) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	s.mu.Lock()
	s.opened++
	s.mu.Unlock()
	time.Sleep(roundTrip)
	return &trickle{ctx: ctx, s: s, r: bytes.NewReader(s.content[offset:])}, nil
}

func (s *slowly) part(ctx context.Context, offset, n int64) (io.ReadCloser, bool, error) {
	s.mu.Lock()
	s.ranges++
	s.now++
	s.most = max(s.most, s.now)
	number := s.ranges
	s.mu.Unlock()
	if s.onRange != nil {
		s.onRange(ctx)
		return nil, false, context.Cause(ctx)
	}
	if s.rangeErr != nil {
		return nil, false, s.rangeErr
	}
	time.Sleep(roundTrip)
	if number <= s.late {
		time.Sleep(10 * roundTrip)
	}
	content := s.content[offset : offset+n]
	if number == s.breakAt {
		content = content[:n/2]
	}
	return &trickle{ctx: ctx, s: s, r: bytes.NewReader(content), part: true}, s.costly, nil
}

type trickle struct {
	ctx  context.Context
	s    *slowly
	r    io.Reader
	part bool
}

func (r *trickle) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p[:min(len(p), 64<<10)])
	r.s.mu.Lock()
	until := time.Now().Add(time.Duration(int64(n) * int64(time.Second) / r.s.rate))
	if r.s.whole > 0 {
		if r.s.busy.Before(time.Now()) {
			r.s.busy = time.Now()
		}
		r.s.busy = r.s.busy.Add(time.Duration(int64(n) * int64(time.Second) / r.s.whole))
		if r.s.busy.After(until) {
			until = r.s.busy
		}
	}
	r.s.mu.Unlock()
	time.Sleep(time.Until(until))
	return n, err
}

func (r *trickle) Close() error {
	if r.part {
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		r.s.now--
	}
	return nil
}

// bulk is some content, the same each time.
func bulk(size int) []byte {
	out := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(out)
	return out
}

// readIn reads the content through ranges and returns how long that took by the bubble's clock.
func readIn(t *testing.T, r *blob.Ranges, s *slowly) time.Duration {
	t.Helper()
	size := int64(len(s.content))
	start := time.Now()
	in := blob.NewReader(t.Context(), blob.FromBytes(s.content), size, r.Over(size, s.open, s.part))
	defer in.Close()
	h := sha256.New()
	if n, err := io.CopyBuffer(struct{ io.Writer }{h}, in, make([]byte, 32<<10)); err != nil || n != size {
		t.Errorf("read %d of %d bytes: %v", n, size, err)
	}
	if !bytes.Equal(h.Sum(nil), func() []byte { sum := sha256.Sum256(s.content); return sum[:] }()) {
		t.Error("the bytes are not those of the source")
	}
	return time.Since(start)
}

func TestRangesOfASlowConnection(t *testing.T) {
	content := bulk(100 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{content: content, rate: 20e6}
		took := readIn(t, &blob.Ranges{}, s)
		if s.opened != 1 || s.ranges < 180 || s.most > 20 {
			t.Errorf("opened %d times, %d ranges, %d at once", s.opened, s.ranges, s.most)
		}
		if took > 2*time.Second { // one connection takes 5.2 s
			t.Errorf("took %s", took)
		}
	})
}

// Ranges are not given up for the time that it takes to open their connections.
func TestRangesThatBeginSlowly(t *testing.T) {
	content := bulk(150 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{content: content, rate: 20e6, late: 60}
		readIn(t, &blob.Ranges{}, s)
		if s.opened != 1 {
			t.Errorf("opened %d times", s.opened)
		}
	})
}

// Ranges are for who needs them.
func TestNoRanges(t *testing.T) {
	content := bulk(70 << 20)
	for name, test := range map[string]struct {
		ranges *blob.Ranges
		source *slowly
		size   int
	}{
		"a fast connection": {&blob.Ranges{}, &slowly{rate: 60e6}, 70 << 20},
		"a small blob":      {&blob.Ranges{}, &slowly{rate: 1e6}, 31 << 20},
		"switched off":      {&blob.Ranges{N: 1}, &slowly{rate: 1e6}, 70 << 20},
		"small, fixed":      {&blob.Ranges{N: 4}, &slowly{rate: 1e6}, 31 << 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			test.source.content = content[:test.size]
			readIn(t, test.ranges, test.source)
			if test.source.ranges > 0 || test.source.opened != 1 {
				t.Errorf("%s: opened %d times, %d ranges", name, test.source.opened, test.source.ranges)
			}
		})
	}
}

// Where the link is full, or the source cannot or should not be asked for ranges, it goes on over one connection, and the
// next blob does not try.
func TestRangesThatBringNothing(t *testing.T) {
	content := bulk(100 << 20)
	for name, s := range map[string]*slowly{
		"a full link":            {whole: 20e6},
		"a source without":       {rangeErr: errors.ErrUnsupported},
		"two calls for each one": {costly: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s.content, s.rate = content, 20e6
			var r blob.Ranges
			readIn(t, &r, s)
			tried := s.ranges
			if tried == 0 || s.opened != 2 {
				t.Errorf("%s: %d ranges tried, opened %d times", name, tried, s.opened)
			}
			readIn(t, &r, s)
			if s.ranges != tried {
				t.Errorf("%s: the next blob tries again", name)
			}
		})
	}
}

// Blobs that are too small for a judgement of their own find it out together.
func TestRangesThatBringNothingForSomeBlobs(t *testing.T) {
	content := bulk(73 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{content: content, rate: 20e6, whole: 20e6}
		var r blob.Ranges
		readIn(t, &r, s)
		readIn(t, &r, s)
		tried := s.ranges
		readIn(t, &r, s)
		if tried == 0 || s.ranges != tried {
			t.Errorf("%d ranges of two blobs, and %d of the third", tried, s.ranges-tried)
		}
	})
}

func TestRangesThatFail(t *testing.T) {
	content := bulk(100 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{content: content, rate: 20e6, breakAt: 20}
		readIn(t, &blob.Ranges{}, s)
		if s.opened != 2 {
			t.Errorf("opened %d times, want once more where the range broke off", s.opened)
		}
	})
}

func TestRangesFixed(t *testing.T) {
	content := bulk(64<<20 + 5)
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{content: content, rate: 60e6}
		readIn(t, &blob.Ranges{N: 3}, s)
		if s.opened != 0 || s.ranges != 129 || s.most != 3 {
			t.Errorf("opened %d times, %d ranges, %d at once", s.opened, s.ranges, s.most)
		}
	})
}

// However many are asked for, what comes before its turn is bounded.
func TestRangesFixedAtVeryMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{content: make([]byte, 64<<20), rate: 1e6}
		readIn(t, &blob.Ranges{N: 1 << 40}, s)
		if s.most > 64 {
			t.Errorf("%d ranges at once", s.most)
		}
	})
}

// A reader that is closed, or whose context ends, leaves nothing behind: the bubble ends only when all goroutines have.
func TestRangesThatAreGivenUp(t *testing.T) {
	content := bulk(64 << 20)
	for name, giveUp := range map[string]func(io.Closer, context.CancelFunc){
		"closed":    func(c io.Closer, _ context.CancelFunc) { c.Close() },
		"cancelled": func(_ io.Closer, cancel context.CancelFunc) { cancel() },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &slowly{content: content, rate: 20e6, onRange: func(ctx context.Context) { <-ctx.Done() }}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			in, err := (&blob.Ranges{N: 5}).Over(int64(len(content)), s.open, s.part)(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Second, func() { giveUp(in, cancel) })
			if _, err := in.Read(make([]byte, 10)); err == nil {
				t.Errorf("%s: it reads on", name)
			}
			synctest.Wait()
			if s.ranges != 5 {
				t.Errorf("%s: %d ranges", name, s.ranges)
			}
			in.Close()
		})
	}
}
