package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// Opener opens where the images of a run are: registries, layouts and tars. It keeps open what several images share.
type Opener struct {
	Run   *run.Run
	local openedImages // for reading

	mu      sync.Mutex
	layouts map[string]*layout.Dir // for writing, by their paths
}

// Destination is where an image is copied to.
type Destination struct {
	transfer.Target
	Location Location
	As       string                      // the tag or digest there, "" where it is put under neither
	Commit   func(context.Context) error // makes permanent what has come
	Release  func()                      // ends it where that did not work, or is done; nothing half is to be seen then
}

// Result is what is printed of an image that has arrived.
func (d Destination) Result(digest blob.Digest) string {
	if d.Location.IsRegistry() {
		ref := d.Location.Ref
		ref.Digest = digest
		return ref.Familiar()
	}
	return fmt.Sprintf("%s@%s", d.Location.named(), digest)
}

// Destination opens a location for an image. A tar needs all of the image's manifests at once: it must be collected.
func (p *Opener) Destination(ctx context.Context, s *run.Remote, l Location, src Origin) (Destination, error) {
	as, err := l.NameFor(src.Name)
	switch {
	case err != nil:
		return Destination{}, err
	case l.isNull() && p.Run.Planning():
		return Destination{}, &cli.UsageError{Message: "--plan tells what is put where, and nothing is put in null:", Advice: "leave out --plan, or that target"}
	case l.isNull():
		return l.nullDestination()
	case l.IsArchive():
		return p.archiveDestination(l, as, src)
	case p.Run.Planning() && !l.IsRegistry():
		return p.plannedDestination(l.WithName(as), as, 0)
	case !l.IsRegistry():
		return p.layoutDestination(l.WithName(as), as)
	}
	repo, err := s.Repository(ctx, as, auth.Pull, auth.Push)
	if err != nil {
		return Destination{}, err
	}
	return Destination{repo, l, as.Identifier(), nothing, func() {}}, nil
}

func nothing(context.Context) error { return nil }

// NameFor is what an image is called at a location: what that says, as far as it says it. In a layout or tar the image
// keeps the rest of its name.
func (l Location) NameFor(name reference.Reference) (as reference.Reference, err error) {
	switch {
	case l.IsRegistry():
		as = l.Ref
	case l.IsWhole():
		as = name
		if as.Tag != "" {
			as.Digest = "" // beside a tag it says nothing more
		}
	case l.image == "":
		as = name.WithDigest(l.digest)
	case reference.ValidTag(l.image):
		as = name.WithTag(l.image)
		as.Digest = l.digest
	default:
		as, err = reference.Parse(l.inside())
	}
	if err == nil && as.Tag != "" && as.Digest != "" {
		err = &cli.UsageError{Message: "the target has a tag and a digest", Advice: "give it one of the two; the digest is kept anyway"}
	}
	return as, err
}

// RepositoryName is the repository of an image in a layout or tar, "" where it has no name.
func RepositoryName(name reference.Reference) string {
	if name.Path == "" {
		return ""
	}
	return name.Name()
}

// Overwrites tells whether what is written to one location is lost by writing to another.
func (l Location) Overwrites(other Location) bool {
	if l.IsArchive() && other.IsArchive() {
		return filepath.Clean(l.Path) == filepath.Clean(other.Path)
	}
	return l == other
}

// layoutDestination is a repository of an OCI image layout.
func (p *Opener) layoutDestination(l Location, as reference.Reference) (Destination, error) {
	dir, err := p.layout(l.Path)
	if err != nil {
		return Destination{}, err
	}
	release, err := dir.Hold()
	if err != nil {
		return Destination{}, err
	}
	repo, commit := dir.Unnamed(), nothing
	if as.Path != "" {
		repo = dir.Repository(as.Name())
	}
	if as.Tag == "" {
		commit = func(ctx context.Context) error { return repo.Tag(ctx, as.Digest) } // it is an image of its own
	}
	return Destination{LayoutTarget{repo}, l, as.Identifier(), commit, release}, nil
}

// layout opens a layout to write to, once for all images that go there.
func (p *Opener) layout(path string) (*layout.Dir, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if dir, open := p.layouts[path]; open {
		return dir, nil
	}
	dir, err := layout.OpenDir(path)
	if err != nil {
		return nil, err
	}
	if p.layouts == nil {
		p.layouts = map[string]*layout.Dir{}
	}
	p.layouts[path] = dir
	return dir, nil
}

// plannedDestination is a layout in a plan, or a tar of size bytes.
func (p *Opener) plannedDestination(l Location, as reference.Reference, size int64) (Destination, error) {
	local, err := p.Run.Plan.LocalTarget(l.File())
	if err != nil {
		return Destination{}, err
	}
	local.TarSize = size
	return Destination{local.Repository(RepositoryName(as)), l, as.Identifier(), nothing, func() {}}, nil
}

// checkName makes sure that an image can be called so in a tar.
func (l Location) checkName(as reference.Reference, what *CollectedImage) error {
	if l.image != "" && as.Path == "" {
		return &cli.UsageError{
			Message: fmt.Sprintf("%s: the image has no name that the tag could belong to", l),
			Advice:  fmt.Sprintf("give it one: %s%s:NAME:%s", l.Transport, l.Path, as.Tag),
		}
	}
	if root := what.Root.Digest; as.Digest != "" && as.Digest != root && as.Digest.Algorithm() == root.Algorithm() {
		return fmt.Errorf("%s: %w, %s", l, transfer.ErrTargetDigest, root)
	}
	return nil
}

// archiveDestination is a bundle with one image.
func (p *Opener) archiveDestination(l Location, as reference.Reference, src Origin) (Destination, error) {
	what, ok := src.Source.(*CollectedImage)
	if !ok {
		return Destination{}, fmt.Errorf("%s: the manifests of %s are not collected", l, src)
	}
	if err := l.checkName(as, what); err != nil {
		return Destination{}, err
	}
	b := NewBundleSource()
	b.Add(what.Source, as, what.Closure)
	if p.Run.Planning() {
		size, err := layout.Size(l.Path, b.Contents, layout.Files{})
		if err != nil {
			return Destination{}, err
		}
		return p.plannedDestination(l, as, size)
	}
	bundle, err := layout.Create(l.Path, b.Contents, layout.Files{})
	if err != nil {
		return Destination{}, err
	}
	commit := func(ctx context.Context) error {
		_, err := bundle.Commit(ctx)
		return err
	}
	return Destination{bundle, l, as.Identifier(), commit, func() { bundle.Close() }}, nil
}

// TagTarget is a target in which an image can be an entry of its own without having a tag.
type TagTarget interface {
	transfer.Target
	Tag(ctx context.Context, d blob.Digest, tags ...string) error
}

// StoreAs puts the image that from names at the source under a tag. One that is to be there by its digest has none: it is
// an entry of its own, also where only a part of it is kept, or where it came before as part of an index.
func StoreAs(ctx context.Context, engine *transfer.Engine, src transfer.Source, from string, dst TagTarget, as reference.Reference) (manifest.Descriptor, error) {
	if as.Digest == "" {
		return engine.Copy(ctx, src, from, dst, as.Tag)
	}
	digest := as.Digest
	if len(engine.Platforms) > 0 {
		what, err := engine.Collect(ctx, src, from)
		if err != nil {
			return manifest.Descriptor{}, err
		}
		digest = what.Root.Digest
	}
	d, err := engine.Copy(ctx, src, from, dst, string(digest))
	if err != nil {
		return d, err
	}
	return d, dst.Tag(ctx, d.Digest)
}

// CheckFolder makes sure, before anything is fetched, that there is a folder for a file.
func CheckFolder(file string) error {
	dir := filepath.Dir(file)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s cannot be written: there is no folder %s", file, dir)
	}
	return nil
}

// LayoutTarget is a repository of a layout that images are put into. Their parts are no images of their own, so that what an
// interrupted command leaves is none either. What refers to an image is one: other tools find it by its entry alone.
type LayoutTarget struct{ *layout.Repository }

// PutManifest implements transfer.Target.
func (s LayoutTarget) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	if subject, err := m.Subject(); ref == string(m.Digest) && err == nil && subject == nil {
		return s.PutPart(ctx, m)
	}
	return s.Repository.PutManifest(ctx, ref, m)
}
