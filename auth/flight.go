package auth

import (
	"context"
	"sync"
)

// group runs one piece of work for all who need its result at the same time.
// Unlike x/sync/singleflight it gives the work a context of its own, which ends
// when everyone who waited has gone: one who is cancelled does not fail the
// others, and work for nobody stops. The zero value is ready to use.
type group[K, V any] struct {
	mu    sync.Mutex
	calls []*call[K, V]
}

type call[K, V any] struct {
	key     K
	cancel  context.CancelFunc
	waiting int
	done    chan struct{} // closed when value and err are set
	value   V
	err     error
}

// do returns the result of work for key, its own or that of a call under way
// whose key serves this one too. The work sees the values of ctx.
func (g *group[K, V]) do(ctx context.Context, key K, serves func(K) bool, work func(context.Context) (V, error)) (V, error) {
	c := g.join(ctx, key, serves, work)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		g.leave(c)
		var none V
		return none, context.Cause(ctx)
	}
}

func (g *group[K, V]) join(ctx context.Context, key K, serves func(K) bool, work func(context.Context) (V, error)) *call[K, V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.calls {
		if serves(c.key) {
			c.waiting++
			return c
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &call[K, V]{key: key, cancel: cancel, waiting: 1, done: make(chan struct{})}
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

// leave gives up waiting; the last to leave stops the work.
func (g *group[K, V]) leave(c *call[K, V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.waiting--
	if c.waiting == 0 {
		c.cancel()
		g.remove(c)
	}
}

func (g *group[K, V]) remove(c *call[K, V]) {
	for i := range g.calls {
		if g.calls[i] == c {
			g.calls = append(g.calls[:i], g.calls[i+1:]...)
			return
		}
	}
}
