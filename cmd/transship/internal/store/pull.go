package store

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
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
	allTags   bool
	gate      gate.Gate
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
its digest has no tag. With one --platform the store gets that image by itself, with several an index of them.
$DOCKER_DEFAULT_PLATFORM is the platform where --platform is not given, as with docker.
With --all-tags REF is a repository, and all its tags are pulled.

Prints the digest, the status and the name of each image, as docker does; with --quiet the name alone.`,
		Example: `transship pull halohub/halo:1.6
transship pull --platform linux/arm64 alpine:3.20`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &pullCommand{from: r.RemoteFlags(fs, "", "the registry")}
			fs.Var(&c.platforms, "platform",
				"pull only these `platforms` of the image, such as linux/amd64,linux/arm/v7; may be repeated (default all)")
			fs.BoolVar(&c.allTags, "all-tags", false, "pull all tags of the repository")
			cli.Alias(fs, "a", "all-tags")
			r.NoEffectFlag(fs, "disable-content-trust", noContentTrust)
			c.gate.Flag(fs, r)
			r.FetchFlags(fs, &c.jobs, "pull")
			r.CommonFlags(fs)
			r.JSONFlag(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				return run.WithDiskFullHint(c.run(ctx, r, args))
			}
		},
	}
}

func (c *pullCommand) run(ctx context.Context, r *run.Run, args []string) error {
	out := image.NewReporter(r)
	if err := c.setDefaultPlatform(r); err != nil {
		return err
	}
	refs, err := c.references(ctx, args)
	if err != nil {
		return err
	}
	target, release, err := Targets(r)
	if err != nil {
		return err
	}
	defer release()
	b := &cli.Batch{Streams: r.Streams, Total: len(refs), Parallel: 1}
	cli.Each(ctx, b, refs, func(ctx context.Context, ref shownReference) error {
		return c.pull(ctx, r, out, target(ref.Name()), ref.Reference)
	})
	return b.Err(ctx)
}

// setDefaultPlatform takes the platform of docker's variable if there is no --platform, as docker pull
// does. docker takes it for no other of our commands.
func (c *pullCommand) setDefaultPlatform(r *run.Run) error {
	text := r.Env("DOCKER_DEFAULT_PLATFORM")
	if len(c.platforms) > 0 || text == "" {
		return nil
	}
	platform, err := manifest.ParsePlatform(text)
	if err != nil {
		return &cli.UsageError{
			Message: fmt.Sprintf("DOCKER_DEFAULT_PLATFORM: %v", err),
			Advice:  "correct or unset it, or give --platform",
		}
	}
	r.Note("pulling %s alone, the platform of $DOCKER_DEFAULT_PLATFORM", platform)
	c.platforms = cli.PlatformList{platform}
	return nil
}

// shownReference is a reference whose short name messages have.
type shownReference struct{ reference.Reference }

// String returns the short name.
func (r shownReference) String() string { return r.Familiar() }

// references returns the images that the arguments name. The first one's host is that of the
// remote's flags.
func (c *pullCommand) references(ctx context.Context, args []string) ([]shownReference, error) {
	parse := cli.ParseReference
	if c.allTags {
		parse = cli.ParseRepository
	}
	var named, out []reference.Reference
	for _, arg := range args {
		ref, err := parse(arg)
		if err != nil {
			return nil, err
		}
		named = append(named, ref)
	}
	c.from.Host = named[0].Host()
	for _, ref := range named {
		if !c.allTags {
			out = append(out, ref)
			continue
		}
		refs, err := registryTags(ctx, c.from, ref)
		if err != nil {
			return nil, err
		}
		out = append(out, refs...)
	}
	return shown(out), nil
}

func shown(refs []reference.Reference) []shownReference {
	var out []shownReference
	for _, ref := range refs {
		out = append(out, shownReference{ref})
	}
	return out
}

// Targets opens the store. target returns its repositories, for "" that of images without a name;
// under --plan they only note what they would get.
func Targets(r *run.Run) (target func(repository string) image.TagTarget, release func(), err error) {
	if !r.Planning() {
		dir, release, err := holdStore(r.Env)
		return func(name string) image.TagTarget {
			if name == "" {
				return image.LayoutTarget{Repository: dir.Unnamed()}
			}
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

// pull pulls an image, prints what docker does and adds the result to the report.
func (c *pullCommand) pull(ctx context.Context, r *run.Run, out *image.Reporter, dst image.TagTarget,
	ref reference.Reference) error {
	src, err := c.from.ForHost(ref.Host()).Repository(ctx, ref, auth.Pull)
	if err != nil {
		return err
	}
	from := image.Origin{Source: src, Ref: ref.Identifier(), Name: ref}
	if err := from.Admit(ctx, &c.gate); err != nil {
		out.Add(image.Result{Source: ref.Familiar(), Signature: from.Signature}, err)
		return err
	}
	show := image.NewProgress(r)
	show.Report = out
	stop := show.Start()
	d, err := c.copy(ctx, r, show, from, dst)
	stop()
	if err == nil || ctx.Err() == nil {
		addPulled(out, d, dst, from, err)
	}
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

// addPulled adds an image's result to the report.
func addPulled(out *image.Reporter, d manifest.Descriptor, dst image.TagTarget, from image.Origin, err error) {
	ref := from.Name
	result, as := image.Result{Source: ref.Familiar(), Signature: from.Signature}, ref.Tag
	if ref.Digest != "" || as == "" {
		as = string(d.Digest)
	}
	if err == nil {
		stored := ref
		stored.Digest = d.Digest
		result.Reference = stored.Familiar()
	}
	out.AddCopy(result, d, dst, as, err)
}

// copy copies the image to its repository of the store.
func (c *pullCommand) copy(ctx context.Context, r *run.Run, show *image.Progress, from image.Origin,
	dst image.TagTarget) (manifest.Descriptor, error) {
	return copyPlatforms(r, c.jobs, show, c.platforms, func(engine *transfer.Engine) (manifest.Descriptor, error) {
		return image.StoreAs(ctx, engine, from.Source, from.Ref, dst, from.Name)
	})
}

// copyPlatforms calls do with an engine that copies these platforms. One is copied as the image for
// it, not as an index, unless several match: an index may have one for each version of Windows.
func copyPlatforms(r *run.Run, jobs cli.Count, show *image.Progress, platforms cli.PlatformList,
	do func(*transfer.Engine) (manifest.Descriptor, error)) (manifest.Descriptor, error) {
	engine := r.Engine(jobs, show.Event)
	engine.Platforms, engine.Flatten = platforms, len(platforms) == 1
	d, err := do(engine)
	if errors.Is(err, transfer.ErrSeveralImages) {
		several := r.Engine(jobs, show.Event)
		several.Platforms = platforms
		return do(several)
	}
	return d, err
}
