package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Destination is one of several targets of a copy.
type Destination struct {
	Target Target
	As     string // the tag or digest the image is put under
}

// ErrAllFailed says that no target of several is left to copy to.
var ErrAllFailed = errors.New("every target has failed")

// CopyAll brings an image to several targets in one pass, as [Engine.Copy] does to one: each manifest and each blob is
// read from the source once, at the pace of the slowest target that needs it; a blob once more where targets on one
// registry cannot mount it from the first of them. A target that fails does not stop the
// others. It returns the image's descriptor, and for each destination its error or nil; an error that is not of one
// target (the image is not at the source, or damaged) is everyone's.
func (e *Engine) CopyAll(ctx context.Context, src Source, ref string, to ...Destination) (manifest.Descriptor, []error) {
	e.prepare()
	f := newFan(src, to)
	f.ask(ctx, e)
	d, err := e.toFan(ctx, src, ref, f)
	if err != nil && !errors.Is(err, ErrAllFailed) {
		f.fail(err)
	}
	for _, b := range f.alive() {
		e.tell(Event{Kind: ImageDone, Target: name(b.to.Target), Ref: b.to.As, Descriptor: d, Outcome: b.outcome})
	}
	return d, f.errors()
}

// toFan copies an image that some of the targets may lack.
func (e *Engine) toFan(ctx context.Context, src Source, ref string, f *fan) (manifest.Descriptor, error) {
	if len(f.alive()) == 0 {
		return manifest.Descriptor{}, ErrAllFailed
	}
	if have, agreed := f.common(); agreed {
		same, err := e.unchanged(ctx, src, ref, have)
		if same || err != nil {
			return have.Descriptor, err
		}
	}
	root, err := e.root(ctx, src, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	f.compare(root)
	return root.Descriptor, e.copyTo(ctx, src, f, root)
}

// copyTo brings all below the root to those that lack it, then what refers to it, then the root under its tags.
func (e *Engine) copyTo(ctx context.Context, src Source, f *fan, root manifest.Manifest) error {
	lacking := f.lacking()
	if len(lacking.branches) > 0 {
		if err := e.copyingTo(src, lacking).children(ctx, root, lacking.known()); err != nil {
			return err
		}
	}
	if e.Referrers {
		if err := lacking.putByDigest(ctx); err != nil {
			return err
		}
		if err := e.copyingTo(src, f).referrers(ctx, root); err != nil {
			return err
		}
	}
	lacking.putRoot(ctx)
	return nil
}

// copyingTo has ledgers of its own: who has failed, and so what a fan has, differs from copy to copy.
func (e *Engine) copyingTo(src Source, dst Target) *copying {
	c := e.copying(src, dst)
	c.blobs, c.manifests = &ledger{}, &ledger{}
	return c
}

// fan is several targets that are written as one. A target that fails is left out from then on.
type fan struct {
	src      Source
	branches []*branch
}

// branch is one target of a fan.
type branch struct {
	to      Destination
	place   place
	root    manifest.Manifest // the image, by the name that it has there
	have    presence          // what was there before
	outcome blob.Outcome      // of the image: Exists when the tag named it already

	mu  sync.Mutex
	err error
}

func newFan(src Source, to []Destination) *fan {
	f := &fan{src: src}
	for _, d := range to {
		f.branches = append(f.branches, &branch{to: d, place: placeOf(d.Target), outcome: blob.Exists})
	}
	return f
}

// String names the targets by their number: events and errors of one target have its own name.
func (f *fan) String() string { return fmt.Sprintf("%d targets", len(f.branches)) }

func (b *branch) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *branch) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
}

// fail ends every branch that has not failed for a reason of its own.
func (f *fan) fail(err error) {
	for _, b := range f.branches {
		b.fail(err)
	}
}

func (f *fan) errors() []error {
	out := make([]error, len(f.branches))
	for i, b := range f.branches {
		out[i] = b.failed()
	}
	return out
}

// alive are the branches that have not failed.
func (f *fan) alive() []*branch {
	var out []*branch
	for _, b := range f.branches {
		if b.failed() == nil {
			out = append(out, b)
		}
	}
	return out
}

// lacking is the fan of those targets that do not have the image and have not failed.
func (f *fan) lacking() *fan {
	out := &fan{src: f.src}
	for _, b := range f.alive() {
		if b.outcome != blob.Exists {
			out.branches = append(out.branches, b)
		}
	}
	return out
}

// each does something with every branch that has not failed, side by side, and notes who fails. It returns an error
// when nobody is left, or when the context has ended.
func (f *fan) each(ctx context.Context, do func(b *branch) error) error {
	return f.among(ctx, f.alive(), do)
}

// among is each for branches that were found alive before.
func (f *fan) among(ctx context.Context, branches []*branch, do func(b *branch) error) error {
	var group sync.WaitGroup
	for _, b := range branches {
		group.Go(func() {
			if err := do(b); err != nil {
				b.fail(err)
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(f.alive()) == 0 {
		return ErrAllFailed
	}
	return nil
}

// ask finds out what the targets have.
func (f *fan) ask(ctx context.Context, e *Engine) {
	_ = f.each(ctx, func(b *branch) (err error) {
		b.have, err = e.copying(f.src, b.to.Target).ask(ctx, b.to.As)
		return err
	})
}

// common returns what all targets have, where that is the same.
func (f *fan) common() (presence, bool) {
	first := f.alive()[0].have
	for _, b := range f.alive() {
		if b.have.Digest != first.Digest {
			return presence{}, false
		}
	}
	return first, true
}

// compare finds out who has the image already.
func (f *fan) compare(root manifest.Manifest) {
	for _, b := range f.alive() {
		var err error
		if b.root, err = under(b.to.Target, root, b.to.As); err != nil {
			b.fail(err)
		}
		if !b.have.is(b.root) {
			b.outcome = blob.Uploaded
		}
	}
}

// known tells whether parts of the image may be at every target.
func (f *fan) known() bool {
	return !slices.ContainsFunc(f.branches, func(b *branch) bool { return !b.have.some })
}

// putByDigest puts the image under no tag yet.
func (f *fan) putByDigest(ctx context.Context) error {
	if len(f.branches) == 0 {
		return nil
	}
	return f.oncePerRepository(ctx, func(b *branch) error { return b.to.Target.PutManifest(ctx, string(b.root.Digest), b.root) })
}

// putRoot puts the image under each target's own tag.
func (f *fan) putRoot(ctx context.Context) {
	_ = f.each(ctx, func(b *branch) error { return b.to.Target.PutManifest(ctx, b.to.As, b.root) })
}

// HeadManifest implements Target. What only some targets have is not there.
func (f *fan) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	var mu sync.Mutex
	var found []manifest.Descriptor
	err := f.each(ctx, func(b *branch) error {
		d, err := b.to.Target.HeadManifest(ctx, ref)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		found = append(found, d)
		return err
	})
	if err != nil {
		return manifest.Descriptor{}, err
	}
	for _, d := range found {
		if len(found) < len(f.branches) || d.Digest != found[0].Digest {
			return manifest.Descriptor{}, fs.ErrNotExist
		}
	}
	if len(found) == 0 {
		return manifest.Descriptor{}, fs.ErrNotExist
	}
	return found[0], nil
}

// PutManifest implements Target.
func (f *fan) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	return f.oncePerRepository(ctx, func(b *branch) error { return b.to.Target.PutManifest(ctx, ref, m) })
}
