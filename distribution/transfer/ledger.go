package transfer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// maxMountSources is how many repositories are offered to a target to mount a blob from. One is
// enough, unless it is refused.
const maxMountSources = 3

// ledger records which content the engine has brought to which repositories, and what is on its way
// there, so that each digest goes to a registry once however many images share it. Small content that
// was not used for long is forgotten, so that memory does not grow with the number of images: it is then
// asked for, or sent, once more.
type ledger struct {
	mu     sync.Mutex
	large  map[ledgerKey]*ledgerEntry // content of blob.LargeSize and more
	recent map[ledgerKey]*ledgerEntry // small content; at most ledgerSize but for what is on its way
	older  map[ledgerKey]*ledgerEntry // small content that was used before recent began
}

// ledgerSize is how many small digests a ledger remembers at least.
const ledgerSize = 1 << 13

// ledgerKey is a digest on a registry. The digest is hashed, which takes a quarter of the memory of its text.
type ledgerKey struct {
	registry any // see place
	digest   [16]byte
}

func keyOf(registry any, d manifest.Descriptor) ledgerKey {
	sum := sha256.Sum256([]byte(d.Digest))
	return ledgerKey{registry, [16]byte(sum[:])}
}

// ledgerEntry is one digest on one registry.
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

// isInFlight reports whether a claim would have to wait. It leaves no entry behind: a target that stands for
// several claims for each of them.
func (l *ledger) isInFlight(to place, d manifest.Descriptor) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := keyOf(to.registry, d)
	e := cmp.Or(l.large[key], l.recent[key], l.older[key])
	return e != nil && e.wait(to.repository) != nil
}

// tryClaim returns all claims, or what to wait for before trying again.
func (l *ledger) tryClaim(to []place, d manifest.Descriptor) (claims map[place]*claim, wait chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range to {
		e := l.entry(p.registry, d)
		if e.size >= 0 && e.size != d.Size {
			return nil, nil, &blob.MismatchError{Want: d.Digest, WantSize: d.Size, GotSize: e.size}
		}
		if wait := e.wait(p.repository); wait != nil {
			return nil, wait, nil
		}
	}
	claims = map[place]*claim{}
	for _, p := range to {
		e := l.entry(p.registry, d)
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

func (l *ledger) entry(registry any, d manifest.Descriptor) *ledgerEntry {
	key := keyOf(registry, d)
	if e := cmp.Or(l.large[key], l.recent[key]); e != nil {
		return e
	}
	e := l.older[key]
	if e == nil {
		e = &ledgerEntry{size: -1}
	}
	if d.Size >= blob.LargeSize {
		return put(&l.large, key, e)
	}
	if len(l.recent) >= ledgerSize {
		l.forget()
	}
	return put(&l.recent, key, e)
}

// forget drops what was not used since recent began, and begins it anew. What is on its way stays: others
// may wait for it.
func (l *ledger) forget() {
	older := l.older
	l.older, l.recent = l.recent, nil
	for key, e := range older {
		if e.inFlight != nil {
			put(&l.recent, key, e)
		}
	}
}

// put adds an entry to a map, which may be nil, and returns it.
func put(entries *map[ledgerKey]*ledgerEntry, key ledgerKey, e *ledgerEntry) *ledgerEntry {
	if *entries == nil {
		*entries = map[ledgerKey]*ledgerEntry{}
	}
	(*entries)[key] = e
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
