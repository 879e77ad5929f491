package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// findBase returns the inventory of what --since leaves out: that of an earlier bundle, of an image, or
// of a registry.
func (c *saveCommand) findBase(ctx context.Context, b *image.BundleSource) (layout.Inventory, error) {
	if ref, isImage, err := sinceImage(c.since); isImage || err != nil {
		return c.imageInventory(ctx, ref, err)
	}
	if strings.HasPrefix(c.since, image.TransportDocker) {
		return c.registryInventory(ctx, b)
	}
	path, isFolder, err := sinceFile(c.since)
	if err != nil {
		return layout.Inventory{}, fmt.Errorf("--since: %w", err)
	}
	if isFolder {
		return folderInventory(path)
	}
	base, err := layout.ReadInventory(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, layout.ErrNotArchive) {
		err = fmt.Errorf("--since: neither a bundle nor an inventory; write a registry as docker://HOST: %w", err)
	}
	return base, err
}

// sinceFile returns the file or folder that --since names, with or without a transport.
func sinceFile(since string) (path string, isFolder bool, err error) {
	if image.IsRegistryRef(since) {
		return since, image.IsFolder(since), nil
	}
	l, err := image.ParseLocation(since)
	if err == nil && !l.IsWhole() {
		err = &cli.UsageError{Message: since + " names one image; give a whole file or folder"}
	}
	return l.Path, !l.IsArchive(), err
}

// folderInventory lists what an image layout in a folder has.
func folderInventory(path string) (layout.Inventory, error) {
	dir, err := layout.OpenReadOnly(path)
	if err != nil {
		return layout.Inventory{}, fmt.Errorf("--since: %w", err)
	}
	return dir.Inventory()
}

// openDeltaBase opens what --since names, for its layers.
func (c *saveCommand) openDeltaBase(ctx context.Context, r *run.Run, in layout.Inventory) (deltaBase, error) {
	if c.sinceImage != nil {
		return c.sinceImage, nil
	}
	if strings.HasPrefix(c.since, image.TransportDocker) {
		far, err := image.ParseRegistryPrefix(c.since)
		return &registryBase{c.from, far}, err
	}
	images, err := image.OpenLocal(ctx, r, strings.TrimSuffix(c.since, ".json"))
	if errors.Is(err, fs.ErrNotExist) {
		err = cli.WithHint(fmt.Errorf("--delta: %w", err),
			"layers are compared with those of the bundle, so that has to be beside its inventory")
	}
	if err != nil {
		return nil, err
	}
	return newFileBase(ctx, images, in), nil
}

// registryInventory lists the blobs that the repositories have that load would push the images to.
func (c *saveCommand) registryInventory(ctx context.Context, b *image.BundleSource) (layout.Inventory, error) {
	far, err := image.ParseRegistryPrefix(c.since)
	if err != nil {
		return layout.Inventory{}, err
	}
	p := &presentBlobs{has: map[blob.Digest]*layout.Content{}}
	images := imageManifests(b)
	repos := make([]*distribution.Repository, len(images))
	for i, im := range images {
		target, err := far.Target(im.name)
		if err != nil {
			return layout.Inventory{}, err
		}
		if repos[i], err = c.from.BindHost(target.Host()).Repository(ctx, target, auth.Pull); err != nil {
			return layout.Inventory{}, err
		}
		repos[i].Mirrors = nil // what a mirror has, the far registry may lack
		repos[i].Target = true // of an earlier load
	}
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(cli.ParallelImages)
	for i, im := range images {
		group.Go(func() error { return p.countAnswer(p.ask(inGroup, repos[i], im)) })
	}
	if err := group.Wait(); err != nil {
		return layout.Inventory{}, err
	}
	if p.answers == 0 && p.denied != nil {
		return layout.Inventory{}, p.denied
	}
	return p.inventory(far.String()), nil
}

// repositoryManifest is an image's manifest and the image's name in the bundle.
type repositoryManifest struct {
	name reference.Reference
	manifest.Manifest
}

// imageManifests lists the image manifests in the bundle, each once for each repository that has
// it.
func imageManifests(b *image.BundleSource) []repositoryManifest {
	var out []repositoryManifest
	seen := map[string]bool{}
	var walk func(name reference.Reference, d blob.Digest)
	walk = func(name reference.Reference, d blob.Digest) {
		m, known := b.ByDigest[d]
		key := name.Name() + string(d)
		if !known || seen[key] {
			return
		}
		seen[key] = true
		if !manifest.IsIndex(m.MediaType) {
			out = append(out, repositoryManifest{name, m})
			return
		}
		refs, _ := m.References() // collecting the image has parsed them
		for _, r := range refs {
			walk(name, r.Digest)
		}
	}
	for _, im := range b.Images {
		if name, err := reference.Parse(im.Name); err == nil {
			walk(name, im.Digest)
		}
	}
	return out
}

// presentBlobs collects the blobs that the registry has. Their repositories are named as in the
// bundle.
type presentBlobs struct {
	mu      sync.Mutex
	has     map[blob.Digest]*layout.Content
	answers int   // images for which the registry gave an answer
	denied  error // the last refusal
}

// countAnswer takes the outcome of asking for an image. Some registries deny access to a repository
// that they do not have; a denial is an error only if every answer is one.
func (p *presentBlobs) countAnswer(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case errors.Is(err, fs.ErrPermission):
		p.denied = err
		return nil
	case err == nil:
		p.answers++
	}
	return err
}

// ask finds out which of an image's blobs a repository has: all of them if it has the manifest.
func (p *presentBlobs) ask(ctx context.Context, repo *distribution.Repository, im repositoryManifest) error {
	refs, err := im.References()
	if err != nil {
		return err
	}
	_, err = repo.HeadManifest(ctx, string(im.Digest))
	whole := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, d := range refs {
		if !whole {
			there, err := repo.HasBlob(ctx, d)
			if err != nil {
				return err
			}
			if !there {
				continue
			}
		}
		p.add(d, im.name.Name())
	}
	return nil
}

func (p *presentBlobs) add(d manifest.Descriptor, repository string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.has[d.Digest]
	if c == nil {
		c = &layout.Content{Digest: d.Digest, Size: d.Size}
		p.has[d.Digest] = c
	}
	if !slices.Contains(c.Repositories, repository) {
		c.Repositories = append(c.Repositories, repository)
	}
}

// inventory returns the blobs as the base of a bundle. That of a registry has no id.
func (p *presentBlobs) inventory(name string) layout.Inventory {
	in := layout.Inventory{File: name}
	for _, d := range slices.Sorted(maps.Keys(p.has)) {
		slices.Sort(p.has[d].Repositories)
		in.Content = append(in.Content, *p.has[d])
	}
	return in
}
