package distribution

// uploadLimit is what a client knows of the size that an upload request may have: proxies before a
// registry limit it (413), and registries the size of a chunk (416). It is kept so that only the
// first large blob is refused for it.
type uploadLimit struct {
	refused int64 // the smallest size in bytes of a body that was refused, 0 if none was
	chunk   int64 // the chunk size with which that blob was uploaded
}

// knownChunkSize returns the chunk size for a request whose body would have size bytes; 0 is one
// request.
func (c *Client) knownChunkSize(size int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uploadLimit.refused == 0 || size < c.uploadLimit.refused {
		return 0
	}
	return c.uploadLimit.chunk
}

// rememberUploadLimit remembers that a body of refused bytes was too large, and that chunks were
// not.
func (c *Client) rememberUploadLimit(refused, chunk int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uploadLimit.refused == 0 || refused <= c.uploadLimit.refused {
		c.uploadLimit = uploadLimit{refused, chunk}
	}
}
