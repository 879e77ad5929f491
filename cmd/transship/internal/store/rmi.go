package store

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
)

// rmiCommand is rmi, its flags, and what it has removed.
type rmiCommand struct {
	force  bool
	report RmiDocument
}

// RmiDocument is what rmi --json prints.
type RmiDocument struct {
	cli.Outcome
	Removed
	Failed []NotRemoved `json:"failed,omitempty"`
}

// NotRemoved is an argument whose image was not removed.
type NotRemoved struct {
	Reference string `json:"reference"` // as given: a name or an id
	cli.Failure
}

// Rmi returns the command rmi.
func Rmi() run.Command {
	return run.Command{
		Name: "rmi", Args: "REF|ID [REF|ID...]", Min: 1, Max: -1,
		Aliases: []string{"image rm", "image remove"},
		Short:   "remove images from the local store",
		Long: `A REF with a tag removes that tag, and content that no image refers to any more. An ID removes the image
with all its tags, which must be in one repository unless --force is given. As with docker,
with --force an image that is not there is no failure. Prints Untagged: NAME for each tag, and Deleted:
DIGEST for each manifest that is gone.`,
		Example: `transship rmi hczjl/halo:amd64
transship rmi --force 668f4ec33f09`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &rmiCommand{report: RmiDocument{Removed: noneRemoved()}}
			fs.BoolVar(&c.force, "force", false, "remove the image of an ID from all its repositories; no failure if there is none")
			cli.Alias(fs, "f", "force")
			r.NoEffectFlag(fs, "no-prune", "an image has no untagged parents here")
			run.RefusedFlag(fs, "platform", "os/arch", "an image of the store keeps all its platforms; pull --platform stores one")
			r.JSONFlag(fs)
			return c.run
		},
	}
}

func (c *rmiCommand) run(ctx context.Context, r *run.Run, args []string) error {
	dir, err := openStore(r.Env)
	if err != nil {
		return err
	}
	r.SetDocument(&c.report)
	return cli.EachArg(ctx, r.Streams, args, func(ctx context.Context, arg string) error {
		err := c.remove(ctx, r, dir, arg)
		if err != nil && ctx.Err() == nil {
			c.report.Failed = append(c.report.Failed, NotRemoved{arg, r.Failure(err)})
		}
		return err
	})
}

// remove removes what an argument names and prints what docker does.
func (c *rmiCommand) remove(ctx context.Context, r *run.Run, dir *layout.Dir, arg string) error {
	found, err := findImages(ctx, dir, arg)
	if c.force && cli.Has[*noImageError](err) {
		r.Note("%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	roots, err := c.removable(arg, found)
	if err != nil {
		return err
	}
	if err := dir.Drop(roots...); err != nil {
		return inStore(r.Env, err)
	}
	names, err := untagged(dir, roots)
	if err != nil {
		return err
	}
	c.note(r, Removed{Untagged: names})
	done, err := dir.Prune(ctx, layout.PruneOptions{Roots: roots})
	if errors.Is(err, layout.ErrInUse) {
		r.Note("another command is using the store; transship prune frees the space later")
		return nil
	}
	c.note(r, Removed{Deleted: done.Deleted})
	return err
}

// note reports what was removed.
func (c *rmiCommand) note(r *run.Run, done Removed) {
	c.report.Untagged = append(c.report.Untagged, done.Untagged...)
	c.report.Deleted = append(c.report.Deleted, done.Deleted...)
	done.print(r.Stdout)
}

// removable returns the entries to remove, or why they cannot be removed.
func (c *rmiCommand) removable(arg string, found []foundImage) ([]layout.Root, error) {
	var roots []layout.Root
	for _, f := range found {
		if f.child != nil {
			return nil, fmt.Errorf("%s belongs to an index in %s and can only be removed with it",
				arg, f.root.Repository)
		}
		if len(roots) > 0 && f.root.Repository != roots[0].Repository && !c.force {
			return nil, fmt.Errorf("image %s is in several repositories, %s and %s: name one of them, or give --force",
				arg, roots[0].Repository, f.root.Repository)
		}
		roots = append(roots, f.root)
	}
	return roots, nil
}
