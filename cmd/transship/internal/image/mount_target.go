package image

import (
	"context"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/manifest"
)

// MountTarget is a repository that mounts blobs from other repositories of its registry, of which
// the caller knows that they have them.
type MountTarget struct {
	*distribution.Repository
	// From returns the name of a repository that has the blob, "" if none is known.
	From func(context.Context, blob.Digest) string
}

// RepairBlob implements transfer.Repairer. It adds From's repository if the engine knows none.
func (t *MountTarget) RepairBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	if len(from) == 0 {
		if other := t.From(ctx, d.Digest); other != "" && other != t.Name {
			from = []string{other}
		}
	}
	return t.Repository.RepairBlob(ctx, d, open, from...)
}

// PutBlob implements transfer.Target. It adds From's repository if the engine knows none.
func (t *MountTarget) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	if len(from) == 0 {
		switch other := t.From(ctx, d.Digest); other {
		case "":
		case t.Name:
			return blob.Exists, nil
		default:
			from = []string{other}
		}
	}
	return t.Repository.PutBlob(ctx, d, open, from...)
}
