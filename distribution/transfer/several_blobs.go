package transfer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// claimAndPutToSeveral puts a blob to the targets of m whose repositories did not get it from another
// copy. The outcome is Exists if there is none.
func (c *copyRun) claimAndPutToSeveral(ctx context.Context, m *multiTarget, d manifest.Descriptor) (blob.Outcome, error) {
	var to []place
	for _, t := range m.notFailed() {
		to = append(to, t.place)
	}
	claims, err := c.blobs.claimAll(ctx, to, d)
	if err != nil {
		return 0, fmt.Errorf("blob for %s: %w", name(m), err)
	}
	if len(claims) == 0 {
		return blob.Exists, nil
	}
	c.emit(Event{Kind: BlobFound, Target: name(m), Image: c.image, Descriptor: d})
	outcome, err := c.putInSlot(ctx, m.withClaims(claims), d, nil)
	arrived := map[place]bool{}
	for _, t := range m.notFailed() {
		arrived[t.place] = err == nil
	}
	for p, claim := range claims {
		claim.release(arrived[p], verifiedSize(d, outcome))
	}
	return outcome, err
}

// withClaims returns the targets with the claims to a blob.
func (m *multiTarget) withClaims(claims map[place]*claim) *multiTarget {
	return &multiTarget{engine: m.engine, src: m.src, from: m.from, targets: m.targets, claims: claims}
}

// claimed returns the targets that have not failed and whose repository is claimed.
func (m *multiTarget) claimed() []*targetState {
	return slices.DeleteFunc(m.notFailed(), func(t *targetState) bool { return m.claims[t.place] == nil })
}

// PutBlob implements Target for the targets with a claim: it opens the source once for all that need
// the bytes. Of the targets on one registry the first gets the bytes and the others mount the blob from
// it. For those that cannot, the source is opened once more.
func (m *multiTarget) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string,
) (blob.Outcome, error) {
	registry := func(t *targetState) place { return place{registry: t.place.registry} }
	leaders, leaderOf := groupByPlace(m.claimed(), registry)
	put := &blobPut{multi: m, blob: d, outcome: blob.Exists}
	err := put.toTargets(ctx, leaders, open, m.mountSources)
	if err != nil || len(leaderOf) == 0 {
		return put.outcome, err
	}
	var rest []*targetState
	for t, leader := range leaderOf {
		if t.failure() == nil && (t.place != leader.place || leader.failure() != nil) {
			rest = append(rest, t)
		}
	}
	err = put.toTargets(ctx, rest, open, func(t *targetState) []string {
		if leaderOf[t].failure() != nil {
			return m.mountSources(t)
		}
		return append([]string{leaderOf[t].place.repository}, m.mountSources(t)...)
	})
	return put.outcome, err
}

// blobPut is one blob on its way to the targets of a multiTarget.
type blobPut struct {
	multi *multiTarget
	blob  manifest.Descriptor

	mu      sync.Mutex
	outcome blob.Outcome // the most expensive one of all targets
}

// toTargets puts the blob to some of the targets, which share one reading of the source. mountFrom
// returns the repositories that a target can mount it from. Targets that got wrong bytes get the blob
// once more if the source has it from another place.
func (p *blobPut) toTargets(
	ctx context.Context, targets []*targetState, open blob.Open, mountFrom func(*targetState) []string,
) error {
	for {
		var mu sync.Mutex
		wrong := map[*targetState]error{}
		shared := newBroadcast(len(targets), open)
		err := p.multi.atOnce(ctx, targets, func(t *targetState) error { // they share one reading
			sub := shared.subscribe()
			defer sub.leave()
			err := p.toTarget(ctx, t, sub.open, mountFrom(t))
			var mismatch *blob.MismatchError
			if !errors.As(err, &mismatch) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			wrong[t] = err
			return nil
		})
		if err != nil || len(wrong) == 0 {
			return err
		}
		targets = slices.Collect(maps.Keys(wrong))
		if !RejectBlob(p.multi.src, p.blob, wrong[targets[0]]) {
			return p.multi.forEach(ctx, targets, func(t *targetState) error { return wrong[t] })
		}
	}
}

func (p *blobPut) toTarget(ctx context.Context, t *targetState, open blob.Open, mountFrom []string) error {
	outcome, err := p.multi.engine.putBlob(ctx, t.Target, p.blob, open, mountFrom...)
	if err != nil {
		return blobError(p.blob, p.multi.src, t.Target, err)
	}
	if outcome != blob.Exists {
		t.sent.Store(true)
	}
	p.multi.engine.emit(Event{Kind: BlobPut, Target: name(t.Target), Descriptor: p.blob, Outcome: outcome})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcome = max(p.outcome, outcome)
	return nil
}

// mountSources returns the repositories that a target can mount the blob from: those that got it from
// other copies, and the source's.
func (m *multiTarget) mountSources(t *targetState) []string {
	from := slices.Clone(m.claims[t.place].holders)
	if t.place.canMountFrom(m.from) {
		from = append(from, m.from.repository)
	}
	return from
}

// oncePerRepository calls f for one target of each repository, and for the others of a repository
// only if f fails for that one.
func (m *multiTarget) oncePerRepository(ctx context.Context, f func(*targetState) error) error {
	leaders, leaderOf := groupByPlace(m.notFailed(), func(t *targetState) place { return t.place })
	if err := m.forEach(ctx, leaders, f); err != nil || len(leaderOf) == 0 {
		return err
	}
	var rest []*targetState
	for t, leader := range leaderOf {
		if t.failure() == nil && leader.failure() != nil {
			rest = append(rest, t)
		}
	}
	return m.forEach(ctx, rest, f)
}

// groupByPlace splits targets into one leader per place and the rest, each mapped to its leader.
func groupByPlace(
	targets []*targetState, key func(*targetState) place,
) (leaders []*targetState, leaderOf map[*targetState]*targetState) {
	byPlace := map[place]*targetState{}
	leaderOf = map[*targetState]*targetState{}
	for _, t := range targets {
		if leader := byPlace[key(t)]; leader != nil {
			leaderOf[t] = leader
			continue
		}
		byPlace[key(t)] = t
		leaders = append(leaders, t)
	}
	return leaders, leaderOf
}
