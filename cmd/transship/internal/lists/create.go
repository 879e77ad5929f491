package lists

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// createCommand is manifest create and its flags.
type createCommand struct {
	registry *run.Remote
	amend    bool
}

// Create returns the command manifest create.
func Create() run.Command {
	return run.Command{
		Name: "manifest create", Args: "LIST IMAGE [IMAGE...]", Min: 2, Max: -1,
		Short: "create a local manifest list of images",
		Long: `Works like docker manifest create, on the same local lists. IMAGE may be a manifest list (its entries are
added) or on another registry. With --amend, images that the list already has stay as they are: to update one,
remove it first (transship manifest rm LIST IMAGE). Prints "Created manifest list" and its name.`,
		Example: `transship manifest create hczjl/halo:1.6 hczjl/halo:amd64 hczjl/halo:arm64 hczjl/halo:arm32`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &createCommand{registry: registryFlags(r, fs)}
			r.VerboseFlag(fs)
			fs.BoolVar(&c.amend, "amend", false, "add to an existing list")
			cli.Alias(fs, "a", "amend")
			return c.run
		},
	}
}

func (c *createCommand) run(ctx context.Context, r *run.Run, args []string) error {
	list, err := parseNewList(args[0])
	if err != nil {
		return err
	}
	refs, err := parseReferences(args[1:])
	if err != nil {
		return err
	}
	store, err := listStore(r.Env)
	if err != nil {
		return err
	}
	c.registry.Host = list.Host()
	exists, err := c.listExists(store, list)
	if err != nil {
		return err
	}
	found, err := c.collect(ctx, r, store, list, refs)
	if err != nil {
		return err
	}
	if err := save(store, list.String(), found, exists); err != nil {
		return err
	}
	fmt.Fprintln(r.Stdout, "Created manifest list", list)
	return nil
}

// parseNewList parses the name of a list to create.
func parseNewList(arg string) (reference.Reference, error) {
	list, err := cli.ParseReference(arg)
	switch {
	case err != nil:
		return list, fmt.Errorf("error parsing name for manifest list %s: %w", arg, err)
	case list.Digest != "":
		return list, &cli.UsageError{Message: arg + ": a new list has no digest yet", Advice: "give it a tag"}
	}
	return list, nil
}

// listExists reports whether the list exists, which without --amend is an error with docker's text.
func (c *createCommand) listExists(store liststore.Store, list reference.Reference) (bool, error) {
	_, err := store.List(list.String())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !c.amend:
		return true, errors.New("refusing to amend an existing manifest list with no --amend flag")
	}
	return true, nil
}

// save adds the entries to the list. It removes a new list that it cannot complete.
func save(store liststore.Store, list string, found [][]liststore.Entry, exists bool) error {
	for _, e := range slices.Concat(found...) {
		err := store.Save(list, e)
		if err != nil && !exists {
			err = errors.Join(err, store.Remove(list))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// collect returns the entries of each image: that which the list has already, or else what its
// registry has, fetched in parallel.
func (c *createCommand) collect(ctx context.Context, r *run.Run, store liststore.Store, list reference.Reference,
	refs []reference.Reference) ([][]liststore.Entry, error) {
	found := make([][]liststore.Entry, len(refs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(run.ManifestJobs)
	for i, ref := range refs {
		if e, err := store.Get(list.String(), ref.String()); err == nil {
			found[i] = []liststore.Entry{e}
			continue
		}
		group.Go(func() (err error) {
			found[i], err = c.fetch(ctx, r, ref)
			return err
		})
	}
	return found, group.Wait()
}

// fetch reads an image from its registry and returns its entry, or the entries of a list.
func (c *createCommand) fetch(ctx context.Context, r *run.Run, ref reference.Reference) ([]liststore.Entry, error) {
	repo, err := pullRepository(ctx, c.registry, ref)
	if err != nil {
		return nil, err
	}
	m, err := repo.Manifest(ctx, ref.Identifier())
	if err != nil {
		return nil, noSuchManifest(ref, err)
	}
	if manifest.IsIndex(m.MediaType) {
		r.Note("note: %s is a manifest list; its entries are added", ref)
		return listEntries(ctx, repo, ref, m, 0)
	}
	e, err := imageEntry(ctx, repo, ref, m)
	return []liststore.Entry{e}, err
}

// imageEntry returns the entry of an image. Its platform is that of the image's config, as in
// docker.
func imageEntry(ctx context.Context, src transfer.Source, ref reference.Reference,
	m manifest.Manifest) (liststore.Entry, error) {
	p, err := transfer.ImagePlatform(ctx, src, m)
	if err != nil {
		return liststore.Entry{}, err
	}
	d := m.Descriptor
	d.Platform = &p
	return liststore.Entry{Ref: ref.String(), Descriptor: d, Raw: m.Raw}, nil
}

// listEntries returns the entries of a list and of the lists in it. They are named by digest and
// keep the annotations and the platform that the list gives them. depth is how many lists m lies
// below.
func listEntries(ctx context.Context, src transfer.Source, ref reference.Reference,
	m manifest.Manifest, depth int) ([]liststore.Entry, error) {
	ix, err := m.Index()
	if err != nil {
		return nil, err
	}
	found := make([][]liststore.Entry, len(ix.Manifests))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(run.ManifestJobs)
	for i, d := range ix.Manifests {
		group.Go(func() (err error) {
			found[i], err = childEntries(ctx, src, ref.WithDigest(d.Digest), d, depth+1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(found...), nil
}

// childEntries returns the entries of one child of a list, which lies below depth lists.
func childEntries(ctx context.Context, src transfer.Source, ref reference.Reference,
	d manifest.Descriptor, depth int) ([]liststore.Entry, error) {
	if err := d.CheckDepth(depth); err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	m, err := src.Manifest(ctx, string(d.Digest))
	if err != nil {
		return nil, noSuchManifest(ref, err)
	}
	if manifest.IsIndex(m.MediaType) {
		return listEntries(ctx, src, ref, m, depth)
	}
	if d.Platform == nil {
		e, err := imageEntry(ctx, src, ref, m)
		return []liststore.Entry{e}, err
	}
	d.MediaType, d.Size = m.MediaType, m.Size
	return []liststore.Entry{{Ref: ref.String(), Descriptor: d, Raw: m.Raw}}, nil
}
