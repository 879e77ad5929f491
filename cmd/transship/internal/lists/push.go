package lists

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// pushCommand is manifest push and its flags.
type pushCommand struct {
	registry  *run.Remote
	purge     bool
	noClobber bool
	jobs      cli.Count
	report    PushDocument
}

// PushDocument is what manifest push --json prints: the list, and its images that were brought to the
// list's repository.
type PushDocument struct {
	cli.Outcome
	Reference string      `json:"reference"`
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
	Pushed    []string    `json:"pushed"`
}

// Push returns the command manifest push.
func Push() run.Command {
	return run.Command{
		Name: "manifest push", Args: "LIST", Min: 1, Max: 1,
		Short: "push a local manifest list, and its images, to its registry",
		Long: `Works like docker manifest push, and pushes the same bytes. Images of other repositories are mounted into
the list's, and images of other registries are copied there. Prints the digest of the list.`,
		Example: `transship manifest push --purge hczjl/halo:1.6`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &pushCommand{registry: registryFlags(r, fs)}
			r.VerboseFlag(fs)
			r.JSONFlag(fs)
			r.PlanFlag(fs)
			fs.BoolVar(&c.purge, "purge", false, "remove the local list after the push")
			cli.Alias(fs, "p", "purge")
			fs.BoolVar(&c.noClobber, "no-clobber", false,
				"fail if the list's tag at the registry points to something else, and do not move it")
			r.JobsFlag(fs, &c.jobs, "copy")
			r.InterruptHint = run.InterruptedUploadHint
			return c.run
		},
	}
}

func (c *pushCommand) run(ctx context.Context, r *run.Run, args []string) error {
	list, err := cli.ParseReference(args[0])
	if err != nil {
		return err
	}
	store, err := listStore(r.Env)
	if err != nil {
		return err
	}
	entries, err := store.List(list.String())
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return cli.Reword(fs.ErrNotExist, "%s not found", list)
	}
	doc, err := listDocument(entries)
	if err != nil {
		return err
	}
	dst, err := c.registry.Target(ctx, list)
	if err != nil {
		return err
	}
	if err := c.checkMove(ctx, list, dst, doc); err != nil {
		return err
	}
	if err := c.copyChildren(ctx, r, list, entries, dst); err != nil {
		return err
	}
	// Its images have just been put, and a list has no blobs to open.
	if err := dst.PutManifestResending(ctx, list.Identifier(), doc, nil); err != nil {
		return err
	}
	named := list
	named.Digest = doc.Digest
	c.report.Reference = named.String()
	c.report.MediaType, c.report.Digest, c.report.Size = doc.MediaType, doc.Digest, doc.Size
	r.SetDocument(&c.report)
	fmt.Fprintln(r.Stdout, doc.Digest)
	if c.purge && !r.Planning() {
		return store.Remove(list.String())
	}
	return nil
}

// checkMove returns a *[transfer.ClobberError] for a tag that --no-clobber does not let move. It
// asks the registry only with that flag: docker's command makes no such call.
func (c *pushCommand) checkMove(
	ctx context.Context, list reference.Reference, dst *distribution.Repository, doc manifest.Manifest,
) error {
	if !c.noClobber || list.Tag == "" {
		return nil
	}
	have, err := dst.HeadManifest(ctx, list.Tag)
	var unreadable *manifest.DocumentError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil // some registries deny what does not exist; if access is denied, the push fails
	case err != nil && !errors.As(err, &unreadable):
		return err
	case err == nil && have.Digest == doc.Digest:
		return nil
	}
	return &transfer.ClobberError{Target: dst.String(), Tag: list.Tag, Have: have.Digest, Want: doc.Digest}
}

// listDocument builds the list's bytes.
func listDocument(entries []liststore.Entry) (manifest.Manifest, error) {
	ix, raw, err := liststore.Build(entries)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return manifest.Parse(ix.MediaType, raw)
}

// copyChildren copies the images of other repositories to the list's, in parallel, and prints
// docker's line for each in the order of the list.
func (c *pushCommand) copyChildren(ctx context.Context, r *run.Run, list reference.Reference,
	entries []liststore.Entry, dst *distribution.Repository) error {
	sources, err := c.sources(ctx, list, entries, dst)
	if err != nil {
		return err
	}
	engine := r.Engine(c.jobs, nil)
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(min(run.ManifestJobs, r.ParallelImages(c.jobs)))
	for _, src := range sources {
		digest := string(src.entry.Descriptor.Digest)
		group.Go(func() error {
			_, err := engine.Copy(inGroup, src, digest, dst, digest)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	c.report.Pushed = []string{}
	for _, src := range sources {
		d := src.entry.Descriptor.Digest
		c.report.Pushed = append(c.report.Pushed, list.WithDigest(d).String())
		fmt.Fprintf(r.Stdout, "Pushed ref %s with digest: %s\n", list.WithDigest(d), d)
	}
	return nil
}

// sources returns the entries' repositories other than the list's, and widens dst's scope so that
// one token is enough to mount from all of them.
func (c *pushCommand) sources(ctx context.Context, list reference.Reference, entries []liststore.Entry,
	dst *distribution.Repository) ([]*entrySource, error) {
	var sources []*entrySource
	for _, e := range entries {
		ref, err := reference.Parse(e.Ref)
		if err != nil {
			return nil, fmt.Errorf("local list %s: %w", list, err)
		}
		if ref.Name() == list.Name() {
			continue
		}
		repo, err := pullRepository(ctx, c.registry, ref)
		if err != nil {
			return nil, err
		}
		if repo.Client == dst.Client {
			dst.Scope = dst.Scope.Union(repo.Scope)
		}
		sources = append(sources, &entrySource{Repository: repo, entry: e})
	}
	return sources, nil
}

// entrySource is the repository of an entry. The entry's manifest is in the local list already.
type entrySource struct {
	*distribution.Repository
	entry liststore.Entry
}

// Manifest implements transfer.Source.
func (s *entrySource) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	if blob.Digest(ref) != s.entry.Descriptor.Digest {
		return s.Repository.Manifest(ctx, ref)
	}
	return manifest.Parse(s.entry.Descriptor.MediaType, s.entry.Raw)
}
