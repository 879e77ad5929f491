package cli

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// ParallelImages is how many images a command works on at once. Over a long link most of them wait
// for an answer.
const ParallelImages = 80

// PartialError reports that some of several items failed. Their errors have been printed.
type PartialError struct {
	Failed, Total int
	Errs          []error // of the items that failed
}

// Error returns the two numbers.
func (e *PartialError) Error() string { return fmt.Sprintf("%d of %d failed", e.Failed, e.Total) }

// ExitCode implements [coded].
func (*PartialError) ExitCode() int { return ExitPartial }

// Batch counts the items of a command that does the same with each of them. An item that fails is
// printed at once and does not stop the others.
type Batch struct {
	Streams  *Streams
	Total    int // all items of the batch; Each may be called several times
	Parallel int // items worked on at once; ParallelImages if zero
	Done     int // items that succeeded; to be read when no more finish

	mu   sync.Mutex
	errs []error // of the items that failed
}

// Each calls do for each item of a list, b.Parallel at once, and waits for all of them. Once ctx
// has ended it starts no more. A failed item is printed by its fmt.Sprint.
func Each[T any](ctx context.Context, b *Batch, list []T, do func(context.Context, T) error) {
	var group errgroup.Group
	group.SetLimit(cmp.Or(b.Parallel, ParallelImages))
	for _, item := range list {
		group.Go(func() error {
			if ctx.Err() == nil {
				b.Finish(ctx, fmt.Sprint(item), do(ctx, item))
			}
			return nil
		})
	}
	_ = group.Wait() // the batch has the errors
}

// Finish counts an item that ended with err. An error after ctx has ended is not the item's own: it
// is not counted.
func (b *Batch) Finish(ctx context.Context, name string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		b.Done++
	case ctx.Err() == nil:
		b.errs = append(b.errs, err)
		if b.Total > 1 {
			b.Streams.PrintFailure(name, err)
		}
	}
}

// Err returns the cause of ctx if that has ended, the error of a single item, or a [PartialError].
func (b *Batch) Err(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(b.errs) == 0:
		return nil
	case b.Total == 1:
		return b.errs[0]
	}
	return &PartialError{Failed: len(b.errs), Total: b.Total, Errs: b.errs}
}

// EachArg calls do for each argument, one after the other, and returns the error of the batch.
func EachArg(ctx context.Context, s *Streams, args []string, do func(ctx context.Context, arg string) error) error {
	b := &Batch{Streams: s, Total: len(args), Parallel: 1}
	Each(ctx, b, args, do)
	return b.Err(ctx)
}
