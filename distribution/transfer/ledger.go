package transfer

import (
	"context"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
)

// ledger knows which blobs this run has brought to which repositories, and which are on their way, so that each goes
// to a registry once however many images share it.
type ledger struct {
	mu      sync.Mutex
	entries map[ledgerKey]*entry
}

type ledgerKey struct {
	registry any
	digest   blob.Digest
}

type entry struct {
	holders []string                 // repositories that have the blob
	busy    map[string]chan struct{} // repositories it is on its way to; closed when it has arrived or failed
}

// claim is the right to bring a blob to a repository.
type claim struct {
	ledger     *ledger
	entry      *entry
	repository string
	holders    []string // a copy of who has the blob
}

// claim returns done when the repository has the blob from this run. It waits while the blob is on its way there, and
// also while it is on its way to the registry's first repository, since the others can then mount it from that one.
// The caller must release the claim.
func (l *ledger) claim(ctx context.Context, registry any, repository string, d blob.Digest) (*claim, bool, error) {
	for {
		c, wait, done := l.try(ledgerKey{registry, d}, repository)
		if wait == nil {
			return c, done, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// try makes a claim, or returns what to wait for before trying again.
func (l *ledger) try(key ledgerKey, repository string) (c *claim, wait chan struct{}, done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(key)
	if slices.Contains(e.holders, repository) {
		return nil, nil, true
	}
	if wait, ok := e.busy[repository]; ok {
		return nil, wait, false
	}
	if len(e.holders) == 0 {
		for _, wait := range e.busy {
			return nil, wait, false
		}
	}
	e.busy[repository] = make(chan struct{})
	return &claim{l, e, repository, slices.Clone(e.holders)}, nil, false
}

func (l *ledger) entry(key ledgerKey) *entry {
	if l.entries == nil {
		l.entries = map[ledgerKey]*entry{}
	}
	e, ok := l.entries[key]
	if !ok {
		e = &entry{busy: map[string]chan struct{}{}}
		l.entries[key] = e
	}
	return e
}

// release ends a claim and says whether the repository has the blob now.
func (c *claim) release(arrived bool) {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	if arrived {
		c.entry.holders = append(c.entry.holders, c.repository)
	}
	close(c.entry.busy[c.repository])
	delete(c.entry.busy, c.repository)
}
