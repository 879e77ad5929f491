package bench

import (
	"context"
	"runtime"
	"time"
)

// Worker does what is measured.
type Worker interface {
	// Prepare gets ready for a turn; it is not measured.
	Prepare(ctx context.Context, t Turn, c Cell) error
	// Do is the turn.
	Do(ctx context.Context, t Turn, c Cell) (Moved, error)
	// Clean puts away what the turn has left; it is not measured, and is called after a turn that failed too.
	Clean(ctx context.Context, t Turn, c Cell)
}

// cleanTime is how long putting away may take after a run was interrupted.
const cleanTime = 30 * time.Second

// Runner runs a benchmark.
type Runner struct {
	Cells   []Cell
	Warmups int       // rounds that are not measured, before the others
	Count   int       // rounds that are
	Calls   *Recorder // of the calls that the turns make
	// OnWarm is told after the warm-up how long a round of all cells took. Its error ends the run. It may be nil.
	OnWarm func(round time.Duration) error
	// OnSample is told of each sample. Its error ends the run. It may be nil.
	OnSample func(Sample) error
}

// Run lets every cell have its turns, and returns the samples so far and the error that ended the run.
func (r *Runner) Run(ctx context.Context, w Worker) (samples []Sample, err error) {
	began := time.Now()
	for turn := range Order(len(r.Cells), r.Warmups, r.Count) {
		if turn.Round == 0 && turn.Serial == r.Warmups*len(r.Cells) && r.Warmups > 0 && r.OnWarm != nil {
			if err := r.OnWarm(time.Since(began) / time.Duration(r.Warmups)); err != nil {
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

// turn runs one turn, and cleans up after it whatever comes.
func (r *Runner) turn(ctx context.Context, w Worker, t Turn) (Sample, error) {
	if ctx.Err() != nil {
		return Sample{}, context.Cause(ctx)
	}
	c := r.Cells[t.Cell]
	defer func() {
		ctx, stop := outlasting(ctx)
		defer stop()
		w.Clean(ctx, t, c)
	}()
	if err := w.Prepare(ctx, t, c); err != nil {
		return Sample{}, err
	}
	return r.measure(ctx, w, t, c)
}

func (r *Runner) measure(ctx context.Context, w Worker, t Turn, c Cell) (Sample, error) {
	runtime.GC() // one turn's garbage is not another's
	resetPeak()
	r.Calls.begin(t.Round == 0)
	cpu, start := cpuTime(), time.Now()
	moved, err := w.Do(ctx, t, c)
	elapsed := time.Since(start)
	used, peak := cpuTime()-cpu, peakMemory()
	s := r.Calls.end()
	s.Turn, s.Moved, s.Start, s.Elapsed, s.CPU, s.Peak = t, moved, start, elapsed, used, peak
	return s, err
}

// outlasting returns a context that still lasts a while where ctx has ended.
func outlasting(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
}
