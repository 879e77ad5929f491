package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// pushCommand is push and its flags.
type pushCommand struct {
	to        *run.Remote
	platforms cli.PlatformList
	allTags   bool
	jobs      cli.Count
}

// noContentTrust is why docker's --disable-content-trust has no effect.
const noContentTrust = "content trust (Notary v1) is not checked; docker has given it up too"

// Push returns the command push.
func Push() run.Command {
	return run.Command{
		Name: "push", Args: "REF", Min: 1, Max: 1,
		Aliases: []string{"image push"},
		Short:   "push an image of the local store to its registry",
		Long: `The registry is that of the name; transship tag gives an image another one. Blobs that the registry has are
skipped. Prints TAG: digest: DIGEST size: BYTES, as docker does; with --quiet the name alone.

With --all-tags REF is a repository, and all tags are pushed that the store has of it. With one --platform
that image is pushed by itself, as docker does, with several an index of them.`,
		Example: `transship push registry.example.com/hczjl/halo:1.6
transship push --all-tags registry.example.com/hczjl/halo`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &pushCommand{to: r.RemoteFlags(fs, "", "the registry")}
			fs.Var(&c.platforms, "platform",
				"push only these `platforms` of the image, such as linux/amd64,linux/arm/v7; may be repeated (default all)")
			fs.BoolVar(&c.allTags, "all-tags", false, "push all tags that the store has of the repository")
			cli.Alias(fs, "a", "all-tags")
			r.NoEffectFlag(fs, "disable-content-trust", noContentTrust)
			r.SendFlags(fs, c.to, &c.jobs, "send")
			r.CommonFlags(fs)
			r.JSONFlag(fs)
			return c.run
		},
	}
}

func (c *pushCommand) run(ctx context.Context, r *run.Run, args []string) error {
	out := image.NewReporter(r)
	parse := cli.ParseReference
	if c.allTags {
		parse = cli.ParseRepository
	}
	ref, err := parse(args[0])
	if err != nil {
		return err
	}
	if ref.Tag != "" && ref.Digest != "" {
		return &cli.UsageError{Message: "the image has a tag and a digest", Advice: "give one of the two"}
	}
	dir, err := readStore(r.Env)
	if err != nil {
		return err
	}
	if dir == nil {
		return &noImageError{ref.Familiar()}
	}
	defer dir.HoldForReading()()
	refs := []reference.Reference{ref}
	if c.allTags {
		if refs, err = storedTags(dir, ref); err != nil {
			return err
		}
	}
	b := &cli.Batch{Streams: r.Streams, Total: len(refs), Parallel: 1}
	cli.Each(ctx, b, shown(refs), func(ctx context.Context, ref shownReference) error {
		return c.push(ctx, r, out, dir, ref.Reference)
	})
	return b.Err(ctx)
}

// push pushes an image and prints what docker does.
func (c *pushCommand) push(ctx context.Context, r *run.Run, out *image.Reporter, dir *layout.Dir,
	ref reference.Reference) error {
	src := dir.Repository(ref.Name())
	if _, err := src.HeadManifest(ctx, ref.Identifier()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return &noImageError{ref.Familiar()}
		}
		return err
	}
	d, err := c.copy(ctx, r, out, dir, ref)
	if err != nil {
		return err
	}
	if r.Quiet {
		fmt.Fprintln(r.Stdout, ref)
		return nil
	}
	fmt.Fprintf(r.Stdout, "%s: digest: %s size: %d\n", ref.Identifier(), d.Digest, d.Size)
	return nil
}

// copy copies the image to its registry.
func (c *pushCommand) copy(ctx context.Context, r *run.Run, out *image.Reporter, dir *layout.Dir,
	ref reference.Reference) (manifest.Descriptor, error) {
	repo, err := c.to.Target(ctx, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	mountSource, err := mountSources(dir, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	r.NoteDone("pushing to repository %s", ref.Name())
	show := image.NewProgress(r)
	show.Report = out
	dst := &image.MountTarget{Repository: repo, From: mountSource}
	stop := show.Start()
	d, err := copyPlatforms(r, c.jobs, show, c.platforms, func(engine *transfer.Engine) (manifest.Descriptor, error) {
		return engine.Copy(ctx, dir.Repository(ref.Name()), ref.Identifier(), dst, ref.Identifier())
	})
	stop()
	if cli.Has[*blob.MismatchError](err) {
		err = cli.WithHint(err, "the local store is damaged: remove the image with transship rmi and pull it again")
	}
	if err == nil || ctx.Err() == nil {
		result := image.Result{Source: ref.Familiar(), Target: ref.Familiar()}
		out.AddCopy(result, d, dst, ref.Identifier(), err)
	}
	if err == nil {
		show.PrintStoreSummary("pushed", "sent", ref)
	}
	return d, err
}

// mountSources returns a function that names another repository of ref's registry from which the
// store has pulled a blob, "" if there is none. It names one only: each that no longer has the blob
// costs a call.
func mountSources(dir *layout.Dir, ref reference.Reference) (func(context.Context, blob.Digest) string, error) {
	roots, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	others := map[string]*layout.Repository{}
	for _, r := range roots {
		if path, same := strings.CutPrefix(r.Repository, ref.Domain+"/"); same && path != ref.Path {
			others[path] = dir.Repository(r.Repository)
		}
	}
	return func(ctx context.Context, d blob.Digest) string {
		for _, path := range slices.Sorted(maps.Keys(others)) {
			if _, err := others[path].HeadBlob(ctx, d); err == nil {
				return path
			}
		}
		return ""
	}, nil
}
