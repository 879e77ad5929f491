package transfer

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Tagger is implemented by targets that can put a manifest under several tags with one call.
type Tagger interface {
	// PutManifestTags is PutManifest of [Target] for several tags. After an error some may be set.
	// open is that of [Resender].
	PutManifestTags(
		ctx context.Context, tags []string, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
	) error
}

// tagPuts are the tags that copies are about to put, by the manifest and the repository. The first
// copy that is ready puts all of them: the content is the same, and each copy has checked its own
// tag before.
type tagPuts struct {
	mu      sync.Mutex
	waiting map[tagKey][]*tagPut
}

type tagKey struct {
	to     place
	digest blob.Digest
	owner  any // the call of the engine, if only its own tags go together; else nil
}

// tagPut is a tag that a copy is about to put.
type tagPut struct {
	puts *tagPuts
	key  tagKey
	tag  string
	done chan struct{} // closed when another copy has put it, or failed to
	err  error         // of that copy
}

// announce adds a tag that is going to be put. It returns nil for a target that puts each tag
// alone, and for a digest. Only tags of one owner go together.
func (p *tagPuts) announce(owner any, dst Target, to place, digest blob.Digest, as string) *tagPut {
	if _, ok := dst.(Tagger); !ok || blob.Digest(as).Validate() == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = map[tagKey][]*tagPut{}
	}
	t := &tagPut{puts: p, key: tagKey{to, digest, owner}, tag: as, done: make(chan struct{})}
	p.waiting[t.key] = append(p.waiting[t.key], t)
	return t
}

// take returns all tags that wait with t, in the order they were announced, which then wait no
// more. It returns nil if another copy has taken t.
func (t *tagPut) take() []*tagPut {
	t.puts.mu.Lock()
	defer t.puts.mu.Unlock()
	all := t.puts.waiting[t.key]
	if !slices.Contains(all, t) {
		return nil
	}
	delete(t.puts.waiting, t.key)
	return all
}

// withdraw removes a tag whose copy has ended. A nil tag, and one that was taken, are none.
func (t *tagPut) withdraw() {
	if t == nil {
		return
	}
	t.puts.mu.Lock()
	defer t.puts.mu.Unlock()
	left := slices.DeleteFunc(t.puts.waiting[t.key], func(other *tagPut) bool { return other == t })
	if len(left) == 0 {
		delete(t.puts.waiting, t.key)
		return
	}
	t.puts.waiting[t.key] = left
}

// put puts a manifest under the tag and those that wait with it, or waits for the copy that does.
// If that fails each tag is put alone, so that each copy has the error of its own tag.
func (t *tagPut) put(
	ctx context.Context, e *Engine, dst Target, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) error {
	alone := func() error {
		return e.withManifestSlot(ctx, func() error { return putManifest(ctx, dst, t.tag, m, open) })
	}
	all := t.take()
	switch {
	case all == nil:
		select {
		case <-t.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if t.err == nil {
			return nil
		}
		return alone()
	case len(all) == 1:
		return alone()
	}
	var tags []string
	for _, other := range all {
		tags = append(tags, other.tag)
	}
	err := e.withManifestSlot(ctx, func() error { return dst.(Tagger).PutManifestTags(ctx, tags, m, open) })
	for _, other := range all { // no copy waits for t
		other.err = err
		close(other.done)
	}
	if err != nil {
		return alone()
	}
	return nil
}

// CopyTags is [Engine.Copy] under several tags of a repository. What must be known of each tag is
// known before the first is put, so that a [Tagger] gets all with one call. It returns the image's
// descriptor for each tag, and an error or nil.
func (e *Engine) CopyTags(
	ctx context.Context, src Source, ref string, dst Target, tags ...string,
) (copied []manifest.Descriptor, errs []error) {
	e.prepare()
	copied, errs = make([]manifest.Descriptor, len(tags)), make([]error, len(tags))
	runs := make([]*copyRun, len(tags))
	var group errgroup.Group
	group.SetLimit(maxParallel) // a goroutine for each of 60,000 tags would take a gigabyte
	if e.Jobs == 1 {
		group.SetLimit(1)
	}
	for i, tag := range tags {
		runs[i] = e.newRun(src, dst)
		group.Go(func() error {
			errs[i] = runs[i].resolve(ctx, ref, tag)
			return nil
		})
	}
	_ = group.Wait()
	for i, c := range runs {
		if errs[i] == nil {
			c.announceTag(&runs[0])
		}
	}
	for i, c := range runs {
		if errs[i] == nil {
			copied[i], errs[i] = c.finish(ctx)
		}
		c.tag.withdraw()
	}
	return copied, errs
}
