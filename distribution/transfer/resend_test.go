package transfer_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// forgetfulRepo loses every blob until it is asked to put a manifest with them once more.
type forgetfulRepo struct {
	*repo
	resent int
}

func (f *forgetfulRepo) PutManifestResending(
	ctx context.Context, ref string, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) error {
	refs, err := m.References()
	if err != nil || manifest.IsIndex(m.MediaType) {
		return errors.Join(err, f.PutManifest(ctx, ref, m))
	}
	for _, d := range refs {
		b, err := io.ReadAll(blob.NewReader(ctx, d.Digest, d.Size, open(d)))
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.blobs[d.Digest] = b
		f.resent++
		f.mu.Unlock()
	}
	return f.PutManifest(ctx, ref, m)
}

func (f *forgetfulRepo) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	outcome, err := f.repo.PutBlob(ctx, d, open, from...)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.blobs, d.Digest)
	return outcome, err
}

// A target that has lost a blob gets it from the source once more, in a copy to one target or to
// several.
func TestCopyResendsLostBlobs(t *testing.T) {
	src, root := threePlatforms(t)
	one, other := &forgetfulRepo{repo: newRepo("one")}, &forgetfulRepo{repo: newRepo("other")}
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", one, "t"); err != nil {
		t.Fatal(err)
	}
	if errs := copyAll(t, src, to(newRepo("sound"))[0], transfer.Destination{Target: other, As: "t"}); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	for _, f := range []*forgetfulRepo{one, other} {
		if f.manifests["t"].Digest != root.Digest || len(f.blobs) != 10 || f.resent == 0 {
			t.Errorf("%s has %d blobs, %d resent", f, len(f.blobs), f.resent)
		}
	}
}
