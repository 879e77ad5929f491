package main

import (
	"context"
	"errors"
	"flag"
)

// syncing is the command sync.
type syncing struct {
	src, dst  *remote
	list      string
	platforms platformList
	referrers bool
	latest    count
	prune     bool
	state     string
	asJSON    bool
	jobs      count
}

func syncCommand() command {
	return command{
		name: "sync", args: "[DST]", min: 0, max: 1,
		short: "copy all images of a list, again and again, as far as they have changed",
		long: `The list has SRC [DST...] on each line, with comments behind #, or is a JSON array of strings and of
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
		example: `transship sync -f images.txt registry.example.com/mirror
transship sync -f images.txt --prune --json`,
		setup: func(fs *flag.FlagSet, a *app) action {
			s := &syncing{src: a.remoteFlags(fs, "src", "the first source"), dst: a.remoteFlags(fs, "dst", "the first target")}
			fs.StringVar(&s.list, "file", "", "the `list` of images, - for standard input")
			alias(fs, "f", "file")
			fs.Var(&s.platforms, "platform", "copy only these platforms of the images, as `os/arch[/variant],...`; may be repeated")
			fs.BoolVar(&s.referrers, "referrers", false, "copy signatures, SBOMs and attestations that refer to the images too")
			fs.Var(&s.latest, "latest", "of lines that mean several tags, copy only the `N` highest versions; tags that are none, such as latest, are left out")
			fs.BoolVar(&s.prune, "prune", false, "remove tags from the targets that the source no longer has")
			fs.StringVar(&s.state, "state", "", "remember in this `file` what was put where, and believe it: an image that has not changed then costs one HEAD at its source, and none at the target")
			fs.BoolVar(&s.asJSON, "json", false, "print a report of all images as JSON")
			a.sendFlags(fs, s.dst, &s.jobs, "copy")
			a.rangesFlag(fs)
			a.commonFlags(fs)
			a.verboseFlag(fs)
			a.interrupted = tagsAreWhole
			return func(ctx context.Context, a *app, args []string) error { return hintFull(s.run(ctx, a, args)) }
		},
	}
}

func (s *syncing) run(ctx context.Context, a *app, args []string) error {
	if s.list == "" {
		return &usageError{message: "-f LIST is missing", advice: "the list has SRC [DST] on each line"}
	}
	if s.asJSON && a.planning() {
		a.plan.format = "json"
	}
	lines, err := s.lines(ctx, a, args)
	if err != nil {
		return err
	}
	state, err := s.openState()
	if err != nil {
		return err
	}
	all := s.newRun(a, state)
	stop := all.show.start()
	all.copyAll(ctx, lines)
	if s.prune && ctx.Err() == nil {
		all.pruneAll(ctx, lines)
	}
	stop()
	return errors.Join(all.report(ctx), state.save())
}
