package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// imageVerifier checks that a registry, a folder or a tar has all of an image.
type imageVerifier struct {
	src       transfer.Source
	platforms cli.PlatformList
	deep      bool               // read the blobs too; needed where src is no [blobHeader]
	referrers bool               // verify what refers to the manifests too; src is a transfer.ReferrerLister then
	report    func(layout.Check) // may be called concurrently, as leftToBase
	// leftToBase gets the blobs of a bundle whose base is not at hand.
	leftToBase func(*layout.MissingBaseError)
	manifests  []blob.Digest // that were verified
}

// blobHeader is a source that tells the size of a blob without its bytes, -1 if it does not know it.
type blobHeader interface {
	HeadBlob(ctx context.Context, d blob.Digest) (int64, error)
}

// child is what a manifest refers to.
type child struct {
	manifest.Descriptor
	isManifest bool
}

// run verifies the image under a tag or digest, one level of manifests after another. It reports
// each problem with the content. An error means that the root manifest cannot be read or that the
// registry does not answer.
func (v *imageVerifier) run(ctx context.Context, ref string) error {
	root, err := v.src.Manifest(ctx, ref)
	if err != nil {
		return err
	}
	v.report(layout.Check{What: "manifest " + string(root.Digest), Digest: root.Digest, Size: root.Size})
	level, err := v.entriesOf(ctx, root)
	if err != nil {
		return err
	}
	seen := map[blob.Digest]bool{root.Digest: true}
	v.manifests = []blob.Digest{root.Digest}
	err = v.walk(ctx, level, 1, seen)
	if err == nil && v.referrers {
		err = v.verifyReferrers(ctx, seen)
	}
	return err
}

// entriesOf lists what the root refers to, and of an index only what is for the platforms, if there are
// any. An image must be for one of them.
func (v *imageVerifier) entriesOf(ctx context.Context, root manifest.Manifest) ([]child, error) {
	switch {
	case len(v.platforms) == 0:
	case manifest.IsIndex(root.MediaType):
		kept, err := root.Subset(v.platforms...)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", v.src, err)
		}
		root = kept
	default:
		if _, err := image.ChoosePlatform(ctx, v.src, root, v.platforms[0]); err != nil {
			return nil, err
		}
	}
	return childrenOf(root)
}

// walk verifies children that lie below so many indexes, and all that is below them.
func (v *imageVerifier) walk(ctx context.Context, level []child, depth int, seen map[blob.Digest]bool) (err error) {
	for ; err == nil && len(level) > 0; depth++ {
		level, err = v.level(ctx, v.withinDepth(level, depth), seen)
	}
	return err
}

// childrenOf lists what a manifest refers to.
func childrenOf(m manifest.Manifest) ([]child, error) {
	refs, err := m.References()
	if err != nil {
		return nil, err
	}
	var out []child
	for _, d := range refs {
		out = append(out, child{d, manifest.IsIndex(m.MediaType) && !manifest.IsBlob(d.MediaType)})
	}
	return out, nil
}

// withinDepth returns the children that may be read below so many indexes, and reports the others.
func (v *imageVerifier) withinDepth(children []child, indexes int) []child {
	return slices.DeleteFunc(children, func(c child) bool {
		err := c.CheckDepth(indexes)
		if !c.isManifest || err == nil {
			return false
		}
		v.report(layout.Check{What: "manifest " + string(c.Digest), Digest: c.Digest, Err: err})
		return true
	})
}

// parallelChecks is how many manifests and blobs are checked at a time.
const parallelChecks = 16

// level checks the children of one level in parallel, and returns those of the next.
func (v *imageVerifier) level(ctx context.Context, children []child, seen map[blob.Digest]bool) ([]child, error) {
	var mu sync.Mutex
	var next []child
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(parallelChecks)
	for _, c := range children {
		if seen[c.Digest] {
			continue
		}
		seen[c.Digest] = true
		if c.isManifest {
			v.manifests = append(v.manifests, c.Digest)
		}
		group.Go(func() error {
			nested, check, err := v.check(inGroup, c)
			if err != nil {
				return err
			}
			v.report(check)
			mu.Lock()
			defer mu.Unlock()
			next = append(next, nested...)
			return nil
		})
	}
	return next, group.Wait()
}

// check checks one child and returns its children. An error that is not about its content ends the
// verification.
func (v *imageVerifier) check(ctx context.Context, c child) (nested []child, check layout.Check, err error) {
	if c.isManifest {
		check = layout.Check{What: "manifest " + string(c.Digest), Digest: c.Digest}
		nested, check.Size, err = v.manifest(ctx, c.Descriptor)
	}
	if noManifest := err; !c.isManifest || c.MayBeBlob(err) {
		check, err = v.blob(ctx, c.Descriptor)
		if noManifest != nil && run.IsNotFound(err) {
			err = noManifest // it is neither
		}
	}
	if !c.Distributable() && run.IsNotFound(err) {
		check.LeftOut, err = &c.Descriptor, nil
	}
	if err != nil && (run.IsIntegrityError(err) || run.IsNotFound(err)) {
		check.Err, err = err, nil
	}
	return nested, check, err
}

func (v *imageVerifier) blob(ctx context.Context, d manifest.Descriptor) (check layout.Check, err error) {
	check = layout.Check{What: "blob " + string(d.Digest), Digest: d.Digest}
	if v.deep {
		check.Size, err = v.read(ctx, d)
	} else {
		check.Size, err = v.head(ctx, d)
	}
	return check, err
}

func (v *imageVerifier) manifest(ctx context.Context, d manifest.Descriptor) ([]child, int64, error) {
	m, err := v.src.Manifest(ctx, string(d.Digest))
	if err != nil {
		return nil, 0, err
	}
	if m.Size != d.Size {
		return nil, m.Size, &blob.MismatchError{Want: d.Digest, WantSize: d.Size, GotSize: m.Size}
	}
	nested, err := childrenOf(m)
	return nested, m.Size, err
}

// head asks for a blob and its size, and returns the bytes that it read. It reads a blob whose size
// the registry does not tell: anything may answer so.
func (v *imageVerifier) head(ctx context.Context, d manifest.Descriptor) (int64, error) {
	header, ok := v.src.(blobHeader)
	if !ok {
		return v.read(ctx, d)
	}
	size, err := header.HeadBlob(ctx, d.Digest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fmt.Errorf("%v does not have it: %w", v.src, fs.ErrNotExist)
	case err != nil:
		return 0, err
	case size < 0:
		return v.read(ctx, d)
	case size != d.Size:
		return 0, fmt.Errorf("%v: %w", v.src, &blob.MismatchError{Want: d.Digest, WantSize: d.Size, GotSize: size})
	}
	return 0, nil
}

func (v *imageVerifier) read(ctx context.Context, d manifest.Descriptor) (int64, error) {
	r := blob.NewReader(ctx, d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return v.src.Blob(ctx, d, offset)
	})
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	var left *layout.MissingBaseError
	if errors.As(err, &left) {
		v.leftToBase(left)
		return n, nil
	}
	return n, err
}
