package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// loading is the command load.
type loading struct {
	to       *remote
	rewrites rewriteList
	jobs     count
}

func loadCommand() command {
	return command{
		name: "load", args: "FILE|DIR REGISTRY[/PREFIX] [IMAGE...]", min: 2, max: -1,
		short: "push the images of a bundle or folder to a registry",
		long: `FILE is a bundle, one of its volumes' common name or the first volume, any OCI image layout in a tar, or what docker
save writes; DIR is a layout in a folder. The image docker.io/hczjl/halo:1.6 goes to REGISTRY/PREFIX/hczjl/halo:1.6, and
REGISTRY/PREFIX/hczjl/halo:1.6@sha256:... is printed. All images are pushed, or those named.

--rewrite FROM=TO gives images whose name begins with FROM, with its registry or without, a path that begins with TO; of
several the longest FROM counts. A bundle that builds on another one is loaded after that: it is looked first whether the
registry has what is missing.`,
		example: `transship load monday.tar registry.example.com
transship load --rewrite docker.io/halohub=mirror monday.tar localhost:5000/prod halohub/halo:1.6`,
		setup: func(fs *flag.FlagSet, a *app) action {
			l := &loading{to: a.remoteFlags(fs, "", "the registry")}
			fs.Var(&l.rewrites, "rewrite", "give names that begin with FROM one that begins with TO, as `FROM=TO`; may be repeated")
			a.sendFlags(fs, l.to, &l.jobs, "send")
			a.commonFlags(fs)
			a.verboseFlag(fs)
			a.interrupted = tagsAreWhole
			return func(ctx context.Context, a *app, args []string) error { return hintDamaged(l.run(ctx, a, args)) }
		},
	}
}

// hintDamaged adds to an error that is about the content of a bundle, and not about an answer of the registry, what to do.
func hintDamaged(err error) error {
	if _, ok := hintIn(err); ok || isArchive(err) || !isIntegrity(err) || as[*distribution.Error](err) {
		return err
	}
	return &withHint{err, damagedHint}
}

func (l *loading) run(ctx context.Context, a *app, args []string) error {
	far, err := parseFarSide(args[1])
	if err != nil {
		return err
	}
	far.rewrites, l.to.host = l.rewrites, far.base.Host()
	local, err := openLocal(args[0])
	if err != nil {
		return err
	}
	defer local.close()
	images, err := l.images(ctx, local, far, args[2:])
	if err != nil {
		return err
	}
	base, err := l.base(ctx, a, local, far, images)
	if err != nil {
		return err
	}
	show := newProgress(a)
	show.many = len(images) > 1
	engine := a.engine(l.jobs, show.event)
	stop := show.start()
	b := &batch{streams: a.streams, of: len(images), atOnce: a.atOnce(l.jobs)}
	for _, some := range inOrder(ctx, images) {
		eachOf(ctx, b, some, func(ctx context.Context, im loadedImage) error { return l.one(ctx, a, engine, base, im) })
	}
	stop()
	if b.done > 0 {
		a.noteDone("loaded %d image%s of %s to %s: %s", b.done, plural(b.done), args[0], far, show.amount("sent"))
	}
	return b.err(ctx)
}

// loadedImage is an image and where it goes.
type loadedImage struct {
	localImage
	name   reference.Reference // in the bundle
	target reference.Reference
}

// String is what a failure of the image is called by.
func (im loadedImage) String() string { return im.target.Familiar() }

// images finds out where each image goes, before any is sent.
func (l *loading) images(ctx context.Context, local *localImages, far farSide, wanted []string) ([]loadedImage, error) {
	chosen := local.images
	if len(wanted) > 0 {
		chosen = nil
	}
	for _, name := range wanted {
		im, err := local.find(ctx, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, im)
	}
	var out []loadedImage
	taken := map[reference.Reference]loadedImage{}
	for _, im := range chosen {
		name, err := reference.Parse(im.Name)
		if err != nil {
			return nil, l.noName(local, im)
		}
		target, err := far.target(name)
		if err != nil {
			return nil, err
		}
		next := loadedImage{im, name, target}
		other, twice := taken[target]
		switch {
		case twice && other.Digest != im.Digest:
			return nil, &usageError{
				message: fmt.Sprintf("both %s and %s would become %s", other.Image, im.Image, target.Familiar()),
				advice:  "set them apart with --rewrite, such as " + name.Domain + "=" + name.Domain,
			}
		case !twice:
			taken[target] = next
			out = append(out, next)
		}
	}
	return out, nil
}

// noName is the error of an image that does not say what it is to be called.
func (l *loading) noName(local *localImages, im localImage) error {
	transport := inLayout
	if local.archive != nil {
		transport = inArchive
	}
	return &usageError{
		message: fmt.Sprintf("image %s has no name to go by", im.Digest),
		advice:  fmt.Sprintf("give it one: transship copy %s%s@%s REGISTRY/NAME:TAG", transport, local.path, im.Digest),
	}
}

// inOrder sorts images by what they refer to, since not every registry takes a referrer ahead of its subject: first those
// that refer to none, then those that refer to one, then those that refer to such a one.
func inOrder(ctx context.Context, images []loadedImage) [][]loadedImage {
	subjects := map[blob.Digest]blob.Digest{}
	for _, im := range images {
		m, err := im.Manifest(ctx, string(im.Digest))
		if err != nil {
			continue // pushing it says why
		}
		if subject, err := m.Subject(); err == nil && subject != nil {
			subjects[im.Digest] = subject.Digest
		}
	}
	var out [][]loadedImage
	for _, im := range images {
		depth := 0
		for at := subjects[im.Digest]; at != ""; at = subjects[at] {
			depth++
		}
		for len(out) <= depth {
			out = append(out, nil)
		}
		out[depth] = append(out[depth], im)
	}
	return out
}

// one pushes an image.
func (l *loading) one(ctx context.Context, a *app, engine *transfer.Engine, base holders, im loadedImage) error {
	repo, err := l.to.forHost(im.target.Host()).repository(ctx, im.target, auth.Pull, auth.Push)
	if err != nil {
		return err
	}
	d, err := engine.Copy(ctx, &completed{im.Source, base}, string(im.Digest), &mounting{repo, base.holder}, im.target.Identifier())
	if err != nil {
		return err
	}
	im.target.Digest = d.Digest
	fmt.Fprintln(a.stdout, im.target.Familiar())
	return nil
}
