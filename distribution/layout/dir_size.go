package layout

import (
	"context"
	"errors"
	"io/fs"
)

// ContentSize returns the size in bytes of all blobs and manifests in the folder, also of those that
// nothing refers to.
func (d *Dir) ContentSize(ctx context.Context) (int64, error) {
	all, err := d.listDigests(blobsDir)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, digest := range all {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		size, err := d.BlobSize(digest)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // pruned meanwhile
			return 0, err
		}
		total += size
	}
	return total, nil
}
