package auth

import (
	"context"
	"sync"
)

// cache keeps what was looked up, such as a credential, since looking is slow.
// Those who need the same at the same time wait for one look together. The zero
// value is ready.
type cache[K, V comparable] struct {
	mu    sync.Mutex
	known map[K]V
	looks group[K, V]
}

// get returns what is known under a key, and looks for it where nothing is. An
// error is not kept.
func (c *cache[K, V]) get(ctx context.Context, key K, look func(context.Context) (V, error)) (V, error) {
	if v, ok := c.kept(key); ok {
		return v, nil
	}
	same := func(other K) bool { return other == key }
	return c.looks.do(ctx, key, same, func(ctx context.Context) (V, error) {
		v, err := look(ctx)
		if err == nil {
			c.keep(key, v)
		}
		return v, err
	})
}

func (c *cache[K, V]) kept(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.known[key]
	return v, ok
}

func (c *cache[K, V]) keep(key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = make(map[K]V)
	}
	c.known[key] = v
}

// forget forgets what is known under a key, if that is still v, and reports
// whether it was.
func (c *cache[K, V]) forget(key K, v V) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	still := c.known[key] == v
	if still {
		delete(c.known, key)
	}
	return still
}

// clear forgets everything.
func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = nil
}
