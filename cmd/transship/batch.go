package main

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// batch is many things that are done side by side. One that fails is told of and does not stop the others.
type batch struct {
	app    *app
	of     int // how many there are in all
	atOnce int // how many are done side by side; 0 is imagesAtOnce

	mu     sync.Mutex
	done   int
	failed int
	last   error
}

// eachOf does something for each of a list that is part of a batch, and waits for all.
func eachOf[T fmt.Stringer](ctx context.Context, b *batch, list []T, do func(context.Context, T) error) {
	var group errgroup.Group
	group.SetLimit(cmp.Or(b.atOnce, imagesAtOnce))
	for _, one := range list {
		group.Go(func() error {
			if ctx.Err() == nil {
				b.note(ctx, one.String(), do(ctx, one))
			}
			return nil
		})
	}
	_ = group.Wait() // errors are noted
}

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
			b.app.stderr.line("failed: %s: %s", name, shorten(oneLine(err.Error())))
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
