package auth

import (
	"context"
	"slices"
	"sync"
)

// group runs a function once for all concurrent callers that need its result. Unlike
// x/sync/singleflight it gives the function a context of its own, which is cancelled when the last
// caller has stopped waiting: a cancelled caller does not fail the others. The zero value is ready
// for use.
type group[K, V any] struct {
	mu    sync.Mutex
	calls []*call[K, V]
}

type call[K, V any] struct {
	key     K
	cancel  context.CancelFunc
	waiters int
	done    chan struct{} // closed when value and err are set
	value   V
	err     error
}

// do returns the result of work for key, or that of a running call whose key matches. The context
// of work has the values of ctx.
func (g *group[K, V]) do(
	ctx context.Context, key K, matches func(K) bool, work func(context.Context) (V, error),
) (V, error) {
	c := g.join(ctx, key, matches, work)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		g.leave(c)
		var none V
		return none, context.Cause(ctx)
	}
}

func (g *group[K, V]) join(
	ctx context.Context, key K, matches func(K) bool, work func(context.Context) (V, error),
) *call[K, V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.calls {
		if matches(c.key) {
			c.waiters++
			return c
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &call[K, V]{key: key, cancel: cancel, waiters: 1, done: make(chan struct{})}
	g.calls = append(g.calls, c)
	go func() {
		defer cancel()
		c.value, c.err = work(ctx)
		g.mu.Lock()
		g.remove(c)
		g.mu.Unlock()
		close(c.done)
	}()
	return c
}

// leave stops waiting for a call. The last waiter to leave cancels it.
func (g *group[K, V]) leave(c *call[K, V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.waiters--
	if c.waiters == 0 {
		c.cancel()
		g.remove(c)
	}
}

func (g *group[K, V]) remove(c *call[K, V]) {
	g.calls = slices.DeleteFunc(g.calls, func(other *call[K, V]) bool { return other == c })
}
