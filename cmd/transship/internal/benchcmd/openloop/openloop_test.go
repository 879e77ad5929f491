package openloop

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestQuantilesAreWithinPrecision(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var all []time.Duration
	for range 20_000 {
		d := time.Duration(math.Exp(r.Float64()*16) * float64(200*time.Microsecond) / 100)
		all = append(all, d)
		h.Add(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[max(int(math.Ceil(q*20_000))-1, 0)]
		if got, most := h.Quantile(q), Precision*float64(want)+float64(unit); math.Abs(float64(got-want)) > most {
			t.Errorf("the %g-quantile is %s, not %s", q, got, want)
		}
	}
	if h.Max() != all[len(all)-1] || h.Count() != 20_000 || len(h.counts) > 4000 {
		t.Errorf("max %s of %d in %d counters", h.Max(), h.Count(), len(h.counts))
	}
	sum := 0
	for end, n := range h.Buckets() {
		sum += n
		if n <= 0 || end <= 0 {
			t.Errorf("bucket %s has %d", end, n)
		}
	}
	if sum != 20_000 {
		t.Errorf("the buckets have %d", sum)
	}
}

func TestBucketsFollowOneAnother(t *testing.T) {
	end := uint64(0)
	for i := range 3000 {
		low, high := bucketRange(i)
		if low != end || bucketOf(low) != i || bucketOf(high-1) != i {
			t.Fatalf("bucket %d is %d to %d, after %d", i, low, high, end)
		}
		end = high
	}
}

func TestArrivalsAreEvenAndSplitExactly(t *testing.T) {
	s := Schedule{
		Warmup: time.Second, Steps: Steps(100, 300, 4*time.Second, 2), Shares: []float64{0.5, 0.3, 0.2},
	}
	had, n, last := make([]int, 3), 0, time.Duration(-1)
	for a := range s.Arrivals() {
		want := map[bool]int{true: -1, false: 0}[a.Due < time.Second]
		if a.Due >= 3*time.Second {
			want = 1
		}
		if a.Step != want || a.Nth != had[a.Kind] || a.Due <= last {
			t.Fatalf("arrival %d is %+v", n, a)
		}
		n, last = n+1, a.Due
		had[a.Kind]++
		for kind, share := range s.Shares {
			if lead := float64(had[kind]) - share*float64(n); lead >= 1 {
				t.Errorf("after %d arrivals kind %d is %g ahead", n, kind, lead)
			}
		}
	}
	if n != 900 || math.Abs(s.Total()-900) > 1 || !slices.Equal(had, []int{450, 270, 180}) {
		t.Errorf("%d arrivals, said to be %g: %d", n, s.Total(), had)
	}
}

// generator returns a generator of one kind of operation.
func generator(steps []Step, op Op) *Generator {
	return &Generator{
		Schedule: Schedule{Steps: steps, Shares: []float64{1}}, Outstanding: 100, Drain: 10 * time.Second,
		Prepare: func(context.Context, Arrival) (Op, error) { return op, nil },
		Class:   func(error) string { return "error" },
	}
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run runs a generator in a bubble with its own clock.
func run(t *testing.T, g *Generator) (result *Result) {
	synctest.Test(t, func(t *testing.T) {
		var err error
		if result, err = g.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return result
}

// A closed loop would meet the stall with as many calls as are under way, and no others.
func TestStallShows(t *testing.T) {
	var start sync.Once
	var stall time.Time
	g := generator(Steps(200, 200, 30*time.Second, 30), func(ctx context.Context) error {
		start.Do(func() { stall = time.Now().Add(10 * time.Second) })
		if into := time.Since(stall); into >= 0 && into < time.Second {
			return sleep(ctx, time.Second-into)
		}
		return sleep(ctx, time.Millisecond)
	})
	r := run(t, g)
	h := &r.Kinds[0].Latency
	if h.Count() != 6000 || h.Quantile(0.999) < 900*time.Millisecond || h.Quantile(0.9) > 2*time.Millisecond {
		t.Errorf("p90 %s and p99.9 %s of %d", h.Quantile(0.9), h.Quantile(0.999), h.Count())
	}
	if r.Outstanding != 100 || r.Waited == 0 || r.Late > 0 || r.Slow() {
		t.Errorf("%d at once, %d waited, %d late by the generator's fault", r.Outstanding, r.Waited, r.Late)
	}
}

// What a server never answers takes no more places than there are, and is counted.
func TestServerThatNeverAnswers(t *testing.T) {
	var now, most atomic.Int64
	g := generator(Steps(1000, 1000, 2*time.Second, 2), func(ctx context.Context) error {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		<-ctx.Done()
		return ctx.Err()
	})
	r := run(t, g)
	c := r.Kinds[0]
	if most.Load() != 100 || c.Failed[Unfinished] != 100 || c.Failed[Unsent] != 1900 || c.Due != 2000 {
		t.Errorf("%d at once; %+v of %d", most.Load(), c.Failed, c.Due)
	}
	if c.Latency.Quantile(0.5) < 10*time.Second || r.Elapsed < 12*time.Second || r.Elapsed > 13*time.Second {
		t.Errorf("median %s, in %s", c.Latency.Quantile(0.5), r.Elapsed)
	}
}

// A generator that needs 2 ms for each operation makes 500 a second.
func TestSlowGenerator(t *testing.T) {
	g := generator(Steps(1000, 1000, 2*time.Second, 2), func(context.Context) error { return nil })
	prepare := g.Prepare
	g.Prepare = func(ctx context.Context, a Arrival) (Op, error) {
		time.Sleep(2 * time.Millisecond)
		return prepare(ctx, a)
	}
	if r := run(t, g); !r.Slow() || r.Late < 1000 {
		t.Errorf("%d are late", r.Late)
	}
}

// The server has one place and needs 2 ms for each operation: its knee is at 500/s.
func TestKnee(t *testing.T) {
	g := generator(Steps(100, 1000, 20*time.Second, 10), nil)
	var queue chan struct{}
	g.Prepare = func(context.Context, Arrival) (Op, error) {
		return func(ctx context.Context) error {
			queue <- struct{}{}
			time.Sleep(2 * time.Millisecond)
			<-queue
			return nil
		}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		queue = make(chan struct{}, 1)
		r, err := g.Run(t.Context())
		if k := r.Knee(); err != nil || !k.Found || k.Rate != 500 {
			t.Errorf("%+v, %v", k, err)
		}
	})
	failing := generator(Steps(100, 200, 4*time.Second, 2), nil)
	failing.Prepare = func(_ context.Context, a Arrival) (Op, error) {
		return func(ctx context.Context) error {
			if a.Step == 1 && a.Nth%50 == 0 {
				return errors.New("503")
			}
			return sleep(ctx, time.Millisecond)
		}, nil
	}
	r := run(t, failing)
	if k := r.Knee(); !k.Found || k.Rate != 100 || r.Kinds[0].Failed["error"] != 8 || r.Kinds[0].Err == nil {
		t.Errorf("%+v with %v", k, r.Kinds[0].Failed)
	}
}

func TestWarmupIsNotMeasured(t *testing.T) {
	g := generator(Steps(100, 100, 2*time.Second, 2), func(ctx context.Context) error { return sleep(ctx, time.Millisecond) })
	g.Schedule.Warmup = 3 * time.Second
	r := run(t, g)
	if r.Kinds[0].Due != 200 || r.Steps[0].Due != 100 || r.Steps[0].Ended != 100 || r.Steps[1].Ended != 100 {
		t.Errorf("%d due, %+v", r.Kinds[0].Due, r.Steps)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("stopped")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { stop(cause) })
		g := generator(Steps(100, 100, time.Hour, 2), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if r, err := g.Run(ctx); !errors.Is(err, cause) || r.Kinds[0].Due != 100 {
			t.Errorf("%d, %v", r.Kinds[0].Due, err)
		}
	})
}

func TestRanges(t *testing.T) {
	for text, want := range map[string]Range{
		"200/s": {200, 200}, "200": {200, 200}, "90/m": {1.5, 1.5}, "50..1000/s": {50, 1000}, "0.5..2": {0.5, 2}, "3600/h": {1, 1},
	} {
		var r Range
		if err := r.Set(text); err != nil || r != want {
			t.Errorf("%s is %v, %v", text, r, err)
		}
		var again Range
		if err := again.Set(r.String()); err != nil || again != r {
			t.Errorf("%s is %s, which is %v, %v", text, &r, again, err)
		}
	}
	for _, text := range []string{"", "0/s", "-1/s", "x", "5/d", "1..", "..5", "9..5/s", "5..5/s", "NaN", "Inf/s", "1e9/s", "1..2..3"} {
		if err := new(Range).Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
