package bench

import (
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// discard is a target of copies that verifies and keeps nothing.
type discard struct{}

// String is how messages call it.
func (discard) String() string { return "nowhere" }

// HeadManifest implements transfer.Target: nothing is there.
func (discard) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	return manifest.Descriptor{}, fmt.Errorf("manifest %s: %w", ref, fs.ErrNotExist)
}

// PutBlob implements transfer.Target: it reads the blob, and holds it against its digest.
func (discard) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string) (blob.Outcome, error) {
	r := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer r.Close()
	_, err := io.Copy(io.Discard, r)
	return blob.Uploaded, err
}

// PutManifest implements transfer.Target.
func (discard) PutManifest(context.Context, string, manifest.Manifest) error { return nil }
