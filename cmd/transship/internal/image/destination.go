package image

import (
	"context"
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// Destination is a target that an image is copied to.
type Destination struct {
	transfer.Target
	Location Location
	As       string // the image's tag or digest in Target; "" in null:

	commit  func(context.Context) error
	release func()
}

// Commit makes a copied image permanent. It comes before Release.
func (d Destination) Commit(ctx context.Context) error {
	if d.commit == nil {
		return nil
	}
	return d.commit(ctx)
}

// Release closes the target. An image that was not committed stays invisible.
func (d Destination) Release() {
	if d.release != nil {
		d.release()
	}
}

// Result returns the name of a copied image with its digest, as a command prints it; without one if
// the digest is "".
func (d Destination) Result(digest blob.Digest) string {
	if d.Location.IsRegistry() {
		ref := d.Location.Ref
		ref.Digest = digest
		return ref.Familiar()
	}
	if digest == "" {
		return d.Location.named()
	}
	return fmt.Sprintf("%s@%s", d.Location.named(), digest)
}

// Destination opens a location to copy an image to. For a tar the image must be collected: a tar
// needs all manifests at once.
func (p *Opener) Destination(ctx context.Context, remote *run.Remote, l Location, src Origin) (Destination, error) {
	as, err := l.NameFor(src.Name)
	switch {
	case err != nil:
		return Destination{}, err
	case l.isNull() && p.Run.Planning():
		return Destination{}, &cli.UsageError{
			Message: "--plan shows what would be written, and null: stores nothing",
			Advice:  "leave out --plan, or that target",
		}
	case l.isNull():
		return l.nullDestination()
	case l.IsArchive():
		return p.archiveDestination(l, as, src)
	case p.Run.Planning() && !l.IsRegistry():
		return p.plannedDestination(l.WithName(as), as, 0)
	case !l.IsRegistry():
		return p.layoutDestination(l.WithName(as), as)
	}
	repo, err := remote.Target(ctx, as)
	if err != nil {
		return Destination{}, err
	}
	return Destination{Target: repo, Location: l, As: as.Identifier()}, nil
}

// layoutDestination opens a repository of an OCI image layout.
func (p *Opener) layoutDestination(l Location, as reference.Reference) (Destination, error) {
	dir, err := p.layout(l.Path)
	if err != nil {
		return Destination{}, err
	}
	release, err := dir.Hold()
	if err != nil {
		return Destination{}, err
	}
	repo := dir.Unnamed()
	if as.Path != "" {
		repo = dir.Repository(as.Name())
	}
	d := Destination{Target: LayoutTarget{repo}, Location: l, As: as.Identifier(), release: release}
	if as.Tag == "" { // Tag makes it an image of its own
		d.commit = func(ctx context.Context) error { return repo.Tag(ctx, as.Digest) }
	}
	return d, nil
}

// layout opens a layout to write to, once for all images that go there.
func (p *Opener) layout(path string) (*layout.Dir, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place := layout.Place(path)
	if dir, open := p.layouts[place]; open {
		return dir, nil
	}
	dir, err := layout.OpenDir(path)
	if err != nil {
		return nil, err
	}
	if p.layouts == nil {
		p.layouts = map[string]*layout.Dir{}
	}
	p.layouts[place] = dir
	return dir, nil
}

// plannedDestination returns what notes the writes to a layout in a plan, or to a tar of size
// bytes.
func (p *Opener) plannedDestination(l Location, as reference.Reference, size int64) (Destination, error) {
	local, err := p.Run.Plan.LocalTarget(l.File())
	if err != nil {
		return Destination{}, err
	}
	local.TarSize = size
	return Destination{Target: local.Repository(RepositoryName(as)), Location: l, As: as.Identifier()}, nil
}

// archiveDestination opens a bundle for one image.
func (p *Opener) archiveDestination(l Location, as reference.Reference, src Origin) (Destination, error) {
	collected, ok := src.Source.(*CollectedImage)
	if !ok {
		return Destination{}, fmt.Errorf("%s: the manifests of %s are not collected", l, src)
	}
	if err := l.checkName(as, collected); err != nil {
		return Destination{}, err
	}
	b := NewBundleSource()
	b.Add(collected.Source, as, collected.Closure)
	if p.Run.Planning() {
		size, err := layout.BundleSize(l.Path, b.BundleContents, layout.BundleFiles{})
		if err != nil {
			return Destination{}, err
		}
		return p.plannedDestination(l, as, size)
	}
	bundle, err := layout.CreateBundle(l.Path, b.BundleContents, layout.BundleFiles{})
	if err != nil {
		return Destination{}, err
	}
	return Destination{
		Target: bundle, Location: l, As: as.Identifier(),
		commit:  func(ctx context.Context) error { _, err := bundle.Commit(ctx); return err },
		release: func() { bundle.Close() },
	}, nil
}

// checkName checks that an image can have a name in a tar.
func (l Location) checkName(as reference.Reference, c *CollectedImage) error {
	if l.image != "" && as.Path == "" {
		return &cli.UsageError{
			Message: fmt.Sprintf("%s: the image has no name to which the tag could belong", l),
			Advice:  fmt.Sprintf("give it one: %s%s:NAME:%s", l.Transport, l.Path, as.Tag),
		}
	}
	root := c.Root.Digest
	if as.Digest != "" && as.Digest != root && as.Digest.Algorithm() == root.Algorithm() {
		return fmt.Errorf("%s: %w, %s", l, transfer.ErrTargetDigest, root)
	}
	return nil
}
