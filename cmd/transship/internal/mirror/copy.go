package mirror

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// copyCommand is copy and its flags.
type copyCommand struct {
	src, dst  *run.Remote
	platforms cli.PlatformList
	available bool
	flatten   bool
	referrers bool
	gate      gate.Gate
	jobs      cli.Count
}

// Copy returns the command copy.
func Copy() run.Command {
	return run.Command{
		Name: "copy", Args: "SRC DST [DST...]", Min: 2, Max: -1,
		Short: "copy an image, with all its platforms, to other registries",
		Long: `Copies every manifest and blob byte for byte, so all digests stay the same, and prints DST@sha256:... on
standard output. Blobs that the target already has are skipped; within one registry they are mounted, not
uploaded again. The tag is written last, so a tag never points at an incomplete image. With several DST the
source is read once for all of them, and a DST that fails does not stop the others (exit code 8); --dst-creds,
--dst-cert, --dst-key and --dst-plain-http then apply to the registry of the first DST, --dst-ca and --dst-insecure to
all.

SRC and DST are references, with or without docker:// before them, or one of
  oci:DIR[:IMAGE]              an OCI image layout in a folder; as DST it gets the image added
  oci-archive:FILE[:IMAGE]     an OCI image layout in a tar; as DST it is replaced, and a note names the images that it had
  docker-archive:FILE[:IMAGE]  what docker save writes; as DST the same as oci-archive:, which docker load reads too
  null:SIZE[:SEED]             as SRC a generated image with one layer of that size, different each time without SEED
  null:                        as DST nothing: the image is read and verified
IMAGE is a tag or a name; DIR@DIGEST and FILE@DIGEST name an image by its digest. Without either, SRC must have one
image, apart from what refers to it, and DST gets the name that the image has. DIR@index and FILE@index as SRC mean
index.json itself as one image, whose platforms are its entries. A bundle of save --since is SRC together with those
that it builds on, if they lie in its folder.`,
		Example: `transship copy halohub/halo:1.6 registry.example.com/hczjl/halo:1.6
transship copy --platform linux/amd64,linux/arm64 alpine:3.20 localhost:5000/alpine:3.20
transship copy alpine:3.20 oci:layout:3.20
transship copy alpine:3.20 null:
transship copy --plan alpine:3.20 registry.example.com/alpine:3.20`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &copyCommand{src: r.RemoteFlags(fs, "src", "the source"), dst: r.RemoteFlags(fs, "dst", "the target")}
			fs.Var(&c.platforms, "platform",
				"copy only these `platforms` of the image, such as linux/amd64,linux/arm/v7; may be repeated (default all)")
			r.AvailableFlag(fs, &c.available)
			fs.BoolVar(&c.flatten, "flatten", false,
				"if one platform is left, copy its image by itself, not as an index with one entry")
			fs.BoolVar(&c.referrers, "referrers", false,
				"also copy signatures, SBOMs and attestations that refer to the image")
			c.gate.Flag(fs, r)
			r.SendFlags(fs, c.dst, &c.jobs, "copy")
			r.RangesFlag(fs)
			r.CommonFlags(fs)
			r.JSONFlag(fs)
			r.MetricsFlag(fs)
			r.InterruptHint = run.InterruptedUploadHint
			return func(ctx context.Context, r *run.Run, args []string) error {
				return run.WithDiskFullHint(c.run(ctx, r, args))
			}
		},
	}
}

// CopyOne copies one image, one blob at a time.
func CopyOne(ctx context.Context, r *run.Run, from, to string) error {
	c := &copyCommand{src: r.NewRemote("src"), dst: r.NewRemote("dst"), jobs: 1}
	return c.run(ctx, r, []string{from, to})
}

func (c *copyCommand) run(ctx context.Context, r *run.Run, args []string) error {
	out := image.NewReporter(r)
	from, err := image.ParseCopyLocation(args[0])
	if err != nil {
		return err
	}
	to, err := parseTargets(args[1:])
	if err != nil {
		return err
	}
	ctx = wire.WithPurpose(ctx, wire.Purpose{Image: from.String()})
	places := image.NewCopyOpener(r)
	src, err := places.Origin(ctx, c.src, from)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := src.Admit(ctx, &c.gate); err != nil {
		out.Add(image.Result{Source: from.String(), Signature: src.Signature}, err)
		return err
	}
	show := image.NewProgress(r)
	show.Report = out
	engine, err := c.engine(ctx, r, &src, to, show.Event)
	if err != nil {
		return err
	}
	if err := checkReplaced(r, engine.NoClobber, src, to); err != nil {
		return err
	}
	destinations, err := c.destinations(ctx, places, src, to)
	defer leaveAll(destinations)
	if err != nil {
		return err
	}
	stop := show.Start()
	d, errs, common := copyTo(ctx, engine, src, destinations)
	stop()
	addResults(ctx, out, src, from, destinations, d, errs)
	if common != nil || ctx.Err() != nil {
		return unfinished(destinations, errors.Join(common, context.Cause(ctx)))
	}
	if len(to) == 1 {
		show.PrintSummary(from, to[0])
	}
	return report(ctx, r, show, from, destinations, d.Digest, errs)
}

// engine returns the engine of the copy. It collects src first if a target is a tar, which needs
// all manifests before the first blob, or a layout that has to be created, or if src is named by a
// digest that --platform, --available or --flatten changes.
func (c *copyCommand) engine(ctx context.Context, r *run.Run, src *image.Origin, to []image.Location,
	onEvent func(transfer.Event)) (*transfer.Engine, error) {
	engine := r.Engine(c.jobs, onEvent)
	engine.Platforms, engine.Available = c.platforms, c.available
	engine.Flatten, engine.Referrers = c.flatten, c.referrers || c.gate.IsOn()
	engine.Eager = !countsPulls(src.Name)
	toNew := slices.ContainsFunc(to, func(l image.Location) bool { return l.IsArchive() || l.IsNewLayout() })
	newDigest := src.Name.Digest != "" && (len(c.platforms) > 0 || c.available || c.flatten)
	if !toNew && !newDigest {
		return engine, nil
	}
	if err := src.Collect(ctx, engine); err != nil {
		return nil, err
	}
	whole := r.Engine(c.jobs, onEvent) // src has been cut down already
	whole.Referrers = engine.Referrers
	return whole, nil
}

// countsPulls reports whether the registry of name counts each GET of a manifest against a quota,
// and no HEAD, as Docker Hub does.
func countsPulls(name reference.Reference) bool { return name.Domain == "docker.io" }

// parseTargets parses the locations that an image is copied to, and checks that a tar's folder
// exists.
func parseTargets(args []string) ([]image.Location, error) {
	var to []image.Location
	for _, arg := range args {
		l, err := image.ParseCopyLocation(arg)
		if err != nil {
			return nil, err
		}
		if _, err = l.NameFor(reference.Reference{}); err == nil && l.IsArchive() {
			err = image.CheckFolder(l.Path)
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(to, l.Overwrites) {
			return nil, &cli.UsageError{Message: fmt.Sprintf("%s is named twice as a target", l)}
		}
		to = append(to, l)
	}
	return to, nil
}

// destinations opens the targets. With an error it returns those that are open already.
func (c *copyCommand) destinations(ctx context.Context, places *image.Opener, src image.Origin,
	to []image.Location) ([]image.Destination, error) {
	var out []image.Destination
	for _, l := range to {
		d, err := places.Destination(ctx, c.dst.BindHost(l.Ref.Host()), l, src)
		if err != nil {
			return out, err
		}
		shareScope(src.Source, d.Target)
		out = append(out, d)
	}
	return out, nil
}

// shareScope lets one token serve both sides of a copy if they use the same client of a registry.
func shareScope(src transfer.Source, dst transfer.Target) {
	if c, ok := src.(*image.CollectedImage); ok {
		src = c.Source
	}
	from, ok := src.(*distribution.Repository)
	to, both := dst.(*distribution.Repository)
	if ok && both && from.Client == to.Client {
		from.Scope = from.Scope.Union(to.Scope)
		to.Scope = from.Scope
	}
}

// copyTo copies src to all destinations and commits those that succeeded. errs has an error or nil
// for each destination. common is the error of all of them, if they share one: that of the source
// or the run, or that of the only destination.
func copyTo(ctx context.Context, engine *transfer.Engine, src image.Origin,
	to []image.Destination) (d manifest.Descriptor, errs []error, common error) {
	if len(to) == 1 {
		d, err := engine.Copy(ctx, src.Source, src.Ref, to[0].Target, to[0].As)
		if err == nil {
			err = to[0].Commit(ctx)
		}
		return d, []error{err}, err
	}
	var all []transfer.Destination
	for _, d := range to {
		all = append(all, transfer.Destination{Target: d.Target, As: d.As})
	}
	d, errs, common = engine.CopyAll(ctx, src.Source, src.Ref, all...)
	for i, d := range to {
		if errs[i] == nil {
			errs[i] = d.Commit(ctx)
		}
	}
	return d, errs, common
}

// addResults adds an image's result at each target to the report, unless an interrupt ended it.
func addResults(ctx context.Context, out *image.Reporter, src image.Origin, from image.Location,
	to []image.Destination, d manifest.Descriptor, errs []error) {
	for i, dst := range to {
		if errs[i] == nil || ctx.Err() == nil {
			result := image.Result{Source: from.String(), Target: dst.Location.String(), Signature: src.Signature}
			out.AddCopy(result, d, dst.Target, dst.As, errs[i])
		}
	}
}

func leaveAll(destinations []image.Destination) {
	for _, d := range destinations {
		d.Release()
	}
}

// report prints the result of each destination.
func report(ctx context.Context, r *run.Run, show *image.Progress, from image.Location, to []image.Destination,
	digest blob.Digest, errs []error) error {
	b := &cli.Batch{Streams: r.Streams, Total: len(to)}
	for i, d := range to {
		if b.Finish(ctx, d.Location.String(), errs[i]); errs[i] != nil {
			continue
		}
		if have, kept := show.Kept(d.Target, d.As); kept {
			fmt.Fprintln(r.Stdout, d.Result(have))
			continue
		}
		if len(to) > 1 {
			r.NoteDone("copied %s to %s", from, d.Location)
		}
		fmt.Fprintln(r.Stdout, d.Result(digest))
	}
	return b.Err(ctx)
}

// unfinished wraps err in a [run.UnfinishedError] if a target is a tar.
func unfinished(to []image.Destination, err error) error {
	for _, d := range to {
		if d.Location.IsArchive() {
			return &run.UnfinishedError{Path: d.Location.Path, Err: err}
		}
	}
	return err
}
