package transfer

import (
	"context"
	"fmt"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// PutBlob implements Target: the source is opened once for all who need the bytes. Of the targets on one registry the
// first gets them, and the others mount the blob from there; it is opened once more for those who cannot.
func (f *fan) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string) (blob.Outcome, error) {
	first, behind := apart(f.alive(), func(b *branch) place { return place{registry: b.place.registry} })
	put := &fanPut{fan: f, blob: d, best: blob.Exists}
	err := put.among(ctx, first, open, f.holders)
	if err != nil || len(behind) == 0 {
		return put.best, err
	}
	var others []*branch
	for _, b := range alive(behind) {
		if behind[b].place != b.place || behind[b].failed() != nil {
			others = append(others, b)
		}
	}
	err = put.among(ctx, others, open, func(b *branch) []string {
		if behind[b].failed() != nil {
			return f.holders(b)
		}
		return append([]string{behind[b].place.repository}, f.holders(b)...)
	})
	return put.best, err
}

// fanPut is one blob on its way to a fan's targets.
type fanPut struct {
	fan  *fan
	blob manifest.Descriptor

	mu   sync.Mutex
	best blob.Outcome // of all targets, the one that took most
}

// among puts the blob to some of them, which share one reading of the source; from says where each may mount it from.
func (p *fanPut) among(ctx context.Context, branches []*branch, open blob.Open, from func(*branch) []string) error {
	shared := newShare(len(branches), open)
	return p.fan.among(ctx, branches, func(b *branch) error {
		part := shared.join()
		defer part.leave()
		return p.to(ctx, b, part.open, from(b))
	})
}

// to puts the blob to one of them.
func (p *fanPut) to(ctx context.Context, b *branch, open blob.Open, from []string) error {
	outcome, err := b.to.Target.PutBlob(ctx, p.blob, open, from...)
	if err != nil {
		return fmt.Errorf("blob %s from %s to %s: %w", p.blob.Digest.Short(), name(p.fan.src), name(b.to.Target), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.best = max(p.best, outcome)
	return nil
}

// holders is where a branch's registry may mount blobs from: the source's repository, when it is there too.
func (f *fan) holders(b *branch) []string {
	if from := placeOf(f.src); from.registry == b.place.registry && from != b.place {
		return []string{from.repository}
	}
	return nil
}

// oncePerRepository does something with one branch of each repository that has any that has not failed; with the others
// there where that fails.
func (f *fan) oncePerRepository(ctx context.Context, do func(b *branch) error) error {
	first, behind := apart(f.alive(), func(b *branch) place { return b.place })
	if err := f.among(ctx, first, do); err != nil || len(behind) == 0 {
		return err
	}
	var left []*branch
	for _, b := range alive(behind) {
		if behind[b].failed() != nil {
			left = append(left, b)
		}
	}
	return f.among(ctx, left, do)
}

// apart parts branches: the first of each place, and the others, each with the first of its place.
func apart(branches []*branch, where func(*branch) place) (first []*branch, behind map[*branch]*branch) {
	at := map[place]*branch{}
	behind = map[*branch]*branch{}
	for _, b := range branches {
		if other := at[where(b)]; other != nil {
			behind[b] = other
			continue
		}
		at[where(b)] = b
		first = append(first, b)
	}
	return first, behind
}

// alive are those behind others that have not failed.
func alive(behind map[*branch]*branch) []*branch {
	var out []*branch
	for b := range behind {
		if b.failed() == nil {
			out = append(out, b)
		}
	}
	return out
}
