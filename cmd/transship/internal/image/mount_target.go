package image

import (
	"context"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/manifest"
)

// MountTarget is a repository that blobs are mounted in from others on its registry, of which it is known that they have
// them.
type MountTarget struct {
	*distribution.Repository
	From func(context.Context, blob.Digest) string // the name of one that has the blob, "" where none is known
}

// PutBlob implements transfer.Target.
func (m *MountTarget) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error) {
	if len(from) == 0 {
		switch other := m.From(ctx, d.Digest); other {
		case "":
		case m.Name:
			return blob.Exists, nil
		default:
			from = []string{other}
		}
	}
	return m.Repository.PutBlob(ctx, d, open, from...)
}
