package bundle

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// baseError says that the registry lacks blobs that a bundle leaves out.
type baseError struct {
	file, base string // the bundle, and what it builds on; base is "" if the bundle does not say
	isBundle   bool   // base is one of transship
	registry   string
	lacks      int
	first      blob.Digest // of the blobs that are lacking
	namesake   string      // another bundle with the base's file name, "" if none was found
}

// Error names the bundle, the registry and the first missing blob.
func (e *baseError) Error() string {
	if e.base == "" {
		return fmt.Sprintf("%s and %s both lack %d blob%s; the first is %s",
			e.file, e.registry, e.lacks, cli.Plural(e.lacks), e.first)
	}
	return fmt.Sprintf("%s builds on %s, and %s lacks %d blob%s of that; the first is %s%s",
		e.file, e.base, e.registry, e.lacks, cli.Plural(e.lacks), e.first, layout.NamesakeNote(e.namesake))
}

// Is makes it fs.ErrNotExist.
func (*baseError) Is(target error) bool { return target == fs.ErrNotExist }

// Hint names the bundle to load first.
func (e *baseError) Hint() string {
	switch {
	case e.base == "":
		return "the bundle is incomplete; save it again"
	case !e.isBundle:
		return "load or copy " + e.base + " there first, or save again without --since"
	}
	return "load " + e.base + " first, with --repair if it was loaded before; if it was made for another registry, save again without --since"
}

// holders maps the blobs that a bundle leaves out to a repository that has each of them, or that has
// the base of the delta that the bundle has.
type holders map[blob.Digest]holder

// holder is a repository that has a blob, or the base of a delta of it.
type holder struct {
	*distribution.Repository
	delta *layout.Delta // nil if the repository has the blob itself
}

// holder returns the name of the repository that has a blob, "" if none is known.
func (h holders) holder(_ context.Context, d blob.Digest) string {
	if at := h[d]; at.Repository != nil && at.delta == nil {
		return at.Name
	}
	return ""
}

// completedImage is an image of a bundle together with the blobs that the bundle leaves out. If the
// registry does not mount those, they are read from its other repositories.
type completedImage struct {
	transfer.Source
	base    holders
	archive *layout.Archive // has the deltas
}

// String names the bundle in messages.
func (c *completedImage) String() string { return fmt.Sprint(c.Source) }

// Blob implements transfer.Source.
func (c *completedImage) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	at := c.base[d.Digest]
	switch {
	case at.Repository == nil:
		return c.Source.Blob(ctx, d, offset)
	case at.delta == nil:
		return at.Blob(ctx, d, offset)
	}
	base := manifest.Descriptor{Digest: at.delta.Base, Size: at.delta.BaseSize}
	return c.archive.PatchBlob(ctx, d.Digest, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return at.Blob(ctx, base, offset)
	}, offset)
}

// MakesBlob implements transfer.BlobMaker.
func (c *completedImage) MakesBlob() func(blob.Digest) bool {
	inSource := transfer.MakesBlob(c.Source)
	return func(d blob.Digest) bool { return c.base[d].delta != nil || inSource != nil && inSource(d) }
}

// HasBlob implements transfer.BlobFinder.
func (c *completedImage) HasBlob(ctx context.Context, d manifest.Descriptor) (bool, error) {
	if c.base[d.Digest].Repository != nil {
		return true, nil
	}
	return transfer.HasBlob(ctx, c.Source, d)
}

// findBase finds the blobs that the images need and the bundle leaves out, before anything is pushed. If the
// registry lacks one of them the error is a *baseError.
func (c *loadCommand) findBase(ctx context.Context, r *run.Run, local *image.LocalImages, far image.RegistryPrefix,
	images []loadedImage) (holders, error) {
	if local.Archive == nil {
		return nil, nil // a folder is complete
	}
	needed, err := neededBlobs(ctx, local, images)
	if err != nil || len(needed) == 0 {
		return nil, err
	}
	in, err := local.Archive.Inventory()
	if err != nil {
		return nil, err
	}
	for d, need := range needed {
		content, _ := in.Find(d)
		need.addCandidates(far, content.Repositories)
		if need.delta = content.Delta; need.delta != nil {
			need.addCandidates(far, need.delta.Repositories)
		}
	}
	lacking, err := c.findHolders(ctx, r, needed)
	if err != nil {
		return nil, err
	}
	if len(lacking) > 0 && in.Base == nil {
		err = firstIncomplete(ctx, images)
	}
	if err != nil {
		return nil, err
	}
	if len(lacking) > 0 {
		e := &baseError{file: local.Archive.Name(), registry: far.String(), lacks: len(lacking), first: lacking[0],
			namesake: local.Archive.Namesake()}
		if in.Base != nil {
			e.base, e.isBundle = in.Base.File, in.Base.ID != ""
		}
		return nil, e
	}
	found := holders{}
	for d, need := range needed {
		found[d] = need.holder
	}
	return found, nil
}

// baseFlag registers --base.
func baseFlag(fs *flag.FlagSet, bases *cli.FileList) {
	fs.Var(bases, "base",
		"take what a bundle of --since needs from this `bundle` or folder; may be repeated (default the bundles beside it)")
}

// useBases has a bundle take what it needs from those that --base names.
func useBases(ctx context.Context, r *run.Run, local *image.LocalImages, bases cli.FileList) error {
	if len(bases) == 0 {
		return nil
	}
	return local.UseBases(ctx, r, bases...)
}

// neededBlob is a blob that a bundle leaves out.
type neededBlob struct {
	manifest.Descriptor
	delta      *layout.Delta         // that the bundle has of it
	candidates []reference.Reference // repositories that may have it, or the base of the delta
	holder     holder                // the first of them that has it, or else of those that have the base
}

// addCandidates adds the repositories that the images of the base's repositories were loaded to. One on
// the registry itself, of save --since docker://, has its own name there.
func (n *neededBlob) addCandidates(far image.RegistryPrefix, repositories []string) {
	for _, name := range repositories {
		ref, err := reference.ParseRepository(name)
		if err != nil {
			continue
		}
		if ref.Domain == far.Base.Domain {
			n.candidates = append(n.candidates, ref)
		}
		if target, err := far.Target(ref); err == nil {
			n.candidates = append(n.candidates, target)
		}
	}
}

// neededBlobs returns the blobs that the images need and the bundle does not have, each with the
// targets of those images as candidates.
func neededBlobs(ctx context.Context, local *image.LocalImages,
	images []loadedImage) (map[blob.Digest]*neededBlob, error) {
	needed := map[blob.Digest]*neededBlob{}
	engine := new(transfer.Engine)
	for _, im := range images {
		// The registry may have what is missing: a completedImage is not checked for that.
		closure, err := engine.Collect(ctx, &completedImage{Source: im.Source}, string(im.Digest))
		if errors.Is(err, fs.ErrNotExist) {
			err = cmp.Or(engine.Incomplete(ctx, im.Source, string(im.Digest)), err)
		}
		if err != nil {
			return nil, err
		}
		for _, d := range closure.Blobs {
			if local.Archive.HasHere(d.Digest) {
				continue
			}
			if needed[d.Digest] == nil {
				needed[d.Digest] = &neededBlob{Descriptor: d}
			}
			needed[d.Digest].candidates = append(needed[d.Digest].candidates, im.target)
		}
	}
	return needed, nil
}

// firstIncomplete returns the [transfer.IncompleteError] of the first image that has one.
func firstIncomplete(ctx context.Context, images []loadedImage) error {
	engine := new(transfer.Engine)
	for _, im := range images {
		if err := engine.Incomplete(ctx, im.Source, string(im.Digest)); err != nil {
			return err
		}
	}
	return nil
}

// findHolders finds the holder of each blob, in parallel, and returns the blobs that the registry
// lacks.
func (c *loadCommand) findHolders(ctx context.Context, r *run.Run,
	needed map[blob.Digest]*neededBlob) (lacking []blob.Digest, err error) {
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(r.ParallelImages(c.jobs))
	digests := slices.Sorted(maps.Keys(needed))
	for _, d := range digests {
		group.Go(func() error { return c.findHolder(inGroup, needed[d]) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, d := range digests {
		if needed[d].holder.Repository == nil {
			lacking = append(lacking, d)
		}
	}
	return lacking, nil
}

// findHolder asks the candidates for the blob, and if none has it for the base of its delta.
func (c *loadCommand) findHolder(ctx context.Context, need *neededBlob) error {
	repo, err := c.askCandidates(ctx, need.candidates, need.Descriptor)
	if err == nil && repo == nil && need.delta != nil {
		need.holder.delta = need.delta
		base := manifest.Descriptor{Digest: need.delta.Base, Size: need.delta.BaseSize}
		repo, err = c.askCandidates(ctx, need.candidates, base)
	}
	need.holder.Repository = repo
	return err
}

// askCandidates asks repositories one after another until one has the blob, and returns that one. Some
// registries deny access to a repository that they do not have; a denial is an error only if every one
// answers so.
func (c *loadCommand) askCandidates(ctx context.Context, candidates []reference.Reference,
	d manifest.Descriptor) (*distribution.Repository, error) {
	var denied error
	answers := 0
	for _, ref := range candidates {
		repo, err := c.to.ForHost(ref.Host()).Target(ctx, ref)
		if err != nil {
			return nil, err
		}
		there, err := repo.HasBlob(ctx, d)
		switch {
		case there:
			return repo, nil
		case errors.Is(err, fs.ErrPermission):
			denied = err
		case err != nil:
			return nil, err
		default:
			answers++
		}
	}
	if answers == 0 {
		return nil, denied
	}
	return nil, nil
}
