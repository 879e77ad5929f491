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
// content. It waits as claimAll does.
func (l *ledger) claim(ctx context.Context, to place, d manifest.Descriptor) (*claim, error) {
	claims, err := l.claimAll(ctx, []place{to}, d)
	return claims[to], err
}

// claimAll returns a claim, which the caller must release, for each repository that did not get the
// content yet. It waits while the content is on its way to one of them, and also while it is on its way
// to the first repository of a registry, so that the others can mount it from that one. It holds no
// claim while it waits, so that no two callers wait for each other. If the content has arrived with
// another size than d's, the error is a *[blob.MismatchError].
func (l *ledger) claimAll(ctx context.Context, to []place, d manifest.Descriptor) (map[place]*claim, error) {
	for {
		claims, wait, err := l.tryClaim(to, d)
		if err != nil || wait == nil {
			return claims, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryClaim returns all claims, or what to wait for before trying again.
func (l *ledger) tryClaim(to []place, d manifest.Descriptor) (claims map[place]*claim, wait chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range to {
		e := l.entry(ledgerKey{p.registry, d.Digest})
		if e.size >= 0 && e.size != d.Size {
			return nil, nil, &blob.MismatchError{Want: d.Digest, WantSize: d.Size, GotSize: e.size}
		}
		if wait := e.wait(p.repository); wait != nil {
			return nil, wait, nil
		}
	}
	claims = map[place]*claim{}
	for _, p := range to {
		e := l.entry(ledgerKey{p.registry, d.Digest})
		if claims[p] != nil || slices.Contains(e.holders, p.repository) {
			continue
		}
		if e.inFlight == nil {
			e.inFlight = map[string]chan struct{}{}
		}
		e.inFlight[p.repository] = make(chan struct{})
		claims[p] = &claim{l, e, p.repository, slices.Clone(e.holders[:min(len(e.holders), maxMountSources)])}
	}
	return claims, nil, nil
}

// wait returns what a claim for a repository has to wait for, nil if that is nothing.
func (e *ledgerEntry) wait(repository string) chan struct{} {
	if slices.Contains(e.holders, repository) {
		return nil
	}
	if wait, ok := e.inFlight[repository]; ok {
		return wait
	}
	if len(e.holders) == 0 {
		for _, wait := range e.inFlight {
			return wait
		}
	}
	return nil
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
