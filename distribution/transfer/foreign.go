package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// OpenURL opens a blob at one of the URLs of its descriptor, at an offset in bytes from its
// start (image-spec, descriptor.md, "urls"). The bytes need not be verified.
type OpenURL func(ctx context.Context, url string, d manifest.Descriptor, offset int64) (io.ReadCloser, error)

// BlobFinder is implemented by sources that can tell whether they have a blob without opening it and
// are not [Inventoried].
type BlobFinder interface {
	// HasBlob reports whether the source has a blob with that digest and size.
	HasBlob(ctx context.Context, d manifest.Descriptor) (bool, error)
}

// HasBlob reports whether a source has a blob. If it is neither [Inventoried] nor [BlobFinder], HasBlob
// opens the blob.
func HasBlob(ctx context.Context, src Source, d manifest.Descriptor) (bool, error) {
	if local, ok := src.(Inventoried); ok {
		return local.HasContent(d.Digest), nil
	}
	if finder, ok := src.(BlobFinder); ok {
		return finder.HasBlob(ctx, d)
	}
	in, err := src.Blob(ctx, d, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, in.Close()
}

// carries reports whether a blob is copied: any but the foreign layers that SkipForeign leaves out,
// or that the source does not have and OpenURL does not fetch.
func (c *copyRun) carries(ctx context.Context, d manifest.Descriptor) (bool, error) {
	e := c.engine
	switch {
	case d.Distributable():
		return true, nil
	case e.SkipForeign:
		return false, nil
	case e.OpenURL != nil && len(d.URLs) > 0:
		return true, nil
	}
	has, err := HasBlob(ctx, c.src, d)
	if err != nil {
		err = fmt.Errorf("foreign layer %s on %s: %w", d.Digest.Short(), name(c.src), err)
	}
	return has, err
}

// addsForeign reports whether a target that has an image gets the foreign layers that an earlier copy
// left out. To find them the image is read at the source. At a registry that takes calls, which a
// repeated copy otherwise does without, so there OpenURL has to say that the user wants the layers.
func (e *Engine) addsForeign(src Source) bool {
	_, local := src.(Inventoried)
	return !e.SkipForeign && (e.OpenURL != nil || local)
}

// addForeign puts the foreign layers of an image that the target has, where addsForeign says so. m lies
// below depth indexes. The outcome is Exists if the target had all.
func (c *copyRun) addForeign(ctx context.Context, m manifest.Manifest, depth int) (blob.Outcome, error) {
	if !c.engine.addsForeign(c.src) {
		return blob.Exists, nil
	}
	index := manifest.IsIndex(m.MediaType)
	refs, err := m.References()
	if err != nil {
		return 0, err
	}
	var added atomic.Bool
	err = c.engine.forEachBlob(ctx, refs, func(ctx context.Context, d manifest.Descriptor) error {
		outcome := blob.Exists
		var err error
		switch {
		case index && !manifest.IsBlob(d.MediaType):
			outcome, err = c.addForeignOfEntry(ctx, d, depth+1)
		case !index && !d.Distributable():
			outcome, err = c.claimAndPutBlob(ctx, d)
		}
		if err == nil && outcome != blob.Exists {
			added.Store(true)
		}
		return err
	})
	if added.Load() {
		return blob.Uploaded, err
	}
	return blob.Exists, err
}

// addForeignOfEntry is addForeign for an entry of an index. An entry that the source does not have, or
// not as a manifest, has none.
func (c *copyRun) addForeignOfEntry(ctx context.Context, d manifest.Descriptor, depth int) (blob.Outcome, error) {
	if err := d.CheckDepth(depth); err != nil {
		return 0, fmt.Errorf("%s: %w", name(c.src), err)
	}
	if _, seen := c.foreignSeen.LoadOrStore(d.Digest, true); seen {
		return blob.Exists, nil // a thousand paths may lead to a nested index
	}
	m, err := c.engine.getChild(ctx, c.src, d)
	if errors.Is(err, fs.ErrNotExist) || d.MayBeBlob(err) {
		return blob.Exists, nil
	}
	if err != nil {
		return 0, &sourceError{err, d.Digest}
	}
	return c.addForeign(ctx, m, depth)
}

// orFromURL returns an Open that opens a blob which the source does not have at the URLs of its
// descriptor, in their order.
func (e *Engine) orFromURL(d manifest.Descriptor, open blob.Open) blob.Open {
	if e.OpenURL == nil || len(d.URLs) == 0 {
		return open
	}
	return func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		in, err := open(ctx, offset)
		if !errors.Is(err, fs.ErrNotExist) {
			return in, err
		}
		for _, url := range d.URLs {
			if in, err = e.OpenURL(ctx, url, d, offset); err == nil || ctx.Err() != nil {
				break
			}
		}
		return in, err
	}
}

// ForeignLayersError is the error of a target that did not take a manifest with foreign layers. Not
// every registry accepts the URLs of these.
type ForeignLayersError struct{ Err error }

// Error returns the text of the target's error.
func (e *ForeignLayersError) Error() string { return e.Err.Error() }

// Unwrap returns the target's error.
func (e *ForeignLayersError) Unwrap() error { return e.Err }
