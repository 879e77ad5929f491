package auth

import (
	"context"
	"sync"
)

// cache keeps values that are slow to look up, such as credentials. Concurrent calls for the same
// key wait for one lookup. The zero value is ready for use.
type cache[K, V comparable] struct {
	mu      sync.Mutex
	values  map[K]V
	lookups group[K, V]
}

// get returns the value of a key and looks it up if there is none. An error is not kept.
func (c *cache[K, V]) get(ctx context.Context, key K, lookup func(context.Context) (V, error)) (V, error) {
	if v, ok := c.load(key); ok {
		return v, nil
	}
	same := func(other K) bool { return other == key }
	return c.lookups.do(ctx, key, same, func(ctx context.Context) (V, error) {
		v, err := lookup(ctx)
		if err == nil {
			c.store(key, v)
		}
		return v, err
	})
}

func (c *cache[K, V]) load(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.values[key]
	return v, ok
}

func (c *cache[K, V]) store(key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = make(map[K]V)
	}
	c.values[key] = v
}

// compareAndDelete deletes the value of a key if it is still v, and reports whether it was.
func (c *cache[K, V]) compareAndDelete(key K, v V) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	equal := c.values[key] == v
	if equal {
		delete(c.values, key)
	}
	return equal
}
func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values = nil
}
