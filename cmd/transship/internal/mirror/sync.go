package mirror

import (
	"context"
	"errors"
	"flag"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// syncCommand is sync and its flags.
type syncCommand struct {
	src, dst  *run.Remote
	list      string
	platforms cli.PlatformList
	available bool
	referrers bool
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
		Name: "sync", Args: "[DST]", Min: 0, Max: 1,
		Short: "copy the images of a list, skip those that are unchanged",
		Long: `The list has SRC [PATTERN...] [DST...] on each line, or is JSON; transship help lists describes it. SRC is an image with
a tag or digest, host/repo for all tags of a repository, host/repo:v1.* for those that match, host/team/** for all
repositories below team, or oci:DIR and the like. DST is a repository, where each image keeps its tag, a name with a tag
for one image, or oci:DIR. Images without a DST are copied to the command's DST, which is REGISTRY[/PREFIX]:
docker.io/hczjl/halo:1.6 becomes REGISTRY/PREFIX/hczjl/halo:1.6. As for load, --rewrite FROM=TO applies there to images
whose name begins with FROM, with or without its registry: their path then begins with TO instead.

An unchanged image costs one HEAD on each side, and none at the source if SRC has a digest. One failure does not
stop the rest: each failure is printed at once and, in the order of the list, at the end; the exit code is 8, or that of
the failures if every image failed with the same one. Standard output gets DST@sha256:... of each image that was copied.
--repair asks every target, also with --state.

--keep-existing PATTERN is for tags that never move: one that the target has is skipped, whatever it points to, and
neither mended by --repair nor compared. Where a line means several tags, one list of the target's tags says which it
has, and costs nothing more for those; else one HEAD asks for the tag. The source is not asked for their images.

--lock FILE keeps which digest each image had. With --locked FILE in its place the same list copies exactly those: tags
that are new are not taken, and one that has moved is exit code 7.

--prune removes tags from the target repositories of lines that mean several tags: those that match the line and
that the source no longer has. It prints what it will remove before it removes the first. It keeps tags that
another line copies there, and tags that the source has beyond --latest. It keeps a whole repository if the images
of a line that may be copied there could not be listed, or if the source's catalog does not list it any more.`,
		Example: `transship sync -f images.txt registry.example.com/mirror
transship sync -f images.txt --rewrite docker.io/halohub=mirror registry.example.com
transship sync -f images.txt --prune --json`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &syncCommand{
				src: r.RemoteFlags(fs, "src", "the first source"),
				dst: r.RemoteFlags(fs, "dst", "the first target"),
			}
			fs.StringVar(&c.list, "file", "", "the `list` of images, - for standard input")
			cli.Alias(fs, "f", "file")
			fs.Var(&c.platforms, "platform",
				"copy only these platforms of the images, as `os/arch[/variant],...`; may be repeated (default all)")
			r.AvailableFlag(fs, &c.available)
			fs.BoolVar(&c.referrers, "referrers", false,
				"also copy signatures, SBOMs and attestations that refer to the images")
			fs.Var(&c.rewrites, "rewrite",
				"replace FROM at the beginning of image names by TO, as `FROM=TO`; may be repeated")
			fs.Var(&c.latest, "latest",
				"of lines that mean several tags, copy only the `N` highest versions; "+
					"tags that are no versions, such as latest, are skipped")
			fs.BoolVar(&c.prune, "prune", false, "remove from the targets the tags that the source no longer has")
			fs.StringVar(&c.state, "state", "",
				"remember in this `file` what was copied where, and trust it: "+
					"an unchanged image then costs one HEAD at its source, and none at the target")
			c.locks.Register(fs, "copied")
			r.JSONFlag(fs)
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

func (c *syncCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if c.list == "" {
		return &cli.UsageError{Message: "-f LIST is missing", Advice: image.ListAdvice}
	}
	if c.prune && c.locks.Locked() {
		return &cli.UsageError{
			Message: "--prune and --locked cannot be used together",
			Advice:  "--locked asks no source which tags it has, and --prune removes those that it does not have",
		}
	}
	out := image.NewReporter(r)
	lock, err := c.locks.Open(ctx, c.referrers)
	if err != nil {
		return err
	}
	lines, err := c.lines(ctx, r, lock, args)
	if err != nil {
		return err
	}
	state, err := c.openState(ctx)
	if err != nil {
		return err
	}
	s := c.newRun(r, state, out)
	stop := s.show.Start()
	s.copyAll(ctx, lines)
	if c.prune && ctx.Err() == nil {
		s.pruneAll(ctx, lines)
	}
	stop()
	if err := errors.Join(s.report(ctx), state.save()); err != nil || r.Planning() {
		return err
	}
	return lock.Save()
}
