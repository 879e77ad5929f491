package mirror

import (
	"context"
	"errors"
	"flag"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/gate"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// syncCommand is sync and its flags.
type syncCommand struct {
	src, dst  *run.Remote
	list      string
	all       bool
	shard     image.Shard
	platforms cli.PlatformList
	available bool
	referrers bool
	gate      gate.Gate
	rewrites  image.RewriteList
	latest    cli.Count
	prune     bool
	state     string
	locks     image.LockFlags
	jobs      cli.Count
}

// Sync returns the command sync.
func Sync() run.Command {
	return run.Command{
		Name: "sync", Args: "{-f LIST [DST] | --all SRC-HOST DST-HOST}", Min: 0, Max: 2,
		Short: "copy a list of images or a registry, skip what is unchanged",
		Long: `sync --all SRC-HOST[/PREFIX] DST-HOST[/PREFIX] copies every repository that the catalog of SRC-HOST lists, or
those below PREFIX there, with all tags. It is the list of one line "SRC-HOST[/PREFIX]/** DST-HOST[/PREFIX]": names stay
whole below DST. Where a registry has no catalog, a list (-f) has a repository on each line.

The list has SRC [PATTERN...] [DST...] on each line, or is JSON; transship help lists describes it. SRC
is an image with a tag or digest, host/repo for all tags of a repository, host/repo:v1.* for those that match,
host/team/** for all repositories below team, or oci:DIR and the like. DST is a repository, where each image keeps its
tag, a name with a tag for one image, or oci:DIR. Images without a DST are copied to the command's DST, which is
REGISTRY[/PREFIX]: docker.io/hczjl/halo:1.6 becomes REGISTRY/PREFIX/hczjl/halo:1.6. As for load, --rewrite FROM=TO
applies there to images whose name begins with FROM, with or without its registry: their path then begins with TO
instead.

An unchanged image costs one HEAD on each side, and none at the source if SRC has a digest. One failure does not stop
the rest: each failure is printed at once and, in the order of the list, at the end; the exit code is 8, or that of
the failures if every image failed with the same one. Standard output gets DST@sha256:... of each image once it is
copied. --repair asks every target, also with --state.

Several workers share the work by --shard 1/4, 2/4 and so on. Each takes repositories of its own, by a hash of their
names, and has, with --state, a file of its own. transship report merge joins what they print under --json. A
changed number of workers moves as few repositories as can be. With --sizes FILE the workers have equally many bytes:
lines of BYTES REPOSITORY, which --plan=sizes prints, and the same file for all of them. With --state a run that was killed and is started again
within an hour resumes: it makes no call for what it has copied.

With --all, --plan prints totals: images, calls, bytes, the pulls that a quota counts, and the hours that the bytes take.
With --shard 1/100 it is a sample.

--src-creds, --src-cert, --src-key and --src-plain-http apply to the registry of the first SRC alone, --src-ca and
--src-insecure to those of all; the flags of --dst likewise.

--keep-existing PATTERN is for tags that never move. One that the target has is skipped, whatever it points to: it is
neither compared nor repaired, and its image is not read at the source. For a line that means several tags, one call
lists the tags that the target has; for one tag, one HEAD asks for it.

--lock FILE keeps which digest each image had. With --locked FILE in its place the same list copies exactly those
images: new tags are skipped, and a tag that has moved fails with exit code 7.

--prune removes tags from the target repositories of lines that mean several tags: those that match the line and that
the source no longer has. It prints what it will remove before it removes the first. It keeps tags that another line
copies there, and tags that the source has beyond --latest. It keeps a whole repository if the images of a line that
may be copied there could not be listed, or if the source's catalog does not list it any more.`,
		Example: `transship sync -f images.txt registry.example.com/mirror
transship sync --all registry.example.com/team registry.example.org --state state.json
transship sync -f images.txt --rewrite docker.io/halohub=mirror registry.example.com
transship sync -f images.txt --prune --json`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &syncCommand{
				src: r.RemoteFlags(fs, "src", "the source"),
				dst: r.RemoteFlags(fs, "dst", "the target"),
			}
			fs.StringVar(&c.list, "file", "", "the `list` of images, - for standard input; required without --all")
			cli.Alias(fs, "f", "file")
			fs.BoolVar(&c.all, "all", false, "copy every repository of SRC-HOST, or of those below PREFIX there, in place of a list")
			image.RegisterShard(fs, &c.shard)
			fs.Var(&c.platforms, "platform",
				"copy only these `platforms` of the images, such as linux/amd64,linux/arm/v7; may be repeated (default all)")
			r.AvailableFlag(fs, &c.available)
			fs.BoolVar(&c.referrers, "referrers", false,
				"also copy signatures, SBOMs and attestations that refer to the images")
			c.gate.Flag(fs, r)
			fs.Var(&c.rewrites, "rewrite",
				"replace FROM by TO where a name begins with it, given as `FROM=TO`; may be repeated")
			fs.Var(&c.latest, "latest",
				"of lines that mean several tags, copy only the `N` highest versions; "+
					"tags that are no versions, such as latest, are skipped (default all tags)")
			fs.BoolVar(&c.prune, "prune", false, "remove from the targets the tags that the source no longer has")
			fs.StringVar(&c.state, "state", "",
				"remember in this `file` what was copied where, and trust it: "+
					"an unchanged image then costs one HEAD at its source, and none at the target")
			c.locks.Register(fs, "copied")
			r.JSONFlag(fs)
			r.MetricsFlag(fs)
			r.SendFlags(fs, c.dst, &c.jobs, "copy")
			r.RangesFlag(fs)
			r.CommonFlags(fs)
			r.InterruptHint = run.InterruptedUploadHint
			return func(ctx context.Context, r *run.Run, args []string) error {
				return run.WithDiskFullHint(c.run(ctx, r, args))
			}
		},
	}
}

// checkFlags refuses flags and arguments that contradict each other, and finds out which shard it is.
func (c *syncCommand) checkFlags(ctx context.Context, r *run.Run, args []string) error {
	switch {
	case c.all && c.list != "":
		return &cli.UsageError{
			Message: "--all and -f cannot be used together",
			Advice:  "a line HOST/** of a list means all repositories of a registry, as --all does",
		}
	case c.all && len(args) != 2:
		return &cli.UsageError{
			Message: "--all wants where from and where to",
			Advice:  "transship sync --all SRC-HOST[/PREFIX] DST-HOST[/PREFIX]",
		}
	case !c.all && c.list == "" && len(args) == 2:
		return &cli.UsageError{
			Message: "-f LIST is missing",
			Advice:  "transship sync --all SRC-HOST DST-HOST copies a registry without a list",
		}
	case !c.all && c.list == "":
		return &cli.UsageError{Message: "-f LIST is missing", Advice: image.ListAdvice}
	case !c.all && len(args) > 1:
		return &cli.UsageError{
			Message: "a list has the sources, and the command takes one DST",
			Advice:  "transship sync --all SRC-HOST DST-HOST copies a registry without a list",
		}
	case c.prune && c.locks.Locked():
		return &cli.UsageError{
			Message: "--prune and --locked cannot be used together",
			Advice:  "--locked asks no source which tags it has, and --prune removes those that it does not have",
		}
	}
	return c.shard.Check(ctx, r, c.locks)
}

func (c *syncCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if err := c.checkFlags(ctx, r, args); err != nil {
		return err
	}
	out := image.NewReporter(r)
	out.Shard, out.Sizes = c.shard.String(), c.shard.Sizes
	lock, err := c.locks.Open(ctx, c.referrers)
	if err != nil {
		return err
	}
	if lock == nil && c.state == "" { // neither has referrers
		c.referrers = c.referrers || c.gate.IsOn()
	}
	lines, err := c.lines(ctx, r, lock, args)
	if err != nil {
		return err
	}
	state, err := c.openState(ctx, r)
	if err != nil {
		return err
	}
	if c.all {
		r.PlanTotals(state.lastRate())
	}
	s := c.newRun(r, state, out)
	stop := s.show.Start()
	s.copyAll(ctx, lines)
	if c.prune && ctx.Err() == nil {
		s.pruneAll(ctx, lines)
	}
	stop()
	if r.Planning() {
		return s.report(ctx)
	}
	if err := errors.Join(s.report(ctx), state.save(ctx.Err() != nil, s.show.Rate())); err != nil {
		return err
	}
	return lock.Save()
}
