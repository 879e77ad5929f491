package bundle

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/store"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// savedImage is an image and its names in the bundle.
type savedImage struct {
	image.Origin
	names []reference.Reference
}

func closeAll(images []savedImage) {
	for _, im := range images {
		im.Close()
	}
}

// openImages opens the images of the list and the arguments. With an error it returns those that
// are open already.
func (c *saveCommand) openImages(ctx context.Context, places *image.Opener, args []string) ([]savedImage, error) {
	entries, err := c.readList(ctx, places.Run)
	if err != nil {
		return nil, err
	}
	for _, arg := range args {
		l, err := image.ParseLocation(arg)
		if err != nil {
			return nil, err
		}
		entries = append(entries, saveEntry{Selection: image.Selection{Location: l}})
	}
	var out []savedImage
	for _, e := range entries {
		origins, err := places.Select(ctx, c.from, e.Selection)
		for _, o := range origins {
			out = append(out, savedImage{o, e.namesFor(o.Name)})
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// openStored opens images of the local store.
func (*saveCommand) openStored(ctx context.Context, places *image.Opener, args []string) ([]savedImage, error) {
	origins, err := store.Origins(ctx, places.Run.Env, args)
	var out []savedImage
	for _, o := range origins {
		out = append(out, savedImage{o, saveEntry{}.namesFor(o.Name)})
	}
	return out, err
}

// saveEntry is a line of the list, or an argument.
type saveEntry struct {
	image.Selection
	names []reference.Reference // in the bundle; without a tag the images keep theirs
}

// readList parses the whole list before any call is made.
func (c *saveCommand) readList(ctx context.Context, r *run.Run) ([]saveEntry, error) {
	if c.list == "" {
		return nil, nil
	}
	lines, err := image.ReadList(ctx, r.Stdin, c.list)
	if err != nil {
		return nil, err
	}
	var out []saveEntry
	for _, line := range lines {
		e := saveEntry{}
		if e.Selection, err = image.ParseSelection(line.Source, line.Latest); err != nil {
			return nil, image.ListError(c.list, line.Line, err)
		}
		for _, text := range line.Targets {
			name, err := image.ParseNewName(text, e.MayBeSeveral())
			if err != nil {
				return nil, image.ListError(c.list, line.Line, err)
			}
			e.names = append(e.names, name)
		}
		out = append(out, e)
	}
	return out, nil
}

// namesFor returns the names that an image of the entry gets in the bundle.
func (e saveEntry) namesFor(name reference.Reference) []reference.Reference {
	if len(e.names) == 0 {
		return []reference.Reference{image.Renamed(name, reference.Reference{Domain: name.Domain, Path: name.Path})}
	}
	var out []reference.Reference
	for _, n := range e.names {
		out = append(out, image.Renamed(name, n))
	}
	return out
}

// checkNames refuses two different images of one name.
func checkNames(ctx context.Context, engine *transfer.Engine, images []savedImage) error {
	byName := map[reference.Reference]image.Origin{}
	for _, im := range images {
		for _, name := range im.names {
			other, taken := byName[name]
			byName[name] = im.Origin
			if !taken || other.Identity() == im.Identity() || name.Path == "" {
				continue
			}
			same, err := sameImage(ctx, engine, other, im.Origin)
			if err != nil {
				return err
			}
			if same {
				continue
			}
			return &cli.UsageError{
				Message: fmt.Sprintf("both %s and %s would be called %s", other, im, name.Familiar()),
				Advice:  "use a list with -f, and write another name after one of them",
			}
		}
	}
	return nil
}

// sameImage reports whether two images have the same digest.
func sameImage(ctx context.Context, engine *transfer.Engine, a, b image.Origin) (bool, error) {
	x, err := engine.Collect(ctx, a.Source, a.Ref)
	if err != nil {
		return false, err
	}
	y, err := engine.Collect(ctx, b.Source, b.Ref)
	return x.Root.Digest == y.Root.Digest, err
}

// writeFolder adds the images to an OCI image layout in a folder.
func (c *saveCommand) writeFolder(ctx context.Context, r *run.Run, engine *transfer.Engine, show *image.Progress,
	images []savedImage) error {
	dir, err := layout.OpenDir(c.out)
	if err != nil {
		return err
	}
	release, err := dir.Hold()
	if err != nil {
		return err
	}
	defer release()
	show.PerImage = len(images) > 1
	stop := show.Start()
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(cli.ParallelImages)
	n := 0
	for _, im := range images {
		for _, name := range im.names {
			n++
			group.Go(func() error { return storeAs(inGroup, engine, im.Origin, dir, name) })
		}
	}
	err = group.Wait()
	stop()
	if err == nil {
		r.Note("saved %d image%s to %s: %s", n, cli.Plural(n), c.out, show.BlobSummary("fetched"))
	}
	return err
}

// storeAs copies an image into a layout under a name, or under none if name has no path.
func storeAs(ctx context.Context, engine *transfer.Engine, im image.Origin, dir *layout.Dir,
	name reference.Reference) error {
	repo := dir.Unnamed()
	if name.Path != "" {
		repo = dir.Repository(name.Name())
	}
	_, err := image.StoreAs(ctx, engine, im.Source, im.Ref, image.LayoutTarget{Repository: repo}, name)
	return err
}

// warnNameless says, also under --quiet, which images the bundle has without a name: load cannot push
// them to a registry alone. A folder keeps a tag without a name. What refers to an image needs none.
func (c *saveCommand) warnNameless(ctx context.Context, r *run.Run, images []savedImage) {
	var nameless []string
	for _, im := range images {
		keepsTag := func(name reference.Reference) bool { return name.Path != "" || c.toFolder() && name.Tag != "" }
		if slices.ContainsFunc(im.names, keepsTag) || image.Refers(ctx, im.Source, im.Ref) {
			continue
		}
		nameless = append(nameless, im.String())
	}
	if len(nameless) == 0 {
		return
	}
	advice := "-f LIST gives names"
	if len(nameless) > 1 {
		advice += ", DIR@index saves all images of a layout as one"
	}
	r.Stderr.Line("warning: %d image%s without a name in %s: %s; %s", len(nameless), cli.Plural(len(nameless)), c.out,
		cli.ShortenDigests(strings.Join(nameless[:min(10, len(nameless))], ", ")), advice)
}
