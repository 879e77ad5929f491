package distribution

// requestLimit is what a client has learnt about how large a request may be: proxies before a registry limit that (413),
// and so do registries their chunks (416). So only the first large blob is refused for it.
type requestLimit struct {
	refused int64 // the least size in bytes of a body that was refused, 0 where none was
	chunk   int64 // what the chunks of that blob had when it arrived
}

// chunkFor returns what chunks to send where a call would have size bytes: 0 for that one call.
func (c *Client) chunkFor(size int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit.refused == 0 || size < c.limit.refused {
		return 0
	}
	return c.limit.chunk
}

// noteLimit remembers that a call with refused bytes was too large, and that chunks were not.
func (c *Client) noteLimit(refused, chunk int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit.refused == 0 || refused <= c.limit.refused {
		c.limit = requestLimit{refused, chunk}
	}
}
