package transfer

import (
	"context"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// maxMountSources is how many repositories are offered to a target to mount a blob from. One is
// enough, unless it is refused.
const maxMountSources = 3

// ledger records which content the engine has brought to which repositories, and what is on its way
// there, so that each digest goes to a registry once however many images share it.
type ledger struct {
	mu      sync.Mutex
	entries map[ledgerKey]*ledgerEntry
}

type ledgerKey struct {
	registry any // see place
	digest   blob.Digest
}

// ledgerEntry is one digest on one registry. An engine may have a hundred thousand of them.
type ledgerEntry struct {
	size     int64                    // in bytes, as found when the content was read; -1 before
	holders  []string                 // repositories that have the content
	inFlight map[string]chan struct{} // repositories the content is on its way to; closed when it has arrived or failed
}

// claim is the exclusive right to bring content to a repository.
type claim struct {
	ledger     *ledger
	entry      *ledgerEntry
	repository string
	holders    []string // up to maxMountSources repositories that have the content
}

// claim returns a claim, which the caller must release, or nil if the repository already got the
// content. It waits while the content is on its way there, and also while it is on its way to the
// first repository of the registry, so that the others can mount it from that one. If the content
// has arrived with another size than d's, the error is a *[blob.MismatchError].
func (l *ledger) claim(ctx context.Context, to place, d manifest.Descriptor) (*claim, error) {
	for {
		c, wait, size := l.tryClaim(ledgerKey{to.registry, d.Digest}, to.repository)
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

// tryClaim returns a claim, or what to wait for before trying again, or neither if the repository
// got the content. size is that of the entry.
func (l *ledger) tryClaim(key ledgerKey, repository string) (c *claim, wait chan struct{}, size int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(key)
	if slices.Contains(e.holders, repository) {
		return nil, nil, e.size
	}
	if wait, ok := e.inFlight[repository]; ok {
		return nil, wait, e.size
	}
	if len(e.holders) == 0 {
		for _, wait := range e.inFlight {
			return nil, wait, e.size
		}
	}
	if e.inFlight == nil {
		e.inFlight = map[string]chan struct{}{}
	}
	e.inFlight[repository] = make(chan struct{})
	return &claim{l, e, repository, slices.Clone(e.holders[:min(len(e.holders), maxMountSources)])}, nil, e.size
}

func (l *ledger) entry(key ledgerKey) *ledgerEntry {
	if l.entries == nil {
		l.entries = map[ledgerKey]*ledgerEntry{}
	}
	e, ok := l.entries[key]
	if !ok {
		e = &ledgerEntry{size: -1}
		l.entries[key] = e
	}
	return e
}

// release ends a claim. arrived reports whether the repository now has the content. size is its
// size in bytes if it was read, otherwise -1.
func (c *claim) release(arrived bool, size int64) {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	if arrived {
		c.entry.holders = append(c.entry.holders, c.repository)
		c.entry.size = max(c.entry.size, size)
	}
	close(c.entry.inFlight[c.repository])
	delete(c.entry.inFlight, c.repository)
	if len(c.entry.inFlight) == 0 {
		c.entry.inFlight = nil // an empty map takes most of an entry's memory
	}
}
