package bench

import (
	"context"
	"runtime"
	"time"
)

// Worker does the work that is measured.
type Worker interface {
	// Prepare prepares a turn. It is not measured.
	Prepare(ctx context.Context, t Turn, c Cell) error
	// Do does the work of a turn. It is measured.
	Do(ctx context.Context, t Turn, c Cell) (Moved, error)
	// Clean removes what the turn has put into registries. It is not measured. It is called after a
	// failed turn too.
	Clean(ctx context.Context, t Turn, c Cell)
}

// cleanupTimeout is how long the cleanup of an interrupted run may take.
const cleanupTimeout = 30 * time.Second

// Runner runs a benchmark.
type Runner struct {
	Cells   []Cell
	Warmups int       // number of rounds before those that are measured
	Count   int       // number of measured rounds
	Calls   *Recorder // gets the calls of the turns
	// OnWarm, if not nil, gets the mean duration of a warm-up round after the last one. Its error
	// ends the run.
	OnWarm func(round time.Duration) error
	// OnSample, if not nil, gets each sample. Its error ends the run.
	OnSample func(Sample) error
}

// Run runs all turns of all cells. It returns the samples so far and the error that ended the run.
func (r *Runner) Run(ctx context.Context, w Worker) (samples []Sample, err error) {
	start := time.Now()
	for turn := range Order(len(r.Cells), r.Warmups, r.Count) {
		if turn.Round == 0 && turn.Serial == r.Warmups*len(r.Cells) && r.Warmups > 0 && r.OnWarm != nil {
			if err := r.OnWarm(time.Since(start) / time.Duration(r.Warmups)); err != nil {
				return samples, err
			}
		}
		s, err := r.turn(ctx, w, turn)
		if err != nil {
			return samples, err
		}
		if turn.Round < 0 {
			continue
		}
		samples = append(samples, s)
		if r.OnSample == nil {
			continue
		}
		if err := r.OnSample(s); err != nil {
			return samples, err
		}
	}
	return samples, nil
}

// turn runs one turn and always cleans up after it.
func (r *Runner) turn(ctx context.Context, w Worker, t Turn) (Sample, error) {
	if ctx.Err() != nil {
		return Sample{}, context.Cause(ctx)
	}
	c := r.Cells[t.Cell]
	defer func() {
		ctx, stop := cleanupContext(ctx)
		defer stop()
		w.Clean(ctx, t, c)
	}()
	if err := w.Prepare(ctx, t, c); err != nil {
		return Sample{}, err
	}
	return r.measure(ctx, w, t, c)
}

func (r *Runner) measure(ctx context.Context, w Worker, t Turn, c Cell) (Sample, error) {
	runtime.GC() // so that no turn pays for another's garbage
	resetPeak()
	r.Calls.start(t.Round == 0)
	cpu, start := CPUTime(), time.Now()
	moved, err := w.Do(ctx, t, c)
	elapsed := time.Since(start)
	used, peak := CPUTime()-cpu, peakMemory()
	s := r.Calls.stop()
	s.Turn, s.Moved, s.Start, s.Elapsed, s.CPU, s.Peak = t, moved, start, elapsed, used, peak
	return s, err
}

// cleanupContext returns ctx, or if it has ended a context that lasts for cleanupTimeout.
func cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
}
