package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

// recordingWorker is a Worker that records its calls.
type recordingWorker struct {
	calls             *Recorder
	log               []string
	fails             int // the turn that fails, -1 for none
	cleanContextEnded bool
}

func (s *recordingWorker) Prepare(_ context.Context, t Turn, c Cell) error {
	s.log = append(s.log, fmt.Sprintf("prepare %d %s", t.Round, c))
	s.calls.Call(wire.Call{StatusCode: 200}) // not part of the turn
	return nil
}

func (s *recordingWorker) Do(_ context.Context, t Turn, c Cell) (Moved, error) {
	if t.Serial == s.fails {
		return Moved{}, errors.New("turn failed")
	}
	s.calls.Call(wire.Call{Method: http.MethodPut, StatusCode: 201, Sent: 5, Duration: time.Hour})
	s.calls.Call(wire.Call{Method: http.MethodHead, StatusCode: 404, Duration: time.Duration(c.Jobs) + 5,
		Timings: wire.Timings{Receive: 5}})
	s.calls.Call(wire.Call{Method: http.MethodGet, Duration: time.Minute, Err: errors.New("no answer")})
	return Moved{Ops: 1, Bytes: 7}, nil
}

func (s *recordingWorker) Clean(ctx context.Context, t Turn, _ Cell) {
	s.log = append(s.log, fmt.Sprintf("clean %d", t.Round))
	s.cleanContextEnded = s.cleanContextEnded || ctx.Err() != nil
}

func TestRunner(t *testing.T) {
	s := &recordingWorker{calls: &Recorder{}, fails: -1}
	var warm, sampled int
	r := &Runner{Cells: Matrix([]int{1, 2}, nil, nil, nil, nil), Warmups: 1, Count: 2, Calls: s.calls,
		OnWarm: func(time.Duration) error { warm++; return nil }, OnSample: func(Sample) error { sampled++; return nil }}
	samples, err := r.Run(t.Context(), s)
	if err != nil || len(samples) != 4 || warm != 1 || sampled != 4 {
		t.Fatalf("%d samples, OnSample %d times, OnWarm %d times, %v", len(samples), sampled, warm, err)
	}
	for _, x := range samples {
		ttfb := []time.Duration{time.Duration(r.Cells[x.Cell].Jobs)}
		if x.Calls != 3 || !slices.Equal(x.TTFB, ttfb) || x.Bytes != 7 || x.Elapsed <= 0 {
			t.Errorf("%+v", x)
		}
		if want := map[bool]int{true: 3, false: 0}[x.Round == 0]; len(x.Trace) != want {
			t.Errorf("round %d has %d calls in its trace", x.Round, len(x.Trace))
		}
	}
	if got := len(s.log); got != 12 || s.log[0] != "prepare -1 jobs=2" || s.log[1] != "clean -1" {
		t.Errorf("%q", s.log)
	}
}

func TestRunnerStopsOnError(t *testing.T) {
	tooLong := errors.New("it takes too long")
	r := &Runner{Cells: Matrix(nil, nil, nil, nil, nil), Warmups: 1, Count: 2, Calls: &Recorder{}}
	r.OnWarm = func(time.Duration) error { return tooLong }
	s := &recordingWorker{calls: r.Calls, fails: -1}
	if samples, err := r.Run(t.Context(), s); err != tooLong || len(samples) != 0 || len(s.log) != 2 {
		t.Errorf("after the warm-up: %v, %q", err, s.log)
	}
	r.OnWarm = nil
	s = &recordingWorker{calls: r.Calls, fails: 2}
	if samples, err := r.Run(t.Context(), s); err == nil || len(samples) != 1 || s.log[len(s.log)-1] != "clean 1" {
		t.Errorf("a turn that fails: %d samples, %v, %q", len(samples), err, s.log)
	}
}

// An interrupted run is cleaned up.
func TestInterruptedTurnIsCleaned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := &Runner{Cells: Matrix(nil, nil, nil, nil, nil), Count: 3, Calls: &Recorder{}}
	s := &recordingWorker{calls: r.Calls, fails: -1}
	r.OnSample = func(Sample) error { cancel(); return nil }
	if samples, err := r.Run(ctx, s); !errors.Is(err, context.Canceled) || len(samples) != 1 {
		t.Errorf("%d samples, %v", len(samples), err)
	}
	if got := strings.Join(s.log, ", "); got != "prepare 0 jobs=auto, clean 0" || s.cleanContextEnded {
		t.Errorf("%s, with a context that has ended: %v", got, s.cleanContextEnded)
	}
}

func TestTraceHasMaximumLength(t *testing.T) {
	var r Recorder
	r.start(true)
	for range maxTrace + 5 {
		r.Call(wire.Call{StatusCode: 200})
	}
	if s := r.stop(); len(s.Trace) != maxTrace || s.Dropped != 5 || s.Calls != maxTrace+5 {
		t.Errorf("%d kept, %d dropped, %d calls", len(s.Trace), s.Dropped, s.Calls)
	}
}

func TestRates(t *testing.T) {
	hash, err := HashRates(t.Context(), 5*time.Millisecond)
	link, err2 := LoopbackRates(t.Context(), ConnectionCounts([]int{2, 2}), 5*time.Millisecond)
	if err != nil || err2 != nil || len(link) != 2 || link[1].N != 2 {
		t.Fatal(hash, link, err, err2)
	}
	for _, r := range append(hash, link...) {
		if r.Bytes <= 0 || r.PerSecond() <= 0 {
			t.Errorf("%+v", r)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := HashRates(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := LoopbackRates(ctx, []int{1}, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
