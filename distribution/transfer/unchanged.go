package transfer

import (
	"context"
	"errors"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// manifestHeader is implemented by sources that can describe a manifest without sending it.
type manifestHeader interface {
	// HeadManifest returns the descriptor of a manifest by tag or digest. The error is
	// fs.ErrNotExist if there is none.
	HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error)
}

// unchanged reports whether the target already has the image that ref names at the source. It is
// false if only the manifest itself can tell. It sends a HEAD: Docker Hub counts a GET of a
// manifest as a pull, and no HEAD.
func (e *Engine) unchanged(ctx context.Context, src Source, ref string, have presence) (bool, error) {
	if e.Repair || have.Digest == "" || len(e.Platforms) > 0 || e.Available || e.Flatten || e.Referrers || e.addsForeign(src) {
		return false, nil
	}
	if blob.Digest(ref).Validate() == nil {
		return ref == string(have.Digest), nil
	}
	h, ok := src.(manifestHeader)
	if !ok {
		return false, nil
	}
	var d manifest.Descriptor
	err := e.withManifestSlot(ctx, func() (err error) {
		d, err = h.HeadManifest(ctx, ref)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil // the GET that follows brings the reason
	}
	return err == nil && d.Digest == have.Digest, err
}
