package main

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// imagesAtOnce is how many images are looked after side by side: over a long link most of them wait for an answer.
const imagesAtOnce = 48

// partlyError says that some of several things failed. Why is printed already.
type partlyError struct{ failed, of int }

// Error tells how many.
func (e *partlyError) Error() string { return fmt.Sprintf("%d of %d failed", e.failed, e.of) }

// ExitCode implements [coded].
func (*partlyError) ExitCode() int { return exitPartly }

// batch is several things that a command does. One that fails is named at once and does not stop the others.
type batch struct {
	streams *streams
	of      int // how many there are in all
	atOnce  int // how many are done side by side; 0 is imagesAtOnce

	mu     sync.Mutex
	done   int
	failed int
	last   error
}

// eachOf does something for each of a list that is part of a batch, and waits for all.
func eachOf[T any](ctx context.Context, b *batch, list []T, do func(context.Context, T) error) {
	var group errgroup.Group
	group.SetLimit(cmp.Or(b.atOnce, imagesAtOnce))
	for _, one := range list {
		group.Go(func() error {
			if ctx.Err() == nil {
				b.note(ctx, fmt.Sprint(one), do(ctx, one))
			}
			return nil
		})
	}
	_ = group.Wait() // errors are noted
}

// note takes what became of one of the things. A failure that the end of ctx has caused is none of its own.
func (b *batch) note(ctx context.Context, name string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
		b.done++
	case ctx.Err() == nil:
		b.failed++
		b.last = err
		if b.of > 1 {
			b.streams.failed(name, err)
		}
	}
}

// err is the error of the whole: that of a single thing, or how many of several failed.
func (b *batch) err(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case b.failed == 0:
		return nil
	case b.of == 1:
		return b.last
	}
	return &partlyError{b.failed, b.of}
}

// inTurn does something for every argument, one after the other.
func inTurn(ctx context.Context, s *streams, args []string, do func(ctx context.Context, arg string) error) error {
	b := &batch{streams: s, of: len(args), atOnce: 1}
	eachOf(ctx, b, args, do)
	return b.err(ctx)
}
