package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/liststore"
)

// manifestCreate is the command manifest create.
type manifestCreate struct {
	at    *side
	amend bool
}

func manifestCreateCommand() command {
	return command{
		name: "manifest create", args: "LIST IMAGE [IMAGE...]", min: 2, max: -1,
		short: "create a local manifest list of images",
		long: `Works as docker manifest create, on the same local lists. An IMAGE that is itself a list contributes its
entries; IMAGEs may be on other registries. With --amend, IMAGEs that are in the list stay as they are: to bring one up
to date, remove it before (transship manifest rm LIST IMAGE).`,
		example: `transship manifest create hczjl/halo:1.6 hczjl/halo:amd64 hczjl/halo:arm64 hczjl/halo:arm32`,
		setup: func(fs *flag.FlagSet, a *app) action {
			c := &manifestCreate{at: a.manifestSide(fs)}
			a.verboseFlag(fs)
			fs.BoolVar(&c.amend, "amend", false, "add to a list that exists")
			alias(fs, "a", "amend")
			return c.run
		},
	}
}

func (c *manifestCreate) run(ctx context.Context, a *app, args []string) error {
	list, err := reference.Parse(args[0])
	if err != nil {
		return fmt.Errorf("error parsing name for manifest list %s: %w", args[0], err)
	}
	if list.Digest != "" {
		return &usageError{message: fmt.Sprintf("%s: a new list has no digest yet", args[0]), hint: "name it with a tag"}
	}
	store, err := a.listStore()
	if err != nil {
		return err
	}
	c.at.host = list.Host()
	if err := c.mayWrite(store, list); err != nil {
		return err
	}
	found, err := c.collect(ctx, a, store, list, args[1:])
	if err != nil {
		return err
	}
	for _, entries := range found {
		for _, e := range entries {
			if err := store.Save(list.String(), e); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(a.stdout, "Created manifest list", list)
	return nil
}

// mayWrite refuses an existing list without --amend, in docker's words.
func (c *manifestCreate) mayWrite(store liststore.Store, list reference.Reference) error {
	_, err := store.List(list.String())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !c.amend:
		return errors.New("refusing to amend an existing manifest list with no --amend flag")
	}
	return nil
}

// collect finds the entries that each image contributes, side by side.
func (c *manifestCreate) collect(ctx context.Context, a *app, store liststore.Store, list reference.Reference, images []string) ([][]liststore.Entry, error) {
	found := make([][]liststore.Entry, len(images))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inspectJobs)
	for i, image := range images {
		ref, err := reference.Parse(image)
		if err != nil {
			return nil, errors.Join(err, group.Wait())
		}
		if e, err := store.Get(list.String(), ref.String()); err == nil {
			found[i] = []liststore.Entry{e}
			continue
		}
		group.Go(func() (err error) {
			found[i], err = c.fetch(ctx, a, ref)
			return err
		})
	}
	return found, group.Wait()
}

// fetch reads an image from its registry: one entry, or those of the list that it is.
func (c *manifestCreate) fetch(ctx context.Context, a *app, ref reference.Reference) ([]liststore.Entry, error) {
	repo, err := a.pullFrom(ctx, c.at, ref)
	if err != nil {
		return nil, err
	}
	m, err := repo.Manifest(ctx, ref.Identifier())
	if err != nil {
		return nil, noSuchManifest(ref, err)
	}
	if manifest.IsIndex(m.MediaType) {
		a.note("note: %s is a manifest list; its entries are taken over", ref)
		return entriesOf(ctx, repo, ref, m)
	}
	e, err := entryOf(ctx, repo, ref, m)
	return []liststore.Entry{e}, err
}

// entryOf makes an entry of an image; its platform comes from its config, as docker takes it.
func entryOf(ctx context.Context, src transfer.Source, ref reference.Reference, m manifest.Manifest) (liststore.Entry, error) {
	p, err := transfer.ImagePlatform(ctx, src, m)
	if err != nil {
		return liststore.Entry{}, err
	}
	d := m.Descriptor
	d.Platform = &p
	return liststore.Entry{Ref: ref.String(), Descriptor: d, Raw: m.Raw}, nil
}

// entriesOf makes entries of what a list holds, also of lists in it. They are named by digest, keep the list's
// annotations, and take their platform from it.
func entriesOf(ctx context.Context, src transfer.Source, ref reference.Reference, m manifest.Manifest) ([]liststore.Entry, error) {
	ix, err := m.Index()
	if err != nil {
		return nil, err
	}
	found := make([][]liststore.Entry, len(ix.Manifests))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inspectJobs)
	for i, d := range ix.Manifests {
		group.Go(func() (err error) {
			found[i], err = entriesFrom(ctx, src, ref.WithDigest(d.Digest), d)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []liststore.Entry
	for _, entries := range found {
		out = append(out, entries...)
	}
	return out, nil
}

// entriesFrom makes entries of one child of a list.
func entriesFrom(ctx context.Context, src transfer.Source, ref reference.Reference, d manifest.Descriptor) ([]liststore.Entry, error) {
	m, err := src.Manifest(ctx, string(d.Digest))
	if err != nil {
		return nil, noSuchManifest(ref, err)
	}
	if manifest.IsIndex(m.MediaType) {
		return entriesOf(ctx, src, ref, m)
	}
	if d.Platform == nil {
		e, err := entryOf(ctx, src, ref, m)
		return []liststore.Entry{e}, err
	}
	d.MediaType, d.Size = m.MediaType, m.Size
	return []liststore.Entry{{Ref: ref.String(), Descriptor: d, Raw: m.Raw}}, nil
}
