package transfer

import (
	"context"
	"sync/atomic"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Repairer is implemented by targets that may say that they have a blob which they have lost, such
// as a registry with a cache in front of its storage.
type Repairer interface {
	// RepairBlob is PutBlob of [Target], but the target has the blob only if it gives it out.
	RepairBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error)
}

// putBlob puts a blob to a target. With Repair a [Repairer] has to show that it has it.
func (e *Engine) putBlob(
	ctx context.Context, dst Target, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	if r, ok := dst.(Repairer); ok && e.Repair {
		return r.RepairBlob(ctx, d, open, from...)
	}
	return dst.PutBlob(ctx, d, open, from...)
}

// repairImage puts what the target lacks of an image that it has under as. The outcome is Exists if
// that is nothing.
func (c *copyRun) repairImage(
	ctx context.Context, root manifest.Manifest, as string, referrers bool,
) (blob.Outcome, error) {
	if err := c.putChildren(ctx, root, 0, true); err != nil {
		return 0, err
	}
	outcome := blob.Uploaded
	if c.hasManifest(ctx, as, root) {
		outcome = blob.Exists
	}
	if referrers {
		if err := c.putWithReferrers(ctx, root, outcome); err != nil {
			return outcome, err
		}
	}
	if outcome != blob.Exists {
		return outcome, c.putManifest(ctx, as, root, root.Descriptor)
	}
	if c.sent.Load() {
		return blob.Uploaded, nil
	}
	return blob.Exists, nil
}

// manifestReader is implemented by targets whose manifests can be read, as those of a [Source].
type manifestReader interface {
	Manifest(ctx context.Context, ref string) (manifest.Manifest, error)
}

// hasManifest reports whether the target gives out a manifest, whole, under a tag or digest. After
// an error it reports false: the PUT that follows shows what is wrong.
func (c *copyRun) hasManifest(ctx context.Context, ref string, m manifest.Manifest) (has bool) {
	_ = c.engine.withManifestSlot(ctx, func() error {
		has = hasManifest(ctx, c.dst, ref, m)
		return nil
	})
	return has
}

func hasManifest(ctx context.Context, dst Target, ref string, m manifest.Manifest) bool {
	if several, ok := dst.(*multiTarget); ok {
		return several.haveManifest(ctx, ref, m)
	}
	if r, ok := dst.(manifestReader); ok {
		have, err := r.Manifest(ctx, ref)
		return err == nil && hasDigest(have, m.Digest)
	}
	d, err := dst.HeadManifest(ctx, ref)
	return err == nil && hasDigest(m, d.Digest)
}

// haveManifest reports whether all targets give out a manifest.
func (m *multiTarget) haveManifest(ctx context.Context, ref string, want manifest.Manifest) bool {
	var lacks atomic.Bool
	_ = m.forEach(ctx, m.notFailed(), func(t *targetState) error {
		if !hasManifest(ctx, t.Target, ref, want) {
			lacks.Store(true)
		}
		return nil
	})
	return ctx.Err() == nil && !lacks.Load()
}

// repair puts everything below the root to all targets, and finds out which of those that have the
// image do not give it out.
func (m *multiTarget) repair(ctx context.Context, c *copyRun, root manifest.Manifest) error {
	all := &multiTarget{engine: m.engine, src: m.src, from: m.from, targets: m.notFailed()}
	run := c.engine.newSeveralRun(c.src, all)
	if err := run.putChildren(ctx, root, 0, all.mayHaveParts()); err != nil {
		return err
	}
	return m.forEach(ctx, m.notFailed(), func(t *targetState) error {
		if t.outcome == blob.Exists && !hasManifest(ctx, t.Target, t.As, t.root) {
			t.outcome = blob.Uploaded
		}
		return nil
	})
}
