package bundle

import (
	"context"
	"flag"
	"fmt"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// loadCommand is the command load.
type loadCommand struct {
	to       *run.Remote
	rewrites image.RewriteList
	jobs     cli.Count
}

func Load() run.Command {
	return run.Command{
		Name: "load", Args: "FILE|DIR REGISTRY[/PREFIX] [IMAGE...]", Min: 2, Max: -1,
		Short: "push the images of a bundle or folder to a registry",
		Long: `FILE is a bundle, one of its volumes' common name or the first volume, any OCI image layout in a tar, or what docker
save writes; DIR is a layout in a folder. The image docker.io/hczjl/halo:1.6 goes to REGISTRY/PREFIX/hczjl/halo:1.6, and
REGISTRY/PREFIX/hczjl/halo:1.6@sha256:... is printed. All images are pushed, or those named.

--rewrite FROM=TO gives images whose name begins with FROM, with its registry or without, a path that begins with TO; of
several the longest FROM counts. A bundle that builds on another one is loaded after that: it is looked first whether the
registry has what is missing.`,
		Example: `transship load monday.tar registry.example.com
transship load --rewrite docker.io/halohub=mirror monday.tar localhost:5000/prod halohub/halo:1.6`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			l := &loadCommand{to: r.RemoteFlags(fs, "", "the registry")}
			fs.Var(&l.rewrites, "rewrite", "give names that begin with FROM one that begins with TO, as `FROM=TO`; may be repeated")
			r.SendFlags(fs, l.to, &l.jobs, "send")
			r.CommonFlags(fs)
			r.VerboseFlag(fs)
			r.Interrupted = run.TagsAreWhole
			return func(ctx context.Context, r *run.Run, args []string) error { return hintDamaged(l.run(ctx, r, args)) }
		},
	}
}

// hintDamaged adds to an error that is about the content of a bundle, and not about an answer of the registry, what to do.
func hintDamaged(err error) error {
	if _, ok := cli.HintOf(err); ok || run.IsArchive(err) || !run.IsIntegrity(err) || cli.Has[*distribution.Error](err) {
		return err
	}
	return cli.WithHint(err, run.DamagedHint)
}

func (c *loadCommand) run(ctx context.Context, r *run.Run, args []string) error {
	far, err := image.ParseFarSide(args[1])
	if err != nil {
		return err
	}
	far.Rewrites, c.to.Host = c.rewrites, far.Base.Host()
	local, err := image.OpenLocal(args[0])
	if err != nil {
		return err
	}
	defer local.Close()
	images, err := c.images(ctx, local, far, args[2:])
	if err != nil {
		return err
	}
	base, err := c.base(ctx, r, local, far, images)
	if err != nil {
		return err
	}
	show := image.NewProgress(r)
	show.Many = len(images) > 1
	engine := r.Engine(c.jobs, show.Event)
	stop := show.Start()
	b := &cli.Batch{Streams: r.Streams, Total: len(images), Parallel: r.AtOnce(c.jobs)}
	for _, some := range inOrder(ctx, images) {
		cli.Each(ctx, b, some, func(ctx context.Context, im loadedImage) error { return c.one(ctx, r, engine, base, im) })
	}
	stop()
	if b.Done > 0 {
		r.NoteDone("loaded %d image%s of %s to %s: %s", b.Done, cli.Plural(b.Done), args[0], far, show.Amount("sent"))
	}
	return b.Err(ctx)
}

// loadedImage is an image and where it goes.
type loadedImage struct {
	image.LocalImage
	name   reference.Reference // in the bundle
	target reference.Reference
}

// String is what a failure of the image is called by.
func (im loadedImage) String() string { return im.target.Familiar() }

// images finds out where each image goes, before any is sent.
func (c *loadCommand) images(ctx context.Context, local *image.LocalImages, far image.FarSide, wanted []string) ([]loadedImage, error) {
	chosen := local.Images
	if len(wanted) > 0 {
		chosen = nil
	}
	for _, name := range wanted {
		im, err := local.Find(ctx, name)
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
			return nil, c.noName(local, im)
		}
		target, err := far.Target(name)
		if err != nil {
			return nil, err
		}
		next := loadedImage{im, name, target}
		other, twice := taken[target]
		switch {
		case twice && other.Digest != im.Digest:
			return nil, &cli.UsageError{
				Message: fmt.Sprintf("both %s and %s would become %s", other.Image, im.Image, target.Familiar()),
				Advice:  "set them apart with --rewrite, such as " + name.Domain + "=" + name.Domain,
			}
		case !twice:
			taken[target] = next
			out = append(out, next)
		}
	}
	return out, nil
}

// noName is the error of an image that does not say what it is to be called.
func (c *loadCommand) noName(local *image.LocalImages, im image.LocalImage) error {
	transport := image.InLayout
	if local.Archive != nil {
		transport = image.InArchive
	}
	return &cli.UsageError{
		Message: fmt.Sprintf("image %s has no name to go by", im.Digest),
		Advice:  fmt.Sprintf("give it one: transship copy %s%s@%s REGISTRY/NAME:TAG", transport, local.Path, im.Digest),
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
func (c *loadCommand) one(ctx context.Context, r *run.Run, engine *transfer.Engine, base holders, im loadedImage) error {
	repo, err := c.to.ForHost(im.target.Host()).Repository(ctx, im.target, auth.Pull, auth.Push)
	if err != nil {
		return err
	}
	d, err := engine.Copy(ctx, &completedImage{im.Source, base}, string(im.Digest), &image.MountTarget{Repository: repo, From: base.holder}, im.target.Identifier())
	if err != nil {
		return err
	}
	im.target.Digest = d.Digest
	fmt.Fprintln(r.Stdout, im.target.Familiar())
	return nil
}
