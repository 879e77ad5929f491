package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// pulling is the command pull.
type pulling struct {
	from      *remote
	platforms platformList
	jobs      count
}

func pullCommand() command {
	return command{
		name: "pull", args: "REF [REF...]", min: 1, max: -1,
		short: "bring images with all their platforms into the local store",
		long: `The local store is an OCI image layout in $TRANSSHIP_STORE, by default $XDG_DATA_HOME/transship or
~/.local/share/transship. What is interrupted is gone on with by the next pull. An image that is pulled by its digest has
no tag, as with docker. Of a list, --platform with one platform keeps the one image as itself, and with several a list of
those.`,
		example: `transship pull halohub/halo:1.6
transship pull --platform linux/arm64 alpine:3.20`,
		setup: func(fs *flag.FlagSet, a *app) action {
			p := &pulling{from: a.remoteFlags(fs, "", "the registry")}
			fs.Var(&p.platforms, "platform", "pull only these platforms of the image, as `os/arch[/variant],...`; may be repeated")
			a.jobsFlag(fs, &p.jobs, "pull")
			a.rangesFlag(fs)
			a.paceFlags(fs)
			a.planFlag(fs)
			a.commonFlags(fs)
			a.verboseFlag(fs)
			return func(ctx context.Context, a *app, args []string) error { return hintFull(p.run(ctx, a, args)) }
		},
	}
}

func (p *pulling) run(ctx context.Context, a *app, args []string) error {
	refs := map[string]reference.Reference{}
	for _, arg := range args {
		ref, err := reference.Parse(arg)
		if err != nil {
			return err
		}
		refs[arg] = ref
	}
	p.from.host = refs[args[0]].Host()
	into, release, err := storeTargets(a)
	if err != nil {
		return err
	}
	defer release()
	return inTurn(ctx, a.streams, args, func(ctx context.Context, arg string) error {
		return p.one(ctx, a, into(refs[arg].Name()), refs[arg])
	})
}

// storeTargets opens the store: into returns its repositories, in a plan those that note what they would get.
func storeTargets(a *app) (into func(repository string) tagged, release func(), err error) {
	if !a.planning() {
		dir, release, err := holdStore(a.env)
		return func(name string) tagged { return storing{dir.Repository(name)} }, release, err
	}
	path, err := ownStoreDir(a.env)
	if err != nil {
		return nil, nil, err
	}
	place, err := a.plan.place(location{transport: inLayout, path: path}.file())
	if err != nil {
		return nil, nil, &storeError{path, err}
	}
	return func(name string) tagged { return &plannedStore{place, name} }, func() {}, nil
}

// one pulls an image and prints what docker does.
func (p *pulling) one(ctx context.Context, a *app, dst tagged, ref reference.Reference) error {
	src, err := p.from.forHost(ref.Host()).repository(ctx, ref, auth.Pull)
	if err != nil {
		return err
	}
	show := newProgress(a)
	stop := show.start()
	d, err := p.copy(ctx, a, show, src, dst, ref)
	stop()
	if err != nil {
		return err
	}
	show.summaryOf("pulled", "fetched", ref)
	if !a.quiet {
		status := "Downloaded newer image for "
		if show.kept {
			status = "Image is up to date for "
		}
		asked := ref
		if ref.Digest != "" {
			asked.Tag = "" // it says nothing beside a digest
		}
		fmt.Fprintf(a.stdout, "Digest: %s\nStatus: %s%s\n", d.Digest, status, asked.Familiar())
	}
	fmt.Fprintln(a.stdout, ref)
	return nil
}

// copy brings the image into its repository of the store. Where one platform of a list is asked for it is the image for
// that, unless several are: a list may have one for each version of Windows.
func (p *pulling) copy(ctx context.Context, a *app, show *progress, src transfer.Source, dst tagged, ref reference.Reference) (manifest.Descriptor, error) {
	engine := a.engine(p.jobs, show.event)
	engine.Platforms, engine.Flatten = p.platforms, len(p.platforms) == 1
	d, err := storeAs(ctx, engine, src, ref.Identifier(), dst, ref)
	if errors.Is(err, transfer.ErrSeveral) {
		several := a.engine(p.jobs, show.event)
		several.Platforms = p.platforms
		return storeAs(ctx, several, src, ref.Identifier(), dst, ref)
	}
	return d, err
}

// tagged is a target in which an image can be an entry of its own without having a tag.
type tagged interface {
	transfer.Target
	Tag(ctx context.Context, d blob.Digest, tags ...string) error
}

// storeAs puts the image that from names at the source under a tag. One that is to be there by its digest has none: it is
// an entry of its own, also where only a part of it is kept, or where it came before as part of an index.
func storeAs(ctx context.Context, engine *transfer.Engine, src transfer.Source, from string, dst tagged, as reference.Reference) (manifest.Descriptor, error) {
	if as.Digest == "" {
		return engine.Copy(ctx, src, from, dst, as.Tag)
	}
	digest := as.Digest
	if len(engine.Platforms) > 0 {
		what, err := engine.Collect(ctx, src, from)
		if err != nil {
			return manifest.Descriptor{}, err
		}
		digest = what.Root.Digest
	}
	d, err := engine.Copy(ctx, src, from, dst, string(digest))
	if err != nil {
		return d, err
	}
	return d, dst.Tag(ctx, d.Digest)
}
