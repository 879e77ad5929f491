package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Destination is one of several targets of a copy.
type Destination struct {
	Target Target
	As     string // the tag or digest that the image is put under
}

// errAllFailed says that each of several targets has failed for a reason of its own.
var errAllFailed = errors.New("every target has failed")

// CopyAll copies an image to several targets in one pass, as [Engine.Copy] does to one. Each
// manifest and each blob is read from the source once, at the pace of the slowest target that needs
// it. A blob is read once more if other targets on a registry cannot mount it from the first one
// there. If a target fails, the others continue.
//
// It returns the image's descriptor, and an error or nil for each destination. An error that
// concerns the source (the image does not exist there, or is damaged) or the run is the error of
// every destination that has not failed before. If that is every destination, it is also returned
// as common.
func (e *Engine) CopyAll(
	ctx context.Context, src Source, ref string, to ...Destination,
) (d manifest.Descriptor, errs []error, common error) {
	e.prepare()
	all := newMultiTarget(e, src, to)
	all.headImages(ctx, e)
	m := all.withoutKept()
	if len(m.targets) == 0 {
		return d, all.errors(), nil
	}
	d, err := e.copyToAll(ctx, src, ref, m)
	defer m.withdrawAll()
	if err != nil && !errors.Is(err, errAllFailed) {
		if len(m.notFailed()) == len(m.targets) {
			common = err
		}
		m.failAll(err)
	}
	for _, t := range m.notFailed() {
		if t.outcome != blob.Exists {
			e.reportMove(t.Target, t.As, t.have, t.root)
		}
		if t.sent.Load() {
			t.outcome = blob.Uploaded
		}
		e.emit(Event{Kind: ImageDone, Target: name(t.Target), Ref: t.As, Descriptor: d, Outcome: t.outcome})
	}
	return d, all.errors(), common
}

func (e *Engine) copyToAll(ctx context.Context, src Source, ref string, m *multiTarget) (manifest.Descriptor, error) {
	if len(m.notFailed()) == 0 {
		return manifest.Descriptor{}, errAllFailed
	}
	if have, same := m.commonImage(); same {
		same, err := e.unchanged(ctx, src, ref, have)
		if same || err != nil {
			return have.Descriptor, err
		}
	}
	c := e.newSeveralRun(src, m)
	c.image = imageName(m.targets[0].Target, m.targets[0].As)
	root, err := c.getRoot(ctx, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	m.setRoot(e, root)
	return root.Descriptor, c.putToAll(ctx, root, m)
}

// newSeveralRun returns a run to several targets. It shares the ledger of blobs, which are claimed for
// each target, but not that of manifests: the targets that have failed, and so what m has, differ from
// copy to copy.
func (e *Engine) newSeveralRun(src Source, m *multiTarget) *copyRun {
	c := e.newRun(src, m)
	c.manifests = &ledger{}
	return c
}

// putToAll puts everything below the root to the targets that lack the image, then what refers to
// it to all targets, then the root under each target's tag.
func (c *copyRun) putToAll(ctx context.Context, root manifest.Manifest, m *multiTarget) error {
	lacking := m.lacking()
	if c.engine.Repair {
		if err := m.repair(ctx, c, root); err != nil {
			return err
		}
		lacking = m.lacking()
	} else if len(lacking.targets) > 0 {
		to := c.engine.newSeveralRun(c.src, lacking)
		if err := to.putMade(ctx, root, presence{}); err != nil {
			return err
		}
		if err := to.putChildren(ctx, root, 0, lacking.mayHaveParts()); err != nil {
			return err
		}
	}
	if c.engine.Referrers {
		if err := lacking.putRootsByDigest(ctx, c.open); err != nil {
			return err
		}
		if err := c.putReferrers(ctx, root); err != nil {
			return err
		}
	}
	m.withdrawFailed()
	lacking.putRoots(ctx, c.open)
	return nil
}

// multiTarget writes several targets as one. It skips a target that has failed.
type multiTarget struct {
	engine  *Engine
	src     Source
	from    place // of src
	targets []*targetState
	claims  map[place]*claim // to the blob that is put, by repository
}

// targetState is one target of a multiTarget.
type targetState struct {
	Destination
	place   place
	root    manifest.Manifest // the image, with the digest that the target is to have it under
	have    presence          // what the target had under As before the copy
	outcome blob.Outcome      // of the image: Exists if the tag already pointed at it
	sent    atomic.Bool       // it did not have all blobs
	tag     *tagPut           // nil unless the target puts several tags at once

	mu  sync.Mutex
	err error
}

func newMultiTarget(e *Engine, src Source, to []Destination) *multiTarget {
	m := &multiTarget{engine: e, src: src, from: placeOf(src)}
	for _, d := range to {
		m.targets = append(m.targets, &targetState{Destination: d, place: placeOf(d.Target), outcome: blob.Exists})
	}
	return m
}

// String returns the number of targets. Events and errors of one target have its own name.
func (m *multiTarget) String() string { return fmt.Sprintf("%d targets", len(m.targets)) }

// failure returns the error of a target that has failed.
func (t *targetState) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// fail sets the target's error, unless it has failed before.
func (t *targetState) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}

func (m *multiTarget) failAll(err error) {
	for _, t := range m.targets {
		t.fail(err)
	}
}

func (m *multiTarget) errors() []error {
	out := make([]error, len(m.targets))
	for i, t := range m.targets {
		out[i] = t.failure()
	}
	return out
}

// notFailed returns the targets that have not failed.
func (m *multiTarget) notFailed() []*targetState {
	var out []*targetState
	for _, t := range m.targets {
		if t.failure() == nil {
			out = append(out, t)
		}
	}
	return out
}

// lacking returns the targets that do not have the image and have not failed.
func (m *multiTarget) lacking() *multiTarget {
	out := &multiTarget{engine: m.engine, src: m.src, from: m.from}
	for _, t := range m.notFailed() {
		if t.outcome != blob.Exists {
			out.targets = append(out.targets, t)
		}
	}
	return out
}

// forEach calls f for each of the given targets, one after the other with one job, else as atOnce does.
func (m *multiTarget) forEach(ctx context.Context, targets []*targetState, f func(*targetState) error) error {
	for ; m.engine.Jobs == 1 && len(targets) > 1; targets = targets[1:] {
		if err := m.atOnce(ctx, targets[:1], f); err != nil {
			return err
		}
	}
	return m.atOnce(ctx, targets, f)
}

// atOnce calls f for each of the given targets, all at once, and fails those for which f returns
// an error. It returns an error if the context has ended or every target of m has failed.
func (m *multiTarget) atOnce(ctx context.Context, targets []*targetState, f func(*targetState) error) error {
	var group sync.WaitGroup
	for _, t := range targets {
		group.Go(func() {
			if err := f(t); err != nil {
				t.fail(err)
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(m.notFailed()) == 0 {
		return errAllFailed
	}
	return nil
}

// headImages asks all targets what they have. A target that fails is skipped from then on.
func (m *multiTarget) headImages(ctx context.Context, e *Engine) {
	_ = m.forEach(ctx, m.targets, func(t *targetState) (err error) {
		t.have, err = e.newRun(m.src, t.Target).headImage(ctx, t.As)
		return err
	})
}

// withoutKept returns the targets whose tag is not kept, and reports those that are.
func (m *multiTarget) withoutKept() *multiTarget {
	out := &multiTarget{engine: m.engine, src: m.src, from: m.from}
	for _, t := range m.targets {
		if t.failure() != nil || !t.have.exists || !m.engine.keeps(t.As) {
			out.targets = append(out.targets, t)
			continue
		}
		m.engine.emit(Event{Kind: TagKept, Target: name(t.Target), Ref: t.As, Descriptor: t.have.Descriptor})
	}
	return out
}

// commonImage returns what all targets have, and reports whether that is the same.
func (m *multiTarget) commonImage() (presence, bool) {
	targets := m.notFailed()
	first := targets[0].have
	differs := func(t *targetState) bool { return t.have.Digest != first.Digest }
	return first, !slices.ContainsFunc(targets, differs)
}

// setRoot sets the image to put, and finds out which targets already have it, and which may not get
// it.
func (m *multiTarget) setRoot(e *Engine, root manifest.Manifest) {
	for _, t := range m.notFailed() {
		var err error
		if t.root, err = withDigest(t.Target, root, t.As); err == nil {
			err = e.checkMove(t.Target, t.As, t.have, t.root)
		}
		if err != nil {
			t.fail(err)
		}
		if err == nil && !t.have.is(t.root) {
			t.tag = e.tags.announce(e.tagOwner(m), t.Target, t.place, t.root.Digest, t.As)
		}
		if !t.have.is(t.root) {
			t.outcome = blob.Uploaded
		}
	}
}

// mayHaveParts reports whether every target may have parts of the image.
func (m *multiTarget) mayHaveParts() bool {
	return !slices.ContainsFunc(m.targets, func(t *targetState) bool { return !t.have.exists })
}

// withdrawFailed withdraws the tags of targets that have failed, which no other copy is to put.
func (m *multiTarget) withdrawFailed() {
	for _, t := range m.targets {
		if t.failure() != nil {
			t.tag.withdraw()
		}
	}
}

// withdrawAll withdraws the tags that were not put.
func (m *multiTarget) withdrawAll() {
	for _, t := range m.targets {
		t.tag.withdraw()
	}
}

// putRootsByDigest puts the image without its tags.
func (m *multiTarget) putRootsByDigest(ctx context.Context, open func(manifest.Descriptor) blob.Open) error {
	if len(m.targets) == 0 {
		return nil
	}
	return m.oncePerRepository(ctx, func(t *targetState) error {
		return putManifest(ctx, t.Target, string(t.root.Digest), t.root, open)
	})
}

// putRoots puts the image under each target's tag or digest.
func (m *multiTarget) putRoots(ctx context.Context, open func(manifest.Descriptor) blob.Open) {
	_ = m.forEach(ctx, m.notFailed(), func(t *targetState) error {
		if t.tag != nil {
			return t.tag.put(ctx, m.engine, t.Target, t.root, open)
		}
		return putManifest(ctx, t.Target, t.As, t.root, open)
	})
}

// HeadManifest implements Target. A manifest that only some targets have is fs.ErrNotExist.
func (m *multiTarget) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	var mu sync.Mutex
	var found []manifest.Descriptor
	err := m.forEach(ctx, m.notFailed(), func(t *targetState) error {
		d, err := t.Target.HeadManifest(ctx, ref)
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
	differs := func(d manifest.Descriptor) bool { return d.Digest != found[0].Digest }
	if len(found) < len(m.targets) || slices.ContainsFunc(found, differs) {
		return manifest.Descriptor{}, fs.ErrNotExist
	}
	return found[0], nil
}

// PutManifest implements Target.
func (m *multiTarget) PutManifest(ctx context.Context, ref string, doc manifest.Manifest) error {
	return m.oncePerRepository(ctx, func(t *targetState) error { return t.Target.PutManifest(ctx, ref, doc) })
}

// PutManifestResending implements Resender.
func (m *multiTarget) PutManifestResending(
	ctx context.Context, ref string, doc manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) error {
	return m.oncePerRepository(ctx, func(t *targetState) error { return putManifest(ctx, t.Target, ref, doc, open) })
}
