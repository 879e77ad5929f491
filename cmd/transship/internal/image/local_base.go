package image

import (
	"context"

	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
)

// UseBases has a bundle take what it leaves to its base from bundles and folders: those of the paths, and
// the bundles that any of them and itself build on, if they lie beside. If something is in none of them, the
// error is a [layout.BaseError], and the rest is there all the same.
func (l *LocalImages) UseBases(ctx context.Context, r *run.Run, paths ...string) error {
	if l.Archive == nil {
		return nil
	}
	var stores []layout.BlobStore
	var archives []*layout.Archive
	add := func(a *layout.Archive) {
		l.onClose(func() { a.Close() })
		archives, stores = append(archives, a), append(stores, a)
	}
	for _, path := range paths {
		base, err := openBase(ctx, r, path)
		if err != nil {
			return err
		}
		if base.Archive == nil {
			l.onClose(base.Close)
			stores = append(stores, base.Dir)
			continue
		}
		add(base.Archive)
		for _, beside := range base.Archive.OpenBeside() {
			add(beside)
		}
	}
	for _, beside := range l.Archive.OpenBeside() {
		add(beside)
	}
	for _, a := range archives {
		_ = a.SetBase(stores...) // what it lacks matters only if the bundle needs it
	}
	return l.Archive.SetBase(stores...)
}

// CheckDeltas checks the deltas of a bundle, as [layout.Archive.CheckDeltas] does. The error of other bytes has a
// hint.
func (l *LocalImages) CheckDeltas(ctx context.Context) error {
	if l.Archive == nil {
		return nil
	}
	return run.HintDamaged(l.Archive.CheckDeltas(ctx))
}

// CheckBases checks what the deltas of a bundle are applied to, as [layout.Archive.CheckBases] does. The
// error of other bytes has a hint.
func (l *LocalImages) CheckBases(ctx context.Context) error {
	if l.Archive == nil {
		return nil
	}
	return run.HintDamaged(l.Archive.CheckBases(ctx))
}

// onClose has Close call f too.
func (l *LocalImages) onClose(f func()) { l.closers = append(l.closers, f) }

// Close closes the tar or folder, and what UseBases has opened. The images cannot be read after it.
func (l *LocalImages) Close() {
	for _, f := range l.closers {
		f()
	}
}

// openBase opens a bundle or folder, and no bundles that it builds on.
func openBase(ctx context.Context, r *run.Run, path string) (*LocalImages, error) {
	unpack := wholeReader()
	unpack.bases = noBases
	return openLocal(ctx, r, path, unpack)
}
