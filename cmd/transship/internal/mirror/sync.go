package mirror

import (
	"context"
	"errors"
	"flag"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// syncCommand is sync and its flags.
type syncCommand struct {
	src, dst  *run.Remote
	list      string
	platforms cli.PlatformList
	referrers bool
	latest    cli.Count
	prune     bool
	state     string
	asJSON    bool
	jobs      cli.Count
}

// Sync returns the command sync.
func Sync() run.Command {
	return run.Command{
		Name: "sync", Args: "[DST]", Min: 0, Max: 1,
		Short: "copy all images of a list, again and again, as far as they have changed",
		Long: `The list has SRC [DST...] on each line, with comments behind #, or is a JSON array of strings and of
{"source": SRC, "targets": [DST, ...], "latest": N}. SRC is an image, with a tag or digest; host/repo alone is all tags of a
repository, host/repo:v1.* those that match the pattern of a shell; it can be oci:DIR and the like too. DST is a repository,
where each image keeps its tag, a name with a tag for one image, or oci:DIR. Images without a DST go to the command's DST,
which is REGISTRY[/PREFIX]: docker.io/hczjl/halo:1.6 to REGISTRY/PREFIX/hczjl/halo:1.6.

What is there already costs one HEAD on each side, and none at the source of an image by digest. One failure does not stop
the rest; exit code 8 says that some failed, and a line for each says why. Standard output gets DST@sha256:... of each image
that was copied.

--prune removes, from the target repositories of lines that mean several tags, the tags that match and that the source no
longer has. What it will remove is printed before the first one goes. Tags that another line puts there, or that a source
still has beyond --latest, stay, and so does all of a repository for which some line's images could not be found out.`,
		Example: `transship sync -f images.txt registry.example.com/mirror
transship sync -f images.txt --prune --json`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &syncCommand{
				src: r.RemoteFlags(fs, "src", "the first source"),
				dst: r.RemoteFlags(fs, "dst", "the first target"),
			}
			fs.StringVar(&c.list, "file", "", "the `list` of images, - for standard input")
			cli.Alias(fs, "f", "file")
			fs.Var(&c.platforms, "platform",
				"copy only these platforms of the images, as `os/arch[/variant],...`; may be repeated")
			fs.BoolVar(&c.referrers, "referrers", false,
				"copy signatures, SBOMs and attestations that refer to the images too")
			fs.Var(&c.latest, "latest",
				"of lines that mean several tags, copy only the `N` highest versions; tags that are none, such as latest, are left out")
			fs.BoolVar(&c.prune, "prune", false, "remove tags from the targets that the source no longer has")
			fs.StringVar(&c.state, "state", "",
				"remember in this `file` what was put where, and believe it: an image that has not changed then costs one HEAD at its source, and none at the target")
			fs.BoolVar(&c.asJSON, "json", false, "print a report of all images as JSON")
			r.SendFlags(fs, c.dst, &c.jobs, "copy")
			r.RangesFlag(fs)
			r.CommonFlags(fs)
			r.VerboseFlag(fs)
			r.InterruptHint = run.InterruptedUploadHint
			return func(ctx context.Context, r *run.Run, args []string) error {
				return run.WithDiskFullHint(c.run(ctx, r, args))
			}
		},
	}
}

func (c *syncCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if c.list == "" {
		return &cli.UsageError{Message: "-f LIST is missing", Advice: "the list has SRC [DST] on each line"}
	}
	if c.asJSON && r.Planning() {
		r.Plan.Format = "json"
	}
	lines, err := c.lines(ctx, r, args)
	if err != nil {
		return err
	}
	state, err := c.openState()
	if err != nil {
		return err
	}
	s := c.newRun(r, state)
	stop := s.show.Start()
	s.copyAll(ctx, lines)
	if c.prune && ctx.Err() == nil {
		s.pruneAll(ctx, lines)
	}
	stop()
	return errors.Join(s.report(ctx), state.save())
}
