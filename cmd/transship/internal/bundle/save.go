package bundle

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/store"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// saveCommand is save and its flags.
type saveCommand struct {
	from      *run.Remote
	out       string
	list      string
	shard     image.Shard
	since     string
	delta     bool
	split     cli.ByteSize
	sum       bool
	platforms cli.PlatformList
	available bool
	referrers bool
	gate      gate.Gate
	key       signFlag
	keepGoing bool
	locks     image.LockFlags
	jobs      cli.Count
	stored    bool // image save: the images are those of the local store

	collected map[string]*collectedOnce // by contentKey, for a tar
	deltas    deltaMaker

	sinceImage *imageBase // of --since; nil if that names no image
}

// Save returns the command save.
func Save() run.Command {
	return run.Command{
		Name: "save", Args: "REF [PATTERN...] [REF...]", Min: 0, Max: -1,
		Short: "write images to a tar or folder, for a site without network",
		Long: `Writes a bundle: a tar that is an OCI image layout, which docker load, podman load, ctr image import,
skopeo, oras and crane read too. Every blob is in it once, verified. Bundles are reproducible: the same images give
the same bytes. The inventory FILE.json beside FILE, such as monday.tar.json, lists what is in it. Run an interrupted
save again and it resumes. With --split each volume, and with --sum the whole tar, gets a line for sha256sum -c on
standard output. --sign signs the inventory, which then has the SHA-256 of every file: load and verify --require-key
check that all is as it was signed.

REF is anything that copy takes as SRC; oci:DIR and oci-archive:FILE without an image mean all images there, and
patterns after a repository select its tags, as in a list. Every image is looked up before the first is written: if
one fails, nothing is written. With --keep-going the others are saved, and the exit code is 8; a layer that cannot be
fetched later fails the whole all the same, since the tar has its place already. --lock FILE keeps which digest each
image had. With --locked FILE in its place the same command gives the same bytes: new tags are skipped,
and a tag that has moved fails with exit code 7. -o DIR/ adds the images to an OCI image layout in a folder. Without
-o, or with -o -, the tar goes to standard output. transship image save saves images of the local store.

--since leaves out the blobs that the other site already has. It names an earlier bundle or its inventory, an OCI
image layout in a folder, as docker://HOST[/PREFIX] a registry that load has pushed images to, or as
docker://HOST/REPOSITORY:TAG an image that the other site has, on whichever registry it is read. With --delta a layer
that has changed is compared with the one at the same place of the same platform there, in the same repository unless
--since names an image. What is written is a delta, if it is at most 80 % of the layer: load makes the layer again, to the byte. Layers compressed
with gzip and those that are not compressed have deltas, others (zstd) go whole. --delta reads both layers, so --since
then names the bundle itself or a registry, and not only the inventory. A bundle with deltas is for transship alone.`,
		Example: `transship save -o monday.tar halohub/halo:1.6 alpine:3.20
transship save -o alpine.tar 'docker.io/library/alpine:3.*' '!*_*'
transship save -o tuesday.tar --since monday.tar.json -f images.txt
transship save -o tuesday.tar --since monday.tar --delta -f images.txt
transship save -o monday.tar -f images.txt --lock images.lock
transship save -o big.tar --split 4GiB halohub/halo:1.6
transship save -o monday.tar --sign key.pem -f images.txt`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &saveCommand{from: r.RemoteFlags(fs, "", "the registry")}
			c.outputFlag(fs)
			fs.StringVar(&c.list, "file", "",
				"save the images of a `list` (transship help lists); a DST is the image's name in the bundle")
			cli.Alias(fs, "f", "file")
			fs.StringVar(&c.since, "since", "",
				"leave out the blobs that this earlier `bundle`, inventory or docker://registry has")
			image.RegisterShard(fs, &c.shard)
			fs.BoolVar(&c.delta, "delta", false,
				"write layers that have changed since --since as their differences from the earlier ones")
			fs.Var(&c.split, "split",
				"write volumes of at most this `size`, such as 4GiB: FILE.001, FILE.002 and so on (default one FILE)")
			fs.BoolVar(&c.sum, "sum", false,
				"compute the SHA-256 of the tar too, for which all of it is read once more")
			c.key.register(fs, r)
			fs.Var(&c.platforms, "platform",
				"save only these `platforms` of the images, such as linux/amd64,linux/arm/v7; may be repeated (default all)")
			r.AvailableFlag(fs, &c.available)
			fs.BoolVar(&c.referrers, "referrers", false,
				"also save signatures, SBOMs and attestations that refer to the images")
			c.gate.Flag(fs, r)
			fs.BoolVar(&c.keepGoing, "keep-going", false, "save the other images if some cannot be saved; the exit code is then 8")
			c.locks.Register(fs, "saved")
			r.FetchFlags(fs, &c.jobs, "fetch")
			r.CommonFlags(fs)
			r.JSONFlag(fs)
			r.MetricsFlag(fs)
			return func(ctx context.Context, r *run.Run, args []string) error {
				return hintStored(ctx, r, args, run.WithDiskFullHint(c.run(ctx, r, args)))
			}
		},
	}
}

// hintStored adds a hint to the error of an image that its registry does not have or does not give,
// and the local store has: docker save would have saved that one.
func hintStored(ctx context.Context, r *run.Run, args []string, err error) error {
	if code := run.ExitCode(err); err == nil || code != cli.ExitNotFound && code != cli.ExitAuth {
		return err
	}
	for _, arg := range args {
		origins, missing := store.Origins(ctx, r.Env, []string{arg})
		for _, o := range origins {
			o.Close()
		}
		if missing == nil {
			return cli.WithHint(err, "the local store has "+arg+": transship image save saves that one")
		}
	}
	return err
}

// ImageSave returns the command image save.
func ImageSave() run.Command {
	return run.Command{
		Name: "image save", Args: "IMAGE [IMAGE...]", Min: 1, Max: -1,
		Short: "write images of the store to a tar, as docker save does",
		Long: `IMAGE is a name, a repository for all its tags there, or an ID, whose image has no name in the tar. The
tar is that of transship save, which takes images from registries: see there. As with docker, without -o it goes to
standard output, which must not be a terminal.`,
		Example: `transship image save hczjl/halo:1.6 > halo.tar
transship image save -o halo.tar hczjl/halo`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &saveCommand{stored: true}
			c.outputFlag(fs)
			fs.Var(&c.platforms, "platform",
				"save only these `platforms` of the images, such as linux/amd64,linux/arm/v7; may be repeated (default all)")
			r.AvailableFlag(fs, &c.available)
			r.JobsFlag(fs, &c.jobs, "copy")
			r.PlanFlag(fs)
			fs.BoolVar(&r.Quiet, "quiet", false, "print only results and errors")
			cli.Alias(fs, "q", "quiet")
			return func(ctx context.Context, r *run.Run, args []string) error {
				return run.WithDiskFullHint(c.run(ctx, r, args))
			}
		},
	}
}

func (c *saveCommand) outputFlag(fs *flag.FlagSet) {
	fs.StringVar(&c.out, "output", "-",
		"write to this `file`, to a folder if it is one or ends with a slash, or to standard output if it is -, the default")
	cli.Alias(fs, "o", "output")
}

func (c *saveCommand) run(ctx context.Context, r *run.Run, args []string) error {
	out := image.NewReporter(r)
	if err := c.checkFlags(ctx, r, args); err != nil {
		return err
	}
	out.Shard, out.Sizes = c.shard.String(), c.shard.Sizes
	lock, err := c.locks.Open(ctx, c.referrers)
	if err != nil {
		return err
	}
	if lock == nil { // a lock has no referrers
		c.referrers = c.referrers || c.gate.IsOn()
	}
	failed := new(failures)
	defer func() { failed.report(out) }()
	defer c.deltas.remove()
	opened, err := c.open(ctx, &image.Opener{Run: r}, lock, args, failed)
	defer closeAll(opened)
	if err != nil {
		return err
	}
	if c.shard.Count > 0 && len(opened)+len(failed.list) == 0 {
		r.Note("nothing is saved: shard %s has none of the repositories", &c.shard)
		return nil
	}
	show := image.NewProgress(r)
	show.Report = out
	engine := r.Engine(c.jobs, show.Event)
	engine.Platforms, engine.Available, engine.Referrers = c.platforms, c.available, c.referrers
	images := c.check(ctx, r, engine, opened, failed)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := c.refuse(r, failed, len(images)); err != nil {
		return err
	}
	if err := checkNames(ctx, engine, images); err != nil {
		return err
	}
	c.warnNameless(ctx, r, images)
	if err := c.save(ctx, r, engine, show, images, failed); err != nil {
		return err
	}
	if err := failed.keptGoing(r, len(opened)-len(failed.list)); err != nil || r.Planning() {
		return err
	}
	return lock.Save()
}

// save writes the images, or plans that.
func (c *saveCommand) save(ctx context.Context, r *run.Run, engine *transfer.Engine, show *image.Progress,
	images []savedImage, failed *failures) error {
	if r.Planning() {
		return c.plan(ctx, r, engine, images)
	}
	if c.toFolder() {
		return c.writeFolder(ctx, r, engine, show, images, failed)
	}
	b, err := c.contents(ctx, r, engine, images)
	if err != nil {
		return err
	}
	if c.out == "-" {
		return c.stream(ctx, r, engine, b)
	}
	in, err := c.write(ctx, r, engine, show, b, images)
	if err == nil {
		c.addResults(show.Report, images, in)
	}
	return err
}

func (c *saveCommand) toFolder() bool { return c.out != "-" && image.IsFolder(c.out) }

// checkFlags refuses flags that contradict each other, and an output that cannot be written.
func (c *saveCommand) checkFlags(ctx context.Context, r *run.Run, args []string) error {
	switch {
	case c.out == "":
		return &cli.UsageError{
			Message: "-o names no file",
			Advice:  "-o FILE.tar writes a bundle, -o DIR/ a folder, -o - to standard output",
		}
	case len(args) == 0 && c.list == "":
		return &cli.UsageError{
			Message: "there is nothing to save",
			Advice:  "name images, or a list of them with -f FILE",
		}
	case c.split > 0 && c.split < layout.MinVolumeSize:
		return &cli.UsageError{
			Message: fmt.Sprintf("--split: volumes of %d bytes are too small", c.split),
			Advice:  "--split 4GiB makes volumes of that size",
		}
	case c.split > 0 && (c.out == "-" || c.toFolder()):
		return &cli.UsageError{
			Message: "--split needs a file to write to",
			Advice:  "-o FILE.tar --split 4GiB writes FILE.tar.001 and so on",
		}
	case c.sum && (c.out == "-" || c.toFolder()):
		return &cli.UsageError{
			Message: "--sum needs a file to write to",
			Advice:  "write -o FILE.tar, or send standard output through sha256sum",
		}
	case c.key.path != "" && (c.out == "-" || c.toFolder()):
		return &cli.UsageError{
			Message: "--sign needs a file to write to",
			Advice:  "-o FILE.tar writes FILE.tar, its inventory FILE.tar.json and the signature FILE.tar.json.sig",
		}
	case c.since != "" && c.toFolder():
		return &cli.UsageError{
			Message: "--since is for bundles, not for folders",
			Advice:  "leave out --since: what the folder already has is not fetched again",
		}
	case c.delta && c.since == "":
		return &cli.UsageError{
			Message: "--delta needs --since, which names what the layers are compared with",
			Advice:  "write --since FILE.tar or --since docker://HOST",
		}
	case c.out == "-" && r.JSON && !r.Planning():
		return &cli.UsageError{
			Message: "--json and -o - both write to standard output",
			Advice:  "write the tar to a file with -o FILE.tar, or leave out --json",
		}
	case c.out == "-" && r.Stdout.IsTerminal() && !r.Planning():
		return &cli.UsageError{
			Message: "standard output is a terminal",
			Advice:  "send it to a file or a pipe, or write -o FILE.tar",
		}
	case c.out != "-" && !c.toFolder():
		if err := image.CheckFolder(c.out); err != nil {
			return err
		}
	}
	if c.stored {
		return nil
	}
	return c.shard.Check(ctx, r, c.locks)
}

// contents returns what the bundle has of the checked images, and finds what --since leaves out.
func (c *saveCommand) contents(ctx context.Context, r *run.Run, engine *transfer.Engine,
	images []savedImage) (*image.BundleSource, error) {
	b := image.NewBundleSource()
	for _, im := range images {
		for _, name := range im.names {
			b.Add(im.Source, name, c.collected[c.contentKey(im)].Closure)
		}
	}
	if c.since == "" {
		return b, nil
	}
	base, err := c.findBase(ctx, b)
	b.BuildOn(base)
	if err != nil || !c.delta {
		return b, err
	}
	from, err := c.openDeltaBase(ctx, r, base)
	if err != nil {
		return b, err
	}
	defer from.close()
	c.deltas = deltaMaker{run: r, engine: engine, base: from, bundle: b, out: os.TempDir()}
	if c.out != "-" && !r.Planning() {
		c.deltas.out = filepath.Dir(c.out)
	}
	return b, c.deltas.addDeltas(ctx)
}

// write writes the bundle to a file or to volumes.
func (c *saveCommand) write(ctx context.Context, r *run.Run, engine *transfer.Engine, show *image.Progress,
	b *image.BundleSource, images []savedImage) (in layout.Inventory, err error) {
	files := layout.BundleFiles{VolumeSize: int64(c.split), Digest: c.sum, Sign: c.key.sign(), Signatures: verdictsOf(images)}
	bundle, err := layout.CreateBundle(c.out, b.BundleContents, files)
	if err != nil {
		return in, err
	}
	defer bundle.Close()
	stop := show.Start()
	err = engine.Fill(ctx, b, bundle, b.OwnBlobs())
	stop()
	if err == nil {
		in, err = bundle.Commit(ctx)
	}
	if err != nil {
		return in, &run.UnfinishedError{Path: c.out, Err: err}
	}
	r.Note("saved %d image%s to %s: %s", len(in.Images), cli.Plural(len(in.Images)), c.out, show.BlobSummary("fetched"))
	if c.delta {
		r.Note("%s", c.deltas.summary())
	}
	for _, v := range in.Volumes {
		if c.sum || c.split > 0 {
			fmt.Fprintf(r.Stdout, "%s  %s\n", v.Digest.Hex(), filepath.Join(filepath.Dir(c.out), v.File))
		}
	}
	return in, nil
}

// stream writes the bundle to standard output.
func (c *saveCommand) stream(ctx context.Context, r *run.Run, engine *transfer.Engine, b *image.BundleSource) error {
	began := time.Now()
	open := func(d manifest.Descriptor) blob.Open { return engine.Open(b, d) }
	in, err := layout.StreamBundle(ctx, r.Stdout, b.BundleContents, open)
	if err == nil {
		r.Note("saved %d image%s to standard output in %s",
			len(in.Images), cli.Plural(len(in.Images)), cli.FormatDuration(time.Since(began)))
	}
	return err
}
