package store

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// pullCommand is pull and its flags.
type pullCommand struct {
	from      *run.Remote
	platforms cli.PlatformList
	jobs      cli.Count
}

// Pull returns the command pull.
func Pull() run.Command {
	return run.Command{
		Name: "pull", Args: "REF [REF...]", Min: 1, Max: -1,
		Aliases: []string{"image pull"},
		Short:   "pull images with all their platforms to the local store",
		Long: `The local store is an OCI image layout in $TRANSSHIP_STORE, by default $XDG_DATA_HOME/transship or
~/.local/share/transship. Run an interrupted pull again and it resumes. As with docker, an image that is pulled by
its digest has no tag. With one --platform the store gets that image by itself, with several an index of them.`,
		Example: `transship pull halohub/halo:1.6
transship pull --platform linux/arm64 alpine:3.20`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &pullCommand{from: r.RemoteFlags(fs, "", "the registry")}
			fs.Var(&c.platforms, "platform",
				"pull only these platforms of the image, as `os/arch[/variant],...`; may be repeated")
			r.FetchFlags(fs, &c.jobs, "pull")
			r.CommonFlags(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				return run.WithDiskFullHint(c.run(ctx, r, args))
			}
		},
	}
}

func (c *pullCommand) run(ctx context.Context, r *run.Run, args []string) error {
	refs := map[string]reference.Reference{}
	for _, arg := range args {
		ref, err := cli.ParseReference(arg)
		if err != nil {
			return err
		}
		refs[arg] = ref
	}
	c.from.Host = refs[args[0]].Host()
	target, release, err := storeTargets(r)
	if err != nil {
		return err
	}
	defer release()
	return cli.EachArg(ctx, r.Streams, args, func(ctx context.Context, arg string) error {
		return c.pull(ctx, r, target(refs[arg].Name()), refs[arg])
	})
}

// storeTargets opens the store. target returns its repositories; under --plan they only note what
// they would get.
func storeTargets(r *run.Run) (target func(repository string) image.TagTarget, release func(), err error) {
	if !r.Planning() {
		dir, release, err := holdStore(r.Env)
		return func(name string) image.TagTarget {
			return image.LayoutTarget{Repository: dir.Repository(name)}
		}, release, err
	}
	path, err := ownStoreDir(r.Env)
	if err != nil {
		return nil, nil, err
	}
	local, err := r.Plan.LocalTarget(image.Location{Transport: image.TransportOCI, Path: path}.File())
	if err != nil {
		return nil, nil, &storeError{path, err}
	}
	return func(name string) image.TagTarget { return local.Repository(name) }, func() {}, nil
}

// pull pulls an image and prints what docker does.
func (c *pullCommand) pull(ctx context.Context, r *run.Run, dst image.TagTarget, ref reference.Reference) error {
	src, err := c.from.ForHost(ref.Host()).Repository(ctx, ref, auth.Pull)
	if err != nil {
		return err
	}
	show := image.NewProgress(r)
	stop := show.Start()
	d, err := c.copy(ctx, r, show, src, dst, ref)
	stop()
	if err != nil {
		return err
	}
	show.PrintStoreSummary("pulled", "fetched", ref)
	if !r.Quiet {
		status := "Downloaded newer image for "
		if show.UpToDate {
			status = "Image is up to date for "
		}
		shown := ref
		if ref.Digest != "" {
			shown.Tag = "" // a digest takes precedence over a tag
		}
		fmt.Fprintf(r.Stdout, "Digest: %s\nStatus: %s%s\n", d.Digest, status, shown.Familiar())
	}
	fmt.Fprintln(r.Stdout, ref)
	return nil
}

// copy copies the image to its repository of the store. With one --platform it stores the image for
// it, not an index, unless several match: an index may have one for each version of Windows.
func (c *pullCommand) copy(ctx context.Context, r *run.Run, show *image.Progress, src transfer.Source,
	dst image.TagTarget, ref reference.Reference) (manifest.Descriptor, error) {
	engine := r.Engine(c.jobs, show.Event)
	engine.Platforms, engine.Flatten = c.platforms, len(c.platforms) == 1
	d, err := image.StoreAs(ctx, engine, src, ref.Identifier(), dst, ref)
	if errors.Is(err, transfer.ErrSeveralImages) {
		several := r.Engine(c.jobs, show.Event)
		several.Platforms = c.platforms
		return image.StoreAs(ctx, several, src, ref.Identifier(), dst, ref)
	}
	return d, err
}
