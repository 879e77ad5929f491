package transfer

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// Discard is a target that reads and verifies all blobs and keeps nothing. It proves that a source
// has a whole image, and measures the source alone. The zero value is ready for use.
type Discard struct {
	Buffer int // how many bytes of a large blob are read at a time; 0 is 256 KiB
}

// discardBuffer is the default of Buffer.
const discardBuffer = 256 << 10

// String returns what messages call the target.
func (Discard) String() string { return "nowhere" }

// HeadManifest implements Target: it always returns fs.ErrNotExist.
func (Discard) HeadManifest(_ context.Context, ref string) (manifest.Descriptor, error) {
	return manifest.Descriptor{}, fmt.Errorf("manifest %s: %w", ref, fs.ErrNotExist)
}

// PutBlob implements Target. Bytes that do not match the descriptor are a *[blob.MismatchError].
func (n Discard) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, _ ...string,
) (blob.Outcome, error) {
	r := blob.NewReader(ctx, d.Digest, d.Size, open)
	defer r.Close()
	plain := struct{ io.Writer }{io.Discard} // hides the ReadFrom of io.Discard, which reads less at a time
	_, err := io.CopyBuffer(plain, r, make([]byte, blob.BufferSize(d.Size, int64(cmp.Or(n.Buffer, discardBuffer)))))
	return blob.Uploaded, err
}

// PutManifest implements Target.
func (Discard) PutManifest(context.Context, string, manifest.Manifest) error { return nil }
