package bundle

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
	"github.com/hczjl/transship/manifest/signature"
)

// loadCommand is load and its flags.
type loadCommand struct {
	to        *run.Remote
	input     string
	rewrites  image.RewriteList
	platforms cli.PlatformList
	available bool
	gate      gate.Gate
	key       image.KeyFlag
	jobs      cli.Count
	bases     cli.FileList
	archive   *layout.Archive // of the images; nil for a folder
}

// Load returns the command load.
func Load() run.Command {
	return run.Command{
		Name: "load", Args: "FILE|DIR REGISTRY[/PREFIX] [IMAGE...] | -i FILE|DIR", Min: 0, Max: -1,
		Aliases: []string{"image load"},
		Short:   "push the images of a file or folder to a registry",
		Long: `FILE is a bundle, as transship save writes it (of several volumes their common name or the first), any
other OCI image layout in a tar, or what docker save writes. A tar may be compressed with gzip, and - is one on
standard input; both are unpacked into a temporary file in $TMPDIR. DIR is an OCI image layout. The image
docker.io/hczjl/halo:1.6 is pushed to REGISTRY/PREFIX/hczjl/halo:1.6, and REGISTRY/PREFIX/hczjl/halo:1.6@sha256:... is
printed. Without IMAGE all images are pushed. An image that has only a tag, as skopeo, oras, crane and regctl write
it, gets PREFIX as its repository: 1.6 is pushed to REGISTRY/PREFIX:1.6.

--rewrite FROM=TO applies to images whose name begins with FROM, with or without its registry: their path then begins
with TO instead. If several match, the longest FROM counts. Load a bundle of save --since after the one that it builds
on: before pushing anything, load checks that the registry has the missing blobs. Deltas of save --delta are applied
to layers of that bundle, if it is beside this one or --base names it, or else of the registry.

Without REGISTRY it is docker's load: transship load -i FILE, or a tar on standard input, puts all images into the
local store, and prints their names, or the ID of an image without a name, which transship tag gives one.`,
		Example: `transship load monday.tar registry.example.com
transship load layout/ registry.example.com/hczjl/halo
transship load -i monday.tar
transship load --rewrite docker.io/halohub=mirror monday.tar localhost:5000/prod halohub/halo:1.6`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &loadCommand{to: r.RemoteFlags(fs, "", "the registry")}
			fs.StringVar(&c.input, "input", "",
				"read this `file` or folder; without REGISTRY its images go into the local store, as with docker")
			cli.Alias(fs, "i", "input")
			fs.Var(&c.rewrites, "rewrite",
				"replace FROM by TO where a name begins with it, given as `FROM=TO`; may be repeated")
			fs.Var(&c.platforms, "platform",
				"load only these `platforms` of the images, such as linux/amd64,linux/arm/v7; may be repeated (default all)")
			r.AvailableFlag(fs, &c.available)
			c.gate.Flag(fs, r)
			c.key.Register(fs, r)
			baseFlag(fs, &c.bases)
			r.SendFlags(fs, c.to, &c.jobs, "send")
			r.CommonFlags(fs)
			r.JSONFlag(fs)
			r.MetricsFlag(fs)
			r.InterruptHint = run.InterruptedUploadHint
			return func(ctx context.Context, r *run.Run, args []string) error {
				return run.HintDamaged(c.run(ctx, r, args))
			}
		},
	}
}

func (c *loadCommand) run(ctx context.Context, r *run.Run, args []string) error {
	switch {
	case c.input != "":
		args = append([]string{c.input}, args...)
	case len(args) == 0:
		args = []string{"-"}
	case len(args) == 1:
		return &cli.UsageError{
			Message: "REGISTRY is missing",
			Advice: fmt.Sprintf("transship load %s REGISTRY pushes to a registry, transship load -i %s loads into the local store",
				args[0], args[0]),
		}
	}
	if len(args) == 1 {
		return c.intoStore(ctx, r, args[0])
	}
	out := image.NewReporter(r)
	far, err := image.ParseRegistryPrefix(args[1])
	if err != nil {
		return err
	}
	far.Rewrites, c.to.Host = c.rewrites, far.Base.Host()
	local, err := c.open(ctx, r, args[0])
	if err != nil {
		return err
	}
	defer local.Close()
	if len(local.Images) == 0 {
		return local.NoImages()
	}
	if err := useBases(ctx, r, local, c.bases); err != nil && !cli.Has[*layout.BaseError](err) {
		return err // the registry may have what is missing
	}
	if !r.Planning() {
		err = local.CheckBases(ctx)
	}
	if err != nil {
		return err
	}
	c.archive = local.Archive
	images, nameless, err := selectImages(ctx, local, far, args[2:])
	if err != nil {
		return err
	}
	c.warnOfRewrites(r, local)
	if err := c.admit(ctx, images, out); err != nil {
		return err
	}
	total := len(images) + len(nameless)
	show := image.NewProgress(r)
	show.PerImage, show.Report = total > 1, out
	if err := c.cutDown(ctx, r.Engine(c.jobs, show.Event), images); err != nil {
		return err
	}
	base, err := c.findBase(ctx, r, local, far, images)
	if err != nil {
		return err
	}
	engine := r.Engine(c.jobs, show.Event)
	stop := show.Start()
	b := &cli.Batch{Streams: r.Streams, Total: total, Parallel: r.ParallelImages(c.jobs)}
	cli.Each(ctx, b, nameless, func(_ context.Context, im namelessImage) error {
		out.Add(image.Result{Source: im.Image.String()}, im.err)
		return im.err
	})
	for _, level := range levelsOf(ctx, images) {
		var group errgroup.Group
		group.SetLimit(cmp.Or(b.Parallel, cli.ParallelImages))
		for _, images := range sameContent(level) {
			group.Go(func() error { c.push(ctx, r, engine, base, b, images, out); return nil })
		}
		_ = group.Wait() // the batch has the errors
	}
	stop()
	out.Sort()
	if b.Done > 0 {
		kept := show.KeptCount()
		r.NoteDone("loaded %d image%s of %s to %s%s: %s", b.Done-kept, cli.Plural(b.Done-kept), local.Path, far,
			keptCount(kept), show.BlobSummary("sent"))
	}
	return r.Alike(b.Err(ctx))
}

// warnOfRewrites warns of --rewrite that applies to no image of the bundle, as one with a mistyped name does not.
func (c *loadCommand) warnOfRewrites(r *run.Run, local *image.LocalImages) {
	var names []reference.Reference
	for _, im := range local.Images {
		if name, err := reference.Parse(im.Name); err == nil {
			names = append(names, name)
		}
	}
	for _, rule := range c.rewrites.Unmatched(names) {
		r.Note("warning: --rewrite %s matches no image of %s", rule, local.Path)
	}
}

// open opens the images, those of --require-key once they are verified. Deltas are checked, so that nothing is
// pushed if one is damaged.
func (c *loadCommand) open(ctx context.Context, r *run.Run, path string) (*image.LocalImages, error) {
	signed, err := c.key.Verify(ctx, path)
	if err != nil {
		return nil, err
	}
	local, err := image.OpenLocal(ctx, r, path)
	if err != nil {
		return nil, err
	}
	err = signed.Check(r, local.Archive)
	if err == nil {
		err = local.CheckDeltas(ctx)
	}
	if err != nil {
		local.Close()
		return nil, err
	}
	return local, nil
}

// keptCount says how many images --keep-existing has kept, if any.
func keptCount(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d kept", n)
}

// loadedImage is an image of a bundle or folder and its target.
type loadedImage struct {
	image.LocalImage
	target    reference.Reference
	signature *signature.Verdict // of the policy of --require-signature
}

// String names the image in messages.
func (im loadedImage) String() string { return im.target.Familiar() }

// selectImages returns the images that the arguments name, all if there are none, with their
// targets, and those that have no target.
func selectImages(ctx context.Context, local *image.LocalImages, far image.RegistryPrefix,
	names []string) (images []loadedImage, nameless []namelessImage, err error) {
	selected := local.Images
	if len(names) > 0 {
		selected = nil
	}
	for _, name := range names {
		im, err := local.Find(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		selected = append(selected, im)
	}
	targets := newLoadTargets(ctx, far, local.Images)
	byTarget := map[reference.Reference]image.LocalImage{}
	for _, im := range selected {
		target, err := targets.of(ctx, im)
		var missing *missingNameError
		if errors.As(err, &missing) {
			nameless = append(nameless, namelessImage{im, cli.WithHint(err, missing.adviceFor(local))})
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		other, twice := byTarget[target]
		switch {
		case twice && other.Digest != im.Digest:
			return nil, nil, clashError(other, im, target)
		case !twice:
			byTarget[target] = im
			images = append(images, loadedImage{LocalImage: im, target: target})
		}
	}
	return images, nameless, nil
}

// admit checks all images by the policy of --require-signature before the first is pushed. The error is
// that of the first that is refused.
func (c *loadCommand) admit(ctx context.Context, images []loadedImage, out *image.Reporter) (first error) {
	for i := range images {
		im := &images[i]
		verdict, err := im.Admit(ctx, &c.gate)
		im.signature = verdict
		if err != nil {
			out.Add(image.Result{Source: im.Image.String(), Target: im.target.Familiar(), Signature: verdict}, err)
			first = cmp.Or(first, err)
		}
	}
	return first
}

// clashError is the error of two images with one target.
func clashError(a, b image.LocalImage, target reference.Reference) error {
	e := &cli.UsageError{Message: fmt.Sprintf("both %s and %s would become %s", a.Image, b.Image, target.Familiar())}
	for _, im := range []image.LocalImage{a, b} {
		if name, err := reference.Parse(im.Name); err == nil {
			e.Advice = "give one of them another name with --rewrite, such as " + name.Domain + "=" + name.Domain
		}
	}
	return e
}

// cutDown applies --platform and --available to the images, but not to those that refer to others.
func (c *loadCommand) cutDown(ctx context.Context, engine *transfer.Engine, images []loadedImage) error {
	engine.Platforms, engine.Available = c.platforms, c.available
	if len(c.platforms) == 0 && !c.available {
		return nil
	}
	for i := range images {
		im := &images[i]
		if im.Refers(ctx) {
			continue
		}
		o := image.Origin{Source: im.Source, Ref: string(im.Digest)}
		if err := o.Collect(ctx, engine); err != nil {
			return err
		}
		im.Source, im.Digest = o.Source, blob.Digest(o.Ref)
		if im.target.Tag == "" {
			im.target.Digest = im.Digest
		}
	}
	return nil
}

// levelsOf sorts images by their subjects, as not every registry accepts a referrer before its
// subject: first the images without a subject, then their referrers, then the referrers of those.
func levelsOf(ctx context.Context, images []loadedImage) [][]loadedImage {
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

// sameContent groups images that are one image under several tags of a repository, in their order.
func sameContent(images []loadedImage) [][]loadedImage {
	type key struct {
		repository string
		digest     blob.Digest
	}
	at := map[key]int{}
	var out [][]loadedImage
	for _, im := range images {
		k := key{im.target.Name(), im.Digest}
		i, known := at[k]
		if !known {
			i, at[k] = len(out), len(out)
			out = append(out, nil)
		}
		out[i] = append(out[i], im)
	}
	return out
}

// push pushes images of one content and repository, prints their names at the registry and adds their
// results to the report.
func (c *loadCommand) push(ctx context.Context, r *run.Run, engine *transfer.Engine, base holders, b *cli.Batch,
	images []loadedImage, out *image.Reporter) {
	if ctx.Err() != nil {
		return
	}
	dst, copied, errs := c.copy(ctx, engine, base, images)
	for i, im := range images {
		result := image.Result{Source: im.Image.String(), Target: im.target.Familiar(), Signature: im.signature}
		as, err := im.target.Identifier(), run.HintDamaged(errs[i])
		if err == nil || ctx.Err() == nil {
			out.AddCopy(result, copied[i], dst, as, err)
		}
		if err == nil {
			im.target.Digest = copied[i].Digest
			fmt.Fprintln(r.Stdout, im.target.Familiar())
		}
		b.Finish(ctx, im.String(), err)
	}
}

// copy copies images of one content and repository.
func (c *loadCommand) copy(ctx context.Context, engine *transfer.Engine, base holders,
	images []loadedImage) (transfer.Target, []manifest.Descriptor, []error) {
	first := images[0]
	repo, err := c.to.ForHost(first.target.Host()).Target(ctx, first.target)
	if err != nil {
		return nil, make([]manifest.Descriptor, len(images)), slices.Repeat([]error{err}, len(images))
	}
	dst := &image.MountTarget{Repository: repo, From: base.holder}
	src := first.Source
	if base != nil {
		src = &completedImage{src, base, c.archive}
	}
	var tags []string
	for _, im := range images {
		tags = append(tags, im.target.Identifier())
	}
	copied, errs := engine.CopyTags(ctx, src, string(first.Digest), dst, tags...)
	return dst, copied, errs
}
