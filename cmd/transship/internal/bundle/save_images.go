package bundle

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/store"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// savedImage is an image and its names in the bundle.
type savedImage struct {
	image.Origin
	line  int             // of the list; 0 for an argument
	lock  *image.LockLine // of the entry
	names []reference.Reference
}

func closeAll(images []savedImage) {
	for _, im := range images {
		im.Close()
	}
}

// open opens the images to save. What cannot be opened of a list or of the arguments is one of failed.
func (c *saveCommand) open(
	ctx context.Context, places *image.Opener, lock *image.Lock, args []string, failed *failures,
) ([]savedImage, error) {
	if c.stored {
		return c.openStored(ctx, places, args)
	}
	entries, err := c.entries(ctx, places.Run, lock, args)
	if err != nil {
		return nil, err
	}
	return c.openImages(ctx, places, entries, failed), nil
}

// openImages opens the images that the entries select. What cannot be opened is one of failed.
func (c *saveCommand) openImages(
	ctx context.Context, places *image.Opener, entries []saveEntry, failed *failures,
) (images []savedImage) {
	for _, e := range entries {
		found, err := c.openEntry(ctx, places, e, failed)
		if err != nil {
			failed.add(ctx, e.line, e.Selection.String(), err)
		}
		images = append(images, found...)
	}
	return images
}

// openEntry opens the images of one entry.
func (c *saveCommand) openEntry(
	ctx context.Context, places *image.Opener, e saveEntry, failed *failures,
) (images []savedImage, err error) {
	from := c.from.BindHost(e.Ref.Host())
	if e.Tags == nil {
		origins, err := places.Select(ctx, from, e.Selection)
		if err == nil {
			origins, err = e.lock.Keep(e.Selection, origins)
		}
		return e.saved(origins), err
	}
	for tags, err := range e.lock.TagLists(ctx, from, e.Selection) {
		if err != nil {
			return images, err
		}
		origins, err := []image.Origin(nil), tags.Err
		if err == nil {
			origins, err = places.SelectTags(ctx, from, tags)
		}
		if err != nil {
			failed.add(ctx, e.line, tags.Selection.String(), err)
		}
		images = append(images, e.saved(origins)...)
	}
	return images, nil
}

// saved returns the images with their names in the bundle.
func (e saveEntry) saved(origins []image.Origin) (images []savedImage) {
	for _, o := range origins {
		images = append(images, savedImage{o, e.line, e.lock, e.namesFor(o.Name)})
	}
	return images
}

// openStored opens images of the local store.
func (*saveCommand) openStored(ctx context.Context, places *image.Opener, args []string) ([]savedImage, error) {
	origins, err := store.Origins(ctx, places.Run.Env, args)
	var out []savedImage
	for _, o := range origins {
		out = append(out, savedImage{Origin: o, names: saveEntry{}.namesFor(o.Name)})
	}
	return out, err
}

// saveEntry is a line of the list, or an argument.
type saveEntry struct {
	image.Selection
	line     int                    // 0 for an argument
	lock     *image.LockLine        // of the selection
	names    []reference.Reference  // in the bundle; without a tag the images keep theirs
	prefixes []image.RegistryPrefix // of a pattern of repositories, which keep their names below them
}

// entries parses the whole list and the arguments before any call is made.
func (c *saveCommand) entries(ctx context.Context, r *run.Run, lock *image.Lock, args []string) ([]saveEntry, error) {
	var out []saveEntry
	if c.list != "" {
		lines, err := image.ReadList(ctx, r.Stdin, c.list)
		if err != nil {
			return nil, err
		}
		bad := image.ListErrors{File: c.list, Streams: r.Streams}
		for _, line := range lines {
			e, err := parseSaveLine(line)
			if err == nil {
				e.Selection, err = e.InShard(c.shard)
			}
			if err == nil && e.OtherShard() {
				continue
			}
			if err == nil {
				e.lock, err = lock.Line(e.Selection)
			}
			bad.Add(line.Line, err)
			out = append(out, e)
		}
		if err := bad.Err(); err != nil {
			return nil, err
		}
	}
	chosen, err := parseSaveArgs(args)
	for _, e := range chosen {
		if err == nil {
			e.Selection, err = e.InShard(c.shard)
		}
		if err == nil && !e.OtherShard() {
			e.lock, err = lock.Line(e.Selection)
			out = append(out, e)
		}
	}
	return out, err
}

// parseSaveLine parses a line of the list.
func parseSaveLine(line image.ListEntry) (saveEntry, error) {
	selection, err := image.ParseSelection(line)
	e := saveEntry{Selection: selection, line: line.Line}
	if err != nil {
		return e, err
	}
	for _, text := range line.Targets {
		if e.Repositories != "" {
			prefix, err := image.ParseRegistryPrefix(text)
			if err != nil {
				return e, err
			}
			e.prefixes = append(e.prefixes, prefix)
			continue
		}
		name, err := image.ParseNewName(text, e.MayBeSeveral())
		if err != nil {
			return e, err
		}
		e.names = append(e.names, name)
	}
	return e, nil
}

// parseSaveArgs parses REF [PATTERN...] [REF [PATTERN...]...]. A REF without a pattern is one image, or
// all of a layout or tar.
func parseSaveArgs(args []string) ([]saveEntry, error) {
	var out []saveEntry
	for i := 0; i < len(args); {
		words := []string{args[i]}
		for i++; i < len(args) && tagselect.IsWord(args[i]); i++ {
			words = append(words, args[i])
		}
		selection, err := image.ParseArgs(words)
		if err != nil {
			return nil, err
		}
		out = append(out, saveEntry{Selection: selection})
	}
	return out, nil
}

// namesFor returns the names that an image of the entry gets in the bundle.
func (e saveEntry) namesFor(name reference.Reference) []reference.Reference {
	names := e.names
	for _, prefix := range e.prefixes {
		if as, err := prefix.Target(reference.Reference{Domain: name.Domain, Path: name.Path}); err == nil {
			names = append(names, as)
		}
	}
	if len(names) == 0 {
		names = []reference.Reference{{Domain: name.Domain, Path: name.Path}}
	}
	var out []reference.Reference
	for _, n := range names {
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
	images []savedImage, failed *failures) error {
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
	var n atomic.Int32
	for _, im := range images {
		for _, name := range im.names {
			group.Go(func() error {
				d, dst, err := storeAs(inGroup, engine, im.Origin, dir, name)
				if err == nil || inGroup.Err() == nil && !c.keepGoing {
					result := image.Result{Line: im.line, Source: im.String(), Target: c.target(name), Signature: im.Signature}
					show.Report.AddCopy(result, d, dst, cmp.Or(name.Tag, string(d.Digest)), err)
				}
				switch {
				case err == nil:
					n.Add(1)
				case c.keepGoing && ctx.Err() == nil:
					failed.add(ctx, im.line, im.String(), err)
					return nil
				}
				return failure{line: im.line, err: err}.inLine()
			})
		}
	}
	err = group.Wait()
	stop()
	show.Report.Sort()
	if err == nil {
		r.Note("saved %d image%s to %s: %s", n.Load(), cli.Plural(int(n.Load())), c.out, show.BlobSummary("fetched"))
	}
	return err
}

// storeAs copies an image into a layout under a name, or under none if name has no path.
func storeAs(ctx context.Context, engine *transfer.Engine, im image.Origin, dir *layout.Dir,
	name reference.Reference) (manifest.Descriptor, transfer.Target, error) {
	repo := dir.Unnamed()
	if name.Path != "" {
		repo = dir.Repository(name.Name())
	}
	dst := image.LayoutTarget{Repository: repo}
	d, err := image.StoreAs(ctx, engine, im.Source, im.Ref, dst, name)
	return d, dst, err
}

// target returns where an image is saved under a name, as other commands take it.
func (c *saveCommand) target(name reference.Reference) string {
	l := image.Location{Transport: image.TransportOCIArchive, Path: c.out}
	if c.toFolder() {
		l.Transport = image.TransportOCI
	}
	return l.WithName(name).String()
}

// addResults adds what a bundle has to the report: its images, referrers among them, and its files.
func (c *saveCommand) addResults(out *image.Reporter, images []savedImage, in layout.Inventory) {
	sources, signed := map[string]string{}, map[string]*signature.Verdict{}
	for _, im := range images {
		for _, name := range im.names {
			sources[name.String()], signed[name.String()] = im.String(), im.Signature
		}
	}
	for _, im := range in.Images {
		name, err := reference.Parse(im.Name)
		if err != nil {
			name = reference.Reference{}
		}
		out.Add(image.Result{Source: sources[im.Name], Target: c.target(name),
			Signature: signed[im.Name],
			MediaType: im.MediaType, Digest: im.Digest, Size: im.Size}, nil)
	}
	for _, v := range in.Volumes {
		out.Volumes = append(out.Volumes, image.Volume{
			File: filepath.Join(filepath.Dir(c.out), v.File), Size: v.Size, Digest: v.Digest})
	}
}

// verdictsOf returns what the policy of --require-signature says of the images.
func verdictsOf(images []savedImage) (out []signature.Verdict) {
	for _, im := range images {
		if im.Signature != nil {
			out = append(out, *im.Signature)
		}
	}
	return out
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
