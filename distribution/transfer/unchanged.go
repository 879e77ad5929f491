package transfer

import (
	"context"
	"errors"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// heading is implemented by sources that can describe a manifest without sending it.
type heading interface {
	// HeadManifest returns the descriptor of a manifest by tag or digest. One that is not there is fs.ErrNotExist.
	HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error)
}

// unchanged tells whether what the target has is the image that ref names at the source. Where that cannot be told without
// the manifest itself, it is false. Docker Hub counts a GET of a manifest as a pull, and no HEAD.
func (e *Engine) unchanged(ctx context.Context, src Source, ref string, have presence) (bool, error) {
	if have.Digest == "" || len(e.Platforms) > 0 || e.Flatten || e.Referrers {
		return false, nil
	}
	if blob.Digest(ref).Validate() == nil {
		return ref == string(have.Digest), nil
	}
	h, ok := src.(heading)
	if !ok {
		return false, nil
	}
	var d manifest.Descriptor
	err := e.withDoc(ctx, func() (err error) {
		d, err = h.HeadManifest(ctx, ref)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil // the answer to a GET says why
	}
	return err == nil && d.Digest == have.Digest, err
}
