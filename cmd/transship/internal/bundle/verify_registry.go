package bundle

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/manifest"
)

// remoteVerification looks whether an image is whole on its registry.
type remoteVerification struct {
	repo   *distribution.Repository
	deep   bool
	report func(layout.Check) // may be called concurrently
}

// part is what a manifest refers to.
type part struct {
	manifest.Descriptor
	isManifest bool
}

// run verifies the image under a tag or digest, one level of manifests after the other. What is wrong with its parts is
// reported; an image that cannot be had at all is an error, and so is a registry that does not answer.
func (v *remoteVerification) run(ctx context.Context, ref string) error {
	root, err := v.repo.Manifest(ctx, ref)
	if err != nil {
		return err
	}
	v.report(layout.Check{What: "manifest " + string(root.Digest), Digest: root.Digest, Size: root.Size})
	level, err := partsOf(root)
	seen := map[blob.Digest]bool{root.Digest: true}
	for err == nil && len(level) > 0 {
		level, err = v.level(ctx, level, seen)
	}
	return err
}

// partsOf lists what a manifest needs, but what must not be distributed.
func partsOf(m manifest.Manifest) ([]part, error) {
	refs, err := m.References()
	if err != nil {
		return nil, err
	}
	var out []part
	for _, d := range refs {
		if d.Distributable() {
			out = append(out, part{d, manifest.IsIndex(m.MediaType)})
		}
	}
	return out, nil
}

// partsAtOnce is how many manifests and blobs are looked at side by side; blobs are read whole.
const partsAtOnce = 16

// level looks at parts side by side, and returns what they need in turn.
func (v *remoteVerification) level(ctx context.Context, parts []part, seen map[blob.Digest]bool) ([]part, error) {
	var mu sync.Mutex
	var next []part
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(partsAtOnce)
	for _, p := range parts {
		if seen[p.Digest] {
			continue
		}
		seen[p.Digest] = true
		group.Go(func() error {
			below, check, err := v.part(inGroup, p)
			if err != nil {
				return err
			}
			v.report(check)
			mu.Lock()
			defer mu.Unlock()
			next = append(next, below...)
			return nil
		})
	}
	return next, group.Wait()
}

// part looks at one part. An error that is not about its content ends the verification.
func (v *remoteVerification) part(ctx context.Context, p part) (below []part, check layout.Check, err error) {
	check = layout.Check{What: "blob " + string(p.Digest), Digest: p.Digest}
	switch {
	case p.isManifest:
		check.What = "manifest " + string(p.Digest)
		below, check.Size, err = v.manifest(ctx, p.Descriptor)
	case v.deep:
		check.Size, err = v.read(ctx, p.Descriptor)
	default:
		err = v.head(ctx, p.Descriptor)
	}
	if err != nil && (run.IsIntegrity(err) || run.IsNotFound(err)) {
		check.Err, err = err, nil
	}
	return below, check, err
}

func (v *remoteVerification) manifest(ctx context.Context, d manifest.Descriptor) ([]part, int64, error) {
	m, err := v.repo.Manifest(ctx, string(d.Digest))
	if err != nil {
		return nil, 0, err
	}
	if m.Size != d.Size {
		return nil, m.Size, &blob.MismatchError{Want: d.Digest, WantSize: d.Size, GotSize: m.Size}
	}
	below, err := partsOf(m)
	return below, m.Size, err
}

func (v *remoteVerification) head(ctx context.Context, d manifest.Descriptor) error {
	there, err := v.repo.HasBlob(ctx, d)
	if err == nil && !there {
		err = fmt.Errorf("%s does not have it, or not with %d bytes: %w", v.repo, d.Size, fs.ErrNotExist)
	}
	return err
}

func (v *remoteVerification) read(ctx context.Context, d manifest.Descriptor) (int64, error) {
	r := blob.NewReader(ctx, d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return v.repo.Blob(ctx, d, offset)
	})
	defer r.Close()
	return io.Copy(io.Discard, r)
}
