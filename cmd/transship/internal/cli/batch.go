package cli

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// ParallelImages is how many images are looked after side by side: over a long link most of them wait for an answer.
const ParallelImages = 48

// PartialError says that some of several things failed. Why is printed already.
type PartialError struct{ Failed, Total int }

// Error tells how many.
func (e *PartialError) Error() string { return fmt.Sprintf("%d of %d failed", e.Failed, e.Total) }

// ExitCode implements [coded].
func (*PartialError) ExitCode() int { return ExitPartial }

// Batch is several things that a command does. One that fails is named at once and does not stop the others.
type Batch struct {
	Streams  *Streams
	Total    int // how many there are in all
	Parallel int // how many are done side by side; 0 is imagesAtOnce

	mu     sync.Mutex
	Done   int
	failed int
	last   error
}

// Each does something for each of a list that is part of a batch, and waits for all.
func Each[T any](ctx context.Context, b *Batch, list []T, do func(context.Context, T) error) {
	var group errgroup.Group
	group.SetLimit(cmp.Or(b.Parallel, ParallelImages))
	for _, one := range list {
		group.Go(func() error {
			if ctx.Err() == nil {
				b.Finish(ctx, fmt.Sprint(one), do(ctx, one))
			}
			return nil
		})
	}
	_ = group.Wait() // errors are noted
}

// Finish takes what became of one of the things. A failure that the end of ctx has caused is none of its own.
func (b *Batch) Finish(ctx context.Context, name string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		b.Done++
	case ctx.Err() == nil:
		b.failed++
		b.last = err
		if b.Total > 1 {
			b.Streams.PrintFailure(name, err)
		}
	}
}

// Err is the error of the whole: that of a single thing, or how many of several failed.
func (b *Batch) Err(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case b.failed == 0:
		return nil
	case b.Total == 1:
		return b.last
	}
	return &PartialError{b.failed, b.Total}
}

// EachArg does something for every argument, one after the other.
func EachArg(ctx context.Context, s *Streams, args []string, do func(ctx context.Context, arg string) error) error {
	b := &Batch{Streams: s, Total: len(args), Parallel: 1}
	Each(ctx, b, args, do)
	return b.Err(ctx)
}
