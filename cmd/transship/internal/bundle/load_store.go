package bundle

import (
	"context"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/store"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// intoStore copies all images of a tar or folder to the local store, as docker load does.
func (c *loadCommand) intoStore(ctx context.Context, r *run.Run, path string) error {
	if len(c.rewrites) > 0 {
		return &cli.UsageError{
			Message: "--rewrite needs a REGISTRY: in the local store images keep their names",
			Advice:  "transship tag gives them others",
		}
	}
	local, err := c.open(ctx, r, path)
	if err != nil {
		return err
	}
	defer local.Close()
	if len(local.Images) == 0 {
		return local.NoImages()
	}
	if err := useBases(ctx, r, local, c.bases); err != nil {
		return err
	}
	if err := local.CheckBases(ctx); err != nil {
		return err
	}
	if _, err := local.Admit(ctx, &c.gate); err != nil {
		return err
	}
	target, release, err := store.Targets(r)
	if err != nil {
		return err
	}
	defer release()
	show := image.NewProgress(r)
	show.PerImage = len(local.Images) > 1
	l := &storeLoader{run: r, target: target, whole: r.Engine(c.jobs, show.Event), cut: r.Engine(c.jobs, show.Event)}
	l.cut.Platforms, l.cut.Available = c.platforms, c.available
	stop := show.Start()
	b := &cli.Batch{Streams: r.Streams, Total: len(local.Images), Parallel: 1}
	cli.Each(ctx, b, local.Images, func(ctx context.Context, im image.LocalImage) error {
		return run.HintDamaged(l.load(ctx, im))
	})
	stop()
	if b.Done > 0 {
		r.NoteDone("loaded %d image%s of %s into the local store: %s",
			b.Done, cli.Plural(b.Done), local.Path, show.BlobSummary("copied"))
	}
	return run.WithDiskFullHint(r.Alike(b.Err(ctx)))
}

// storeLoader copies images to the local store.
type storeLoader struct {
	run    *run.Run
	target func(repository string) image.TagTarget
	cut    *transfer.Engine // with --platform and --available
	whole  *transfer.Engine // for signatures and the like, which are for no platform
}

// load copies an image to the store under its name, and prints what docker load does. An image
// without a name has no tag there either.
func (l *storeLoader) load(ctx context.Context, im image.LocalImage) error {
	name, err := reference.Parse(im.Name)
	if err != nil {
		name = reference.Reference{Digest: im.Digest}
	}
	if name.Tag != "" {
		name.Digest = ""
	}
	engine := l.cut
	if im.Refers(ctx) {
		engine = l.whole
	}
	dst := l.target(image.RepositoryName(name))
	d, err := image.StoreAs(ctx, engine, im.Source, string(im.Digest), dst, name)
	if err != nil {
		return err
	}
	if name.Path == "" {
		fmt.Fprintf(l.run.Stdout, "Loaded image ID: %s\n", d.Digest)
		return nil
	}
	if name.Digest != "" {
		name.Digest = d.Digest
	}
	fmt.Fprintf(l.run.Stdout, "Loaded image: %s\n", name.Familiar())
	return nil
}
