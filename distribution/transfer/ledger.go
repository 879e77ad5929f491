package transfer

import (
	"context"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// mountable is how many repositories that have a blob are named to a target: one is enough, unless it refuses.
const mountable = 3

// ledger knows what content this run has brought to which repositories, and what is on its way, so that each digest goes
// to a registry once however many images share it.
type ledger struct {
	mu      sync.Mutex
	entries map[ledgerKey]*entry
}

type ledgerKey struct {
	registry any
	digest   blob.Digest
}

// entry is one digest on one registry. A run may have a hundred thousand of them.
type entry struct {
	size    int64                    // in bytes, as it was found when the content was read; -1 before
	holders []string                 // repositories that have it
	busy    map[string]chan struct{} // repositories it is on its way to; closed when it has arrived or failed
}

// claim is the right to bring content to a repository.
type claim struct {
	ledger     *ledger
	entry      *entry
	repository string
	holders    []string // some of those who have it
}

// claim returns nil when the repository has the content from this run. It waits while that is on its way there, and also
// while it is on its way to the registry's first repository, since the others can then mount it from that one. Content
// that has come with another size is a *[blob.MismatchError]. The caller must release the claim.
func (l *ledger) claim(ctx context.Context, to place, d manifest.Descriptor) (*claim, error) {
	for {
		c, wait, size := l.try(ledgerKey{to.registry, d.Digest}, to.repository)
		if size >= 0 && size != d.Size {
			if c != nil {
				c.release(false, size)
			}
			return nil, &blob.MismatchError{Want: d.Digest, WantSize: d.Size, GotSize: size}
		}
		if wait == nil {
			return c, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// try makes a claim, or returns what to wait for before trying again. Neither means that the repository has the content.
// size is the entry's.
func (l *ledger) try(key ledgerKey, repository string) (c *claim, wait chan struct{}, size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(key)
	if slices.Contains(e.holders, repository) {
		return nil, nil, e.size
	}
	if wait, ok := e.busy[repository]; ok {
		return nil, wait, e.size
	}
	if len(e.holders) == 0 {
		for _, wait := range e.busy {
			return nil, wait, e.size
		}
	}
	if e.busy == nil {
		e.busy = map[string]chan struct{}{}
	}
	e.busy[repository] = make(chan struct{})
	return &claim{l, e, repository, slices.Clone(e.holders[:min(len(e.holders), mountable)])}, nil, e.size
}

func (l *ledger) entry(key ledgerKey) *entry {
	if l.entries == nil {
		l.entries = map[ledgerKey]*entry{}
	}
	e, ok := l.entries[key]
	if !ok {
		e = &entry{size: -1}
		l.entries[key] = e
	}
	return e
}

// release ends a claim and says whether the repository has the content now, and its size where it was read, else -1.
func (c *claim) release(arrived bool, size int64) {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	if arrived {
		c.entry.holders = append(c.entry.holders, c.repository)
		c.entry.size = max(c.entry.size, size)
	}
	close(c.entry.busy[c.repository])
	delete(c.entry.busy, c.repository)
	if len(c.entry.busy) == 0 {
		c.entry.busy = nil // an empty map is most of an entry
	}
}
