package inspect

import (
	"context"
	"flag"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// maxSorted limits how many tags are sorted: an answer may be endless.
const maxSorted = 1_000_000

// tagsCommand is tags and its flags.
type tagsCommand struct {
	registry *run.Remote
	fullRef  bool
	unsorted bool
	limit    cli.Count
	latest   cli.Count
}

// Tags returns the command tags.
func Tags() run.Command {
	return run.Command{
		Name: "tags", Args: "REPOSITORY[:PATTERN] [PATTERN...]", Min: 1, Max: -1,
		Short: "list the tags of a repository, sorted as versions",
		Long: `The order is that of versions, lowest first. Numbers compare by value: 1.9 comes before 1.10, with or without a v.
What has a hyphen after it comes before the release: 1.6-rc1, 1.6, 1.6.1. Tags that do not begin with a number, such as
latest, come last, by name.

PATTERN, in quotes, is a shell pattern such as '1.*', a /regular expression/, or a range of versions such as '>=1.2' '<2'.
Tags that match one of the patterns and are in the range are listed, and none that match a !PATTERN. transship help lists
describes all of it. Of a FILE, DIR/, oci:DIR, oci-archive:FILE or docker-archive:FILE the images are listed, by the names
that other commands take after DIR: or FILE:. That no tag matches is exit code 4. --json prints {"repository": NAME, "tags": [TAG, ...], "ok": true}.`,
		Example: `transship tags halohub/halo
transship tags alpine '3.*' '!*_*' --latest 3
transship tags alpine '>=3.18' '<4'
transship tags --full-ref 'registry.example.com/team/app:1.*' > images.txt`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &tagsCommand{registry: registryFlags(fs, r)}
			r.JSONFlag(fs)
			fs.BoolVar(&c.fullRef, "full-ref", false, "print REPOSITORY:TAG, as other commands take it")
			fs.Var(&c.limit, "limit", "print only the first `N` tags of the order (default all)")
			fs.Var(&c.latest, "latest", "print only the `N` highest versions (default all tags)")
			fs.Func("sort", "`order` of the tags: version (default), or none for the registry's own, "+
				"printed as it comes", c.setSort)
			return c.run
		},
	}
}

// setSort sets --sort.
func (c *tagsCommand) setSort(order string) error {
	if order != "version" && order != "none" {
		return fmt.Errorf("%q is not version or none", order)
	}
	c.unsorted = order == "none"
	return nil
}

func (c *tagsCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	if isLocal(args[0]) {
		return c.runLocal(ctx, r, args[0], args[1:])
	}
	ref, patterns, err := parseTagPatterns(args)
	if err != nil {
		return err
	}
	repo, err := c.registry.Repository(ctx, ref, auth.Pull)
	if err != nil {
		return err
	}
	out := &listing{out: r.Stdout, asJSON: r.JSON, of: jsonMember{"repository", ref.Name()}, member: "tags"}
	r.StreamDocument(out)
	if c.fullRef {
		out.prefix = ref.Name() + ":"
	}
	invalid, err := c.list(ctx, repo, patterns, out)
	if err != nil {
		return err
	}
	if invalid > 0 {
		r.Note("warning: %s lists %d tag%s without a valid name, which %s left out", ref.FamiliarName(), invalid,
			cli.Plural(invalid), pick(invalid, "is", "are"))
	}
	if out.n == 0 && (c.latest > 0 || !patterns.MatchAll()) {
		return c.noTags(ref, patterns)
	}
	return nil
}

// checkFlags refuses flags that contradict each other.
func (c *tagsCommand) checkFlags() error {
	switch {
	case c.latest > 0 && c.limit > 0:
		return &cli.UsageError{Message: "--latest and --limit cannot be used together", Advice: "give one of the two"}
	case c.latest > 0 && c.unsorted:
		return &cli.UsageError{Message: "--latest needs the order of versions", Advice: "leave out --sort none"}
	}
	return nil
}

// list prints the tags, and returns how many are not valid.
func (c *tagsCommand) list(
	ctx context.Context, repo *distribution.Repository, patterns *tagselect.Selector, out *listing,
) (invalid int, err error) {
	var tags []string
	for tag, err := range repo.TagNames(ctx) {
		switch {
		case err != nil:
			return invalid, err
		case !reference.ValidTag(tag):
			invalid++
			continue
		case !patterns.Match(tag):
			continue
		case !c.unsorted && len(tags) == maxSorted:
			err := fmt.Errorf("%s lists more than %d tags", repo, maxSorted)
			return invalid, cli.WithHint(err, "give a pattern, or --sort none, which needs no memory for them")
		case !c.unsorted:
			tags = append(tags, tag)
			continue
		}
		if err := out.add(tag); err != nil || out.n == int(c.limit) {
			return invalid, err
		}
	}
	tags = tagselect.Latest(tags, int(c.latest))
	if c.limit > 0 {
		tags = tags[:min(len(tags), int(c.limit))]
	}
	for _, tag := range tags {
		if err := out.add(tag); err != nil {
			return invalid, err
		}
	}
	return invalid, nil
}

// noTags returns the error of a list that selects no tag.
func (c *tagsCommand) noTags(ref reference.Reference, patterns *tagselect.Selector) error {
	name, which := ref.FamiliarName(), "that matches "+patterns.String()
	switch {
	case c.latest > 0 && patterns.MatchAll():
		which = "that is a version"
	case c.latest > 0:
		which = "that is a version and matches " + patterns.String()
	}
	return cli.WithHint(cli.Reword(fs.ErrNotExist, "%s has no tag %s", name, which),
		"transship tags "+name+" lists all")
}
