package image

import (
	"context"
	"fmt"
	"sync"

	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// localCache has the tars and layouts that a run has open. A list may name one of them on a
// thousand lines: it is opened once for all that read from it at the same time.
type localCache struct {
	checkBases bool // of deltas, too

	mu   sync.Mutex
	open map[string]*cachedLocal
}

// cachedLocal is a tar or layout with the number of its users.
type cachedLocal struct {
	*LocalImages
	users int
}

// get opens the tar or layout of a location, whose deltas are checked. The caller closes it.
func (c *localCache) get(ctx context.Context, r *run.Run, l Location) (*LocalImages, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprint(l.IsArchive(), l.Placed().Path)
	cached := c.open[key]
	if cached == nil {
		unpack := wholeReader()
		unpack.bases = allBases
		images, err := l.open(ctx, r, unpack)
		if err != nil {
			return nil, err
		}
		err = images.CheckDeltas(ctx)
		if err == nil && c.checkBases {
			err = images.CheckBases(ctx)
		}
		if err != nil {
			images.Close()
			return nil, err
		}
		if c.open == nil {
			c.open = map[string]*cachedLocal{}
		}
		cached = &cachedLocal{LocalImages: images}
		c.open[key] = cached
	}
	cached.users++
	shared := *cached.LocalImages
	shared.closers = []func(){sync.OnceFunc(func() { c.release(key) })}
	return &shared, nil
}

// release closes a tar or layout after its last user.
func (c *localCache) release(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cached := c.open[key]
	cached.users--
	if cached.users == 0 {
		delete(c.open, key)
		cached.LocalImages.Close()
	}
}
