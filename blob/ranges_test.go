package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
)

// slowSource is a source whose connections have a limited rate, and a round trip of 50 ms.
type slowSource struct {
	content  []byte
	rate     int64 // of one connection, in bytes per second
	linkRate int64 // of all connections together; 0 is unlimited

	mu         sync.Mutex
	opened     int             // how many times open was called
	ranges     int             // how many times openRange was called
	inFlight   int             // ranges
	maxRanges  int             // the most in flight at once
	read       int64           // bytes of ranges
	busyUntil  time.Time       // the link, if linkRate is set
	breakAt    int             // the number of the range that breaks off, from 1
	firstTakes time.Duration   // for how long open takes, if that is more than a round trip
	rangeErr   error           // returned by openRange
	lateUpTo   int             // the first ranges of so many connections come later, as over new ones
	costly     bool            // returned by openRange
	slow       int             // the number of a connection whose rate is a tenth, from 1
	sizes      map[int][]int64 // of the ranges, by number of their connection
	onRange    func(ctx context.Context)
}

const roundTrip = 50 * time.Millisecond

func (s *slowSource) open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	s.mu.Lock()
	s.opened++
	s.mu.Unlock()
	time.Sleep(max(roundTrip, s.firstTakes))
	return &slowBody{ctx: ctx, at: time.Now(), s: s, r: bytes.NewReader(s.content[offset:])}, nil
}

func (s *slowSource) openRange(ctx context.Context, r blob.Range) (io.ReadCloser, bool, error) {
	s.mu.Lock()
	s.ranges++
	s.inFlight++
	s.maxRanges = max(s.maxRanges, s.inFlight)
	if s.sizes == nil {
		s.sizes = map[int][]int64{}
	}
	first := s.sizes[r.Connection] == nil
	s.sizes[r.Connection] = append(s.sizes[r.Connection], r.Size)
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
	if first && r.Connection < s.lateUpTo {
		time.Sleep(3 * roundTrip)
	}
	content := s.content[r.Offset : r.Offset+r.Size]
	if number == s.breakAt {
		content = content[:r.Size/2]
	}
	return &slowBody{ctx: ctx, at: time.Now(), s: s, r: bytes.NewReader(content), isRange: true, slow: r.Connection+1 == s.slow}, s.costly, nil
}

// connectionBuffer is how many bytes of a range a connection has received before they are read.
const connectionBuffer = 512 << 10

type slowBody struct {
	ctx     context.Context
	at      time.Time // until when all that was read has come
	s       *slowSource
	r       io.Reader
	isRange bool
	slow    bool
}

func (r *slowBody) Read(p []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p[:min(len(p), 64<<10)])
	r.s.mu.Lock()
	if r.isRange {
		r.s.read += int64(n)
	}
	took := func(n int) time.Duration {
		if r.slow {
			n *= 10
		}
		return time.Duration(int64(n) * int64(time.Second) / r.s.rate)
	}
	if full := time.Now().Add(-took(connectionBuffer)); r.at.Before(full) {
		r.at = full
	}
	r.at = r.at.Add(took(n))
	until := r.at
	if r.s.linkRate > 0 {
		if r.s.busyUntil.Before(time.Now()) {
			r.s.busyUntil = time.Now()
		}
		r.s.busyUntil = r.s.busyUntil.Add(time.Duration(int64(n) * int64(time.Second) / r.s.linkRate))
		if r.s.busyUntil.After(until) {
			until = r.s.busyUntil
		}
	}
	r.s.mu.Unlock()
	time.Sleep(time.Until(until))
	return n, err
}

// sent returns how many bytes of ranges were read.
func (s *slowSource) sent() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read
}

func (r *slowBody) Close() error {
	if r.isRange {
		r.s.mu.Lock()
		defer r.s.mu.Unlock()
		r.s.inFlight--
	}
	return nil
}

// randomBytes returns the same bytes each time.
func randomBytes(size int) []byte {
	out := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(out)
	return out
}

// readAll reads the content through ranges and returns how long that took by the clock of the
// synctest bubble.
func readAll(t *testing.T, r *blob.Ranges, s *slowSource) time.Duration {
	t.Helper()
	size := int64(len(s.content))
	start := time.Now()
	in := blob.NewReader(t.Context(), blob.FromBytes(s.content), size, r.Wrap(size, s.open, s.openRange))
	defer in.Close()
	h := sha256.New()
	if n, err := io.CopyBuffer(struct{ io.Writer }{h}, in, make([]byte, 32<<10)); err != nil || n != size {
		t.Errorf("read %d of %d bytes: %v", n, size, err)
	}
	if blob.FromHash(blob.SHA256, h) != blob.FromBytes(s.content) {
		t.Error("the bytes are not those of the source")
	}
	return time.Since(start)
}

// One connection after the other is opened, as long as that brings more, and no more than the link carries.
func TestSlowConnectionsBecomeMore(t *testing.T) {
	content := randomBytes(200 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 2e6, lateUpTo: 100}
		took := readAll(t, &blob.Ranges{}, s)
		if s.opened != 1 || s.maxRanges < 40 || s.maxRanges > 72+1 {
			t.Errorf("opened %d times, %d ranges, %d at once", s.opened, s.ranges, s.maxRanges)
		}
		if took > 12*time.Second { // over one connection it takes 105 s
			t.Errorf("took %s", took)
		}
	})
}

// What one connection would still need a second for is read in ranges.
func TestRestOfASecondIsReadInRanges(t *testing.T) {
	content := randomBytes(9 << 18)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 8e5}
		if readAll(t, &blob.Ranges{}, s); s.ranges == 0 {
			t.Error("no ranges")
		}
	})
}

// The first calls take longer than a round trip. A small blob that is opened later tells how long that is, and
// with it how fast connections may be opened.
func TestSmallBlobTellsTheRoundTrip(t *testing.T) {
	content := randomBytes(60 << 20)
	took := map[bool]time.Duration{}
	for _, small := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &slowSource{content: content, rate: 1e6, firstTakes: time.Second, lateUpTo: 100}
			var r blob.Ranges
			if small {
				open := r.Wrap(1000, func(context.Context, int64) (io.ReadCloser, error) {
					time.Sleep(roundTrip)
					return io.NopCloser(bytes.NewReader(nil)), nil
				}, nil)
				if _, err := open(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			}
			took[small] = readAll(t, &r, s)
		})
	}
	if took[true] > took[false]*3/4 {
		t.Errorf("took %s, and %s with a small blob", took[false], took[true])
	}
}

// Connections that a server slows are found by a trial also where they are not slow together.
func TestSteadyConnectionsBecomeMore(t *testing.T) {
	content := randomBytes(60 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 5e6}
		var r blob.Ranges
		var all sync.WaitGroup
		took := make([]time.Duration, 6)
		for i := range took {
			all.Go(func() { took[i] = readAll(t, &r, s) })
		}
		all.Wait()
		if longest := slices.Max(took); longest > 7*time.Second { // without ranges it takes 12.6 s
			t.Errorf("took %s, %d ranges", longest, s.ranges)
		}
	})
}

// A link that the blobs fill is left to their connections, which a trial does not disturb. Each trial makes the next one later.
func TestTrialOverFullLink(t *testing.T) {
	content := randomBytes(40 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 20e6, linkRate: 20e6}
		var r blob.Ranges
		var all sync.WaitGroup
		took := make([]time.Duration, 6)
		for i := range took {
			all.Go(func() { took[i] = readAll(t, &r, s) })
		}
		all.Wait()
		if s.opened != 6 || s.ranges == 0 || s.ranges > 60 || s.inFlight > 0 {
			t.Errorf("opened %d times, %d ranges, %d not closed", s.opened, s.ranges, s.inFlight)
		}
		if longest := slices.Max(took); longest > 13500*time.Millisecond {
			t.Errorf("took %s", longest)
		}
	})
}

// A link that one connection fills is left to one, and so it is for the next blobs.
func TestMoreConnectionsThatBringNothingAreGivenBack(t *testing.T) {
	content := randomBytes(200 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 20e6, linkRate: 20e6}
		var r blob.Ranges
		took := readAll(t, &r, s)
		if alone := 10500 * time.Millisecond; took > alone+alone/10 {
			t.Errorf("took %s, one connection %s", took, alone)
		}
		tried := s.ranges
		readAll(t, &r, s)
		if tried == 0 || tried > 50 || s.ranges-tried > 50 || s.opened != 2 {
			t.Errorf("%d ranges of the first blob, %d of the second, opened %d times", tried, s.ranges-tried, s.opened)
		}
	})
}

// A connection that is slow gets smaller ranges, since what is behind them has to wait.
func TestSlowConnectionGetsSmallRanges(t *testing.T) {
	content := randomBytes(100 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 1e6, slow: 4}
		readAll(t, &blob.Ranges{}, s)
		slow, other := slices.Max(s.sizes[3]), slices.Max(s.sizes[4])
		if len(s.sizes[3]) < 3 || slow > other/4 {
			t.Errorf("ranges of the slow connection %d, of another %d", s.sizes[3], s.sizes[4])
		}
	})
}

// Several blobs share the connections and the memory; none waits for another. Connections that bring very little
// become more than others.
func TestBlobsShareTheConnections(t *testing.T) {
	content := randomBytes(40 << 20)
	for _, test := range []struct {
		size    int
		rate    int64 // of a connection
		most    int   // ranges at once; each blob may have one beyond the connections
		longest time.Duration
	}{
		{40 << 20, 500e3, 96, 20 * time.Second}, // one connection each takes 84 s
		{20 << 20, 2e6, 72, 7 * time.Second},    // 10.5 s
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &slowSource{content: content[:test.size], rate: test.rate}
			var r blob.Ranges
			var all sync.WaitGroup
			took := make([]time.Duration, 6)
			for i := range took {
				all.Go(func() { took[i] = readAll(t, &r, s) })
			}
			all.Wait()
			if s.maxRanges < test.most-6 || s.maxRanges > test.most+6 || s.opened != 6 {
				t.Errorf("rate %d: %d ranges at once, opened %d times", test.rate, s.maxRanges, s.opened)
			}
			if longest := slices.Max(took); longest > test.longest {
				t.Errorf("rate %d: took %s", test.rate, longest)
			}
		})
	}
}

// A reader that is slow itself is no reason for more connections.
func TestSlowReaderOpensNoRanges(t *testing.T) {
	content := randomBytes(70 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 60e6}
		size := int64(len(content))
		in, err := new(blob.Ranges).Wrap(size, s.open, s.openRange)(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		for buf := make([]byte, 64<<10); err == nil; _, err = io.ReadFull(in, buf) {
			time.Sleep(20 * time.Millisecond)
		}
		if s.ranges > 0 {
			t.Errorf("%d ranges", s.ranges)
		}
	})
}

// The bytes that come early stop at a bound while their reader waits.
func TestEarlyBytesAreBounded(t *testing.T) {
	const bound = 8 << 20
	content := make([]byte, 64<<20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 100e6}
		in, err := (&blob.Ranges{N: 64}).Wrap(int64(len(content)), s.open, s.openRange)(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		time.Sleep(time.Minute)
		if got := s.sent(); got == 0 || got > bound {
			t.Errorf("%d bytes were read ahead", got)
		}
		if n, err := io.Copy(io.Discard, in); n != int64(len(content)) || err != nil {
			t.Errorf("read %d bytes: %v", n, err)
		}
	})
}

// A range that breaks off is an error where its turn comes, and the rest is read by new ranges.
func TestBrokenRangeIsReadAgain(t *testing.T) {
	content := randomBytes(100 << 20)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 2e6, breakAt: 60}
		readAll(t, &blob.Ranges{}, s)
		if s.opened != 1 {
			t.Errorf("opened %d times", s.opened)
		}
	})
}

// A source whose ranges fail again and again is read over one connection; a trial of them does not disturb that.
func TestRangesThatFailAreGivenUp(t *testing.T) {
	content := randomBytes(100 << 20)
	for n, opened := range map[int]int{0: 1, 4: 1} {
		synctest.Test(t, func(t *testing.T) {
			s := &slowSource{content: content, rate: 20e6, rangeErr: errors.New("refused")}
			readAll(t, &blob.Ranges{N: n}, s)
			if s.opened != opened || s.ranges == 0 || s.ranges > 12 {
				t.Errorf("N %d: opened %d times, %d ranges", n, s.opened, s.ranges)
			}
		})
	}
}

func TestRangesAreNotUsed(t *testing.T) {
	content := randomBytes(70 << 20)
	for name, test := range map[string]struct {
		ranges *blob.Ranges
		source *slowSource
		size   int
	}{
		"a fast connection": {&blob.Ranges{}, &slowSource{rate: 60e6}, 70 << 20},
		"a small blob":      {&blob.Ranges{}, &slowSource{rate: 1e5}, 1<<20 - 1},
		"almost done":       {&blob.Ranges{}, &slowSource{rate: 20e6}, 30 << 20},
		"disabled":          {&blob.Ranges{N: 1}, &slowSource{rate: 1e6}, 70 << 20},
		"small, N set":      {&blob.Ranges{N: 4}, &slowSource{rate: 1e6}, 31 << 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			test.source.content = content[:test.size]
			readAll(t, test.ranges, test.source)
			if test.source.ranges > 0 || test.source.opened != 1 {
				t.Errorf("%s: opened %d times, %d ranges", name, test.source.opened, test.source.ranges)
			}
		})
	}
}

// The blob continues over one connection, and the next blob does not try ranges.
func TestRangesThatAreNotToBeHadAreDropped(t *testing.T) {
	content := randomBytes(100 << 20)
	for name, s := range map[string]*slowSource{
		"no support":          {rangeErr: errors.ErrUnsupported},
		"two calls per range": {costly: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s.content, s.rate = content, 20e6
			var r blob.Ranges
			readAll(t, &r, s)
			tried := s.ranges
			if tried == 0 || s.opened != 1 {
				t.Errorf("%s: tried %d ranges, opened %d times", name, tried, s.opened)
			}
			readAll(t, &r, s)
			if s.ranges != tried {
				t.Errorf("%s: the next blob tries again", name)
			}
		})
	}
}

// A fixed number of ranges ends too where the source has none, or takes two calls for each, as a
// storage does whose addresses serve once.
func TestFixedRangesThatAreNotToBeHadAreDropped(t *testing.T) {
	content := randomBytes(64 << 20)
	for name, s := range map[string]*slowSource{
		"no support":          {rangeErr: errors.ErrUnsupported},
		"two calls per range": {costly: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s.content, s.rate = content, 20e6
			r := blob.Ranges{N: 4}
			readAll(t, &r, s)
			tried := s.ranges
			if tried == 0 || tried > 8 || s.opened != 1 {
				t.Errorf("%s: tried %d ranges, opened %d times", name, tried, s.opened)
			}
			readAll(t, &r, s)
			if s.ranges != tried || s.opened != 2 {
				t.Errorf("%s: the next blob tries again", name)
			}
		})
	}
}

func TestFixedNumberOfRanges(t *testing.T) {
	content := randomBytes(64<<20 + 5)
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: content, rate: 60e6}
		readAll(t, &blob.Ranges{N: 3}, s)
		if s.opened != 0 || s.ranges != 128 || s.maxRanges != 3 {
			t.Errorf("opened %d times, %d ranges, %d at once", s.opened, s.ranges, s.maxRanges)
		}
	})
}

func TestFixedNumberOfRangesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowSource{content: make([]byte, 64<<20), rate: 1e6}
		readAll(t, &blob.Ranges{N: 1 << 40}, s)
		if s.maxRanges > 64 {
			t.Errorf("%d ranges at once", s.maxRanges)
		}
	})
}

// A synctest bubble ends only when all its goroutines have.
func TestClosedOrCanceledRangesLeaveNoGoroutines(t *testing.T) {
	content := randomBytes(64 << 20)
	for name, stop := range map[string]func(io.Closer, context.CancelFunc){
		"closed":   func(c io.Closer, _ context.CancelFunc) { c.Close() },
		"canceled": func(_ io.Closer, cancel context.CancelFunc) { cancel() },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &slowSource{content: content, rate: 20e6, onRange: func(ctx context.Context) { <-ctx.Done() }}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			in, err := (&blob.Ranges{N: 5}).Wrap(int64(len(content)), s.open, s.openRange)(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Second, func() { stop(in, cancel) })
			if _, err := in.Read(make([]byte, 10)); err == nil {
				t.Errorf("%s: no error", name)
			}
			synctest.Wait()
			if s.ranges != 5 {
				t.Errorf("%s: %d ranges", name, s.ranges)
			}
			in.Close()
		})
	}
}
