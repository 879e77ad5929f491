package mirror

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/distribution/wire"
)

// copyCommand is the command copy.
type copyCommand struct {
	src, dst  *run.Remote
	platforms cli.PlatformList
	flatten   bool
	referrers bool
	jobs      cli.Count
}

func Copy() run.Command {
	return run.Command{
		Name: "copy", Args: "SRC DST [DST...]", Min: 2, Max: -1,
		Short: "copy an image with all its platforms to other repositories or registries",
		Long: `Copies every manifest and blob as the bytes they are, so that all digests stay the same, and prints
DST@sha256:... on standard output. What the target has already is not sent again; inside one registry blobs
are mounted. The tag is put last: it never names an image that is not whole. With several DST the source is
read once for all; one that fails does not stop the others. --dst-creds, --dst-cert and --dst-plain-http then are
for the first DST's registry.

SRC and DST are references, with docker:// before them or not, or one of
  oci:DIR[:IMAGE]              an OCI image layout in a folder, which is added to
  oci-archive:FILE[:IMAGE]     one in a tar, which is written anew
  docker-archive:FILE[:IMAGE]  what docker save writes; as DST the same as oci-archive, which docker load reads too
  null:SIZE[:SEED]             as SRC an image of one layer of that size, generated, different each time without SEED
  null:                        as DST nothing: the image is read and verified
IMAGE is a tag or a name; DIR@DIGEST and FILE@DIGEST name an image by its digest. Without either SRC has one image,
beside what refers to it, and DST gets the name that the image has.`,
		Example: `transship copy halohub/halo:1.6 registry.example.com/hczjl/halo:1.6
transship copy --platform linux/amd64,linux/arm64 alpine:3.20 localhost:5000/alpine:3.20
transship copy alpine:3.20 oci:layout:3.20
transship copy alpine:3.20 null:
transship copy --plan alpine:3.20 registry.example.com/alpine:3.20`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &copyCommand{src: r.RemoteFlags(fs, "src", "the source"), dst: r.RemoteFlags(fs, "dst", "the target")}
			fs.Var(&c.platforms, "platform", "copy only these platforms of the image, as `os/arch[/variant],...`; may be repeated")
			fs.BoolVar(&c.flatten, "flatten", false, "copy the one image that is left as itself, not as a list with one entry")
			fs.BoolVar(&c.referrers, "referrers", false, "copy signatures, SBOMs and attestations that refer to the image too")
			r.SendFlags(fs, c.dst, &c.jobs, "copy")
			r.RangesFlag(fs)
			r.CommonFlags(fs)
			r.VerboseFlag(fs)
			r.Interrupted = run.TagsAreWhole
			return func(ctx context.Context, r *run.Run, args []string) error { return run.HintFull(c.run(ctx, r, args)) }
		},
	}
}

// CopyOne copies one image, one blob at a time.
func CopyOne(ctx context.Context, r *run.Run, from, to string) error {
	c := &copyCommand{src: r.NewRemote("src"), dst: r.NewRemote("dst"), jobs: 1}
	return c.run(ctx, r, []string{from, to})
}

func (c *copyCommand) run(ctx context.Context, r *run.Run, args []string) error {
	from, err := image.ParseCopied(args[0])
	if err != nil {
		return err
	}
	to, err := parseTargets(args[1:])
	if err != nil {
		return err
	}
	ctx = wire.With(ctx, wire.Why{Image: from.String()})
	places := &image.Places{Run: r}
	src, err := places.Origin(ctx, c.src, from)
	if err != nil {
		return err
	}
	defer src.Close()
	show := image.NewProgress(r)
	engine := r.Engine(c.jobs, show.Event)
	engine.Platforms, engine.Flatten, engine.Referrers = c.platforms, c.flatten, c.referrers
	engine.Eager = !countsPulls(src.Name)
	if slices.ContainsFunc(to, image.Location.Archive) || src.Name.Digest != "" && (len(c.platforms) > 0 || c.flatten) {
		if err := src.Collect(ctx, engine); err != nil {
			return err
		}
		engine = r.Engine(c.jobs, show.Event)
		engine.Referrers = c.referrers
	}
	destinations, err := c.destinations(ctx, places, src, to)
	defer leave(destinations)
	if err != nil {
		return err
	}
	stop := show.Start()
	digest, errs := copyTo(ctx, engine, src, destinations)
	stop()
	if len(to) == 1 && errs[0] == nil {
		show.Summary(from, to[0])
	}
	return report(ctx, r, from, destinations, digest, errs)
}

// countsPulls tells whether a registry counts each GET of a manifest against a quota, and no HEAD, as Docker Hub does.
func countsPulls(name reference.Reference) bool { return name.Domain == "docker.io" }

// parseTargets reads the locations that an image is copied to.
func parseTargets(args []string) ([]image.Location, error) {
	var to []image.Location
	for _, arg := range args {
		l, err := image.ParseCopied(arg)
		if err != nil {
			return nil, err
		}
		if _, err = l.NameFor(reference.Reference{}); err == nil && l.Archive() {
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

// destinations opens all of them, and returns also in case of an error those that are open.
func (c *copyCommand) destinations(ctx context.Context, places *image.Places, src image.Origin, to []image.Location) ([]image.Destination, error) {
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

// shareScope makes one token be asked for all that a copy does on a registry, where both sides share a session on it.
func shareScope(src transfer.Source, dst transfer.Target) {
	if c, ok := src.(*image.Collected); ok {
		src = c.Source
	}
	from, ok := src.(*distribution.Repository)
	to, both := dst.(*distribution.Repository)
	if ok && both && from.Client == to.Client {
		from.Scope = from.Scope.Union(to.Scope)
		to.Scope = from.Scope
	}
}

// copyTo copies, and makes permanent what has arrived. It returns an error or nil for each destination.
func copyTo(ctx context.Context, engine *transfer.Engine, src image.Origin, to []image.Destination) (digest blob.Digest, errs []error) {
	if len(to) == 1 {
		d, err := engine.Copy(ctx, src.Source, src.Ref, to[0].Target, to[0].As)
		digest, errs = d.Digest, []error{err}
	} else {
		var all []transfer.Destination
		for _, d := range to {
			all = append(all, transfer.Destination{Target: d.Target, As: d.As})
		}
		d, each := engine.CopyAll(ctx, src.Source, src.Ref, all...)
		digest, errs = d.Digest, each
	}
	for i, d := range to {
		if errs[i] == nil {
			errs[i] = d.Commit(ctx)
		}
	}
	return digest, errs
}

func leave(destinations []image.Destination) {
	for _, d := range destinations {
		d.Leave()
	}
}

// report prints what became of each destination.
func report(ctx context.Context, r *run.Run, from image.Location, to []image.Destination, digest blob.Digest, errs []error) error {
	if common := inCommon(errs); common != nil || ctx.Err() != nil {
		return unfinished(to, errors.Join(common, context.Cause(ctx)))
	}
	b := &cli.Batch{Streams: r.Streams, Of: len(to)}
	for i, d := range to {
		if b.Note(ctx, d.At.String(), errs[i]); errs[i] != nil {
			continue
		}
		if len(to) > 1 {
			r.NoteDone("copied %s to %s", from, d.At)
		}
		fmt.Fprintln(r.Stdout, d.Result(digest))
	}
	return b.Err(ctx)
}

// unfinished says of an error that it has left a tar unfinished, where one was to be written.
func unfinished(to []image.Destination, err error) error {
	for _, d := range to {
		if d.At.Archive() {
			return &run.UnfinishedError{Path: d.At.Path, Err: err}
		}
	}
	return err
}

// inCommon returns the error that every target has, which then is not about any of them: its words name none.
func inCommon(errs []error) error {
	for _, err := range errs {
		if err == nil || err.Error() != errs[0].Error() {
			return nil
		}
	}
	return errs[0]
}
