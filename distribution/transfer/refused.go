package transfer

import (
	"slices"

	"github.com/hczjl/transship/manifest"
)

// BlobIndexError is the error of a target that did not take an index with entries that are no
// manifests, such as that of a BuildKit cache. Not every registry accepts these.
type BlobIndexError struct{ Err error }

// Error returns the text of the target's error.
func (e *BlobIndexError) Error() string { return e.Err.Error() }

// Unwrap returns the target's error.
func (e *BlobIndexError) Unwrap() error { return e.Err }

// refusedError returns err, the error of a target that did not take a manifest, as a
// *ForeignLayersError or a *BlobIndexError if the manifest has what not every target accepts.
func refusedError(m manifest.Manifest, err error) error {
	refs, refsErr := m.References()
	foreign := func(d manifest.Descriptor) bool { return !d.Distributable() }
	noManifest := func(d manifest.Descriptor) bool { return !manifest.IsManifest(d.MediaType) }
	switch {
	case err == nil || refsErr != nil:
		return err
	case manifest.IsIndex(m.MediaType) && slices.ContainsFunc(refs, noManifest):
		return &BlobIndexError{err}
	case !manifest.IsIndex(m.MediaType) && slices.ContainsFunc(refs, foreign):
		return &ForeignLayersError{err}
	}
	return err
}
