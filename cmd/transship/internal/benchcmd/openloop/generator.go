package openloop

import (
	"context"
	"sync"
	"time"
)

// LateAfter is how much after it was due a call starts at the earliest to be called late.
const LateAfter = 10 * time.Millisecond

// prepareAhead is how many operations are prepared before they are due.
const prepareAhead = 64

// Op is an operation: a call, or several that follow one another.
type Op func(ctx context.Context) error

// Generator starts operations when they are due. What it holds in memory is bounded by Outstanding,
// whatever the server does.
type Generator struct {
	Schedule Schedule
	// Outstanding is how many operations are under way at once, at most; at least 1. One that is due when
	// all places are taken waits for a place, and is counted from when it was due.
	Outstanding int
	// Drain is how long operations may take after the end of the schedule. Then those under way are
	// cancelled, and those that have not started are not started.
	Drain time.Duration
	// Prepare makes the operation of an arrival. It is called in order, by one goroutine, somewhat before
	// the operation is due.
	Prepare func(ctx context.Context, a Arrival) (Op, error)
	// Class names the kind of an error of an operation, such as "503".
	Class func(error) string

	start  time.Time
	places chan struct{}
	due    chan prepared // to workers that wait for work
	result *Result
	mu     sync.Mutex // guards result
	ops    sync.WaitGroup
	free   time.Time // when an operation last got a place that it had waited for
}

// Unsent is the class of operations that were not started, since all places were taken until Drain
// was over; Unfinished that of those cancelled then. Both are counted in the latencies with the time
// from when they were due to then, which is less than they would have taken.
const (
	Unsent     = "unsent"
	Unfinished = "unfinished"
)

// prepared is an operation that is not yet due.
type prepared struct {
	Arrival
	op  Op
	err error // of Prepare
}

// Run runs the schedule. It returns what was measured, also if it ends early, with an error of Prepare
// or the cause of ctx.
func (g *Generator) Run(ctx context.Context) (*Result, error) {
	g.places, g.due = make(chan struct{}, max(g.Outstanding, 1)), make(chan prepared)
	g.result = newResult(g.Schedule)
	prepareCtx, stop := context.WithCancel(ctx)
	defer stop()
	queue := g.prepare(prepareCtx)
	g.start = time.Now()
	end := g.start.Add(g.Schedule.Length() + g.Drain)
	opCtx, cancel := context.WithDeadlineCause(ctx, end, errDrained)
	defer cancel()
	err := g.dispatch(ctx, opCtx, queue)
	if err != nil {
		cancel()
	}
	close(g.due)
	g.ops.Wait()
	g.result.Elapsed = time.Since(g.start)
	return g.result, err
}

type drainedError struct{}

// Error implements error.
func (drainedError) Error() string { return "the time after the last call is over" }

var errDrained error = drainedError{}

// prepare makes the operations, prepareAhead of them at most before they are taken.
func (g *Generator) prepare(ctx context.Context) <-chan prepared {
	queue := make(chan prepared, prepareAhead)
	go func() {
		defer close(queue)
		for a := range g.Schedule.Arrivals() {
			op, err := g.Prepare(ctx, a)
			select {
			case queue <- prepared{a, op, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return queue
}

// dispatch starts each operation when it is due and has a place.
func (g *Generator) dispatch(ctx, opCtx context.Context, queue <-chan prepared) error {
	for p := range queue {
		if p.err != nil {
			return p.err
		}
		if err := g.waitUntilDue(ctx, g.start.Add(p.Due)); err != nil {
			return err
		}
		if !g.takePlace(opCtx) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			g.record(p.Arrival, Unsent, nil)
			continue
		}
		g.noteStart(p.Arrival)
		select {
		case g.due <- p:
		default:
			g.ops.Add(1)
			go g.work(opCtx, p)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (g *Generator) waitUntilDue(ctx context.Context, due time.Time) error {
	wait := time.Until(due)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// takePlace waits for a place. It returns false if ctx ends first.
func (g *Generator) takePlace(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case g.places <- struct{}{}:
		return true
	default:
	}
	g.mu.Lock()
	g.result.Waited++
	g.mu.Unlock()
	select {
	case g.places <- struct{}{}:
		g.free = time.Now()
		return true
	case <-ctx.Done():
		return false
	}
}

// noteStart notes how late an operation starts by the generator's own fault: after it was due and there
// was a place.
func (g *Generator) noteStart(a Arrival) {
	due := g.start.Add(a.Due)
	if g.free.After(due) {
		due = g.free
	}
	late := time.Since(due)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.result.Outstanding = max(g.result.Outstanding, len(g.places))
	if a.Step >= 0 {
		g.result.Lateness.Add(late)
	}
	if a.Step >= 0 && late >= LateAfter {
		g.result.Late++
		g.result.Steps[a.Step].Late++
	}
}

// work does an operation, and then others: a new goroutine for each would grow its stack each time. There
// are as many workers as there were ever operations at once.
func (g *Generator) work(ctx context.Context, p prepared) {
	defer g.ops.Done()
	g.do(ctx, p)
	for p := range g.due {
		g.do(ctx, p)
	}
}

func (g *Generator) do(ctx context.Context, p prepared) {
	err := p.op(ctx)
	<-g.places
	class := ""
	switch {
	case err == nil:
	case ctx.Err() != nil:
		class = Unfinished
	default:
		class = g.Class(err)
	}
	g.record(p.Arrival, class, err)
}

// record counts an operation that has ended just now, with the class of its error.
func (g *Generator) record(a Arrival, class string, err error) {
	at := time.Since(g.start)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.result.add(a, at, class, err)
}
