package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/hczjl/transship/distribution/layout"
)

// removing is the command rmi.
type removing struct{ force bool }

func rmiCommand() command {
	return command{
		name: "rmi", args: "REF|ID [REF|ID...]", min: 1, max: -1,
		short: "remove images from the local store",
		long: `A REF with a tag is untagged; once nothing leads to an image any more its bytes are removed. An ID removes
the image with all its tags, which must be in one repository unless --force is given.`,
		example: `transship rmi hczjl/halo:amd64
transship rmi --force 668f4ec33f09`,
		setup: func(fs *flag.FlagSet, a *app) action {
			c := &removing{}
			fs.BoolVar(&c.force, "force", false, "remove an image that an ID means from all its repositories")
			alias(fs, "f", "force")
			return c.run
		},
	}
}

func (r *removing) run(ctx context.Context, a *app, args []string) error {
	dir, err := openStore(a.env)
	if err != nil {
		return err
	}
	return inTurn(ctx, a.streams, args, func(ctx context.Context, arg string) error { return r.one(ctx, a, dir, arg) })
}

// one removes what an argument means and prints what docker does.
func (r *removing) one(ctx context.Context, a *app, dir *layout.Dir, arg string) error {
	found, err := findImages(ctx, dir, arg)
	if err != nil {
		return err
	}
	roots, err := r.removable(arg, found)
	if err != nil {
		return err
	}
	if err := dir.Drop(roots...); err != nil {
		return inStore(a.env, err)
	}
	if err := printUntagged(a.stdout, dir, roots); err != nil {
		return err
	}
	done, err := dir.Prune(ctx, layout.Pruning{Of: roots})
	if errors.Is(err, layout.ErrInUse) {
		a.note("another command is using the store; transship prune frees the space later")
		return nil
	}
	for _, d := range done.Deleted {
		fmt.Fprintln(a.stdout, "Deleted:", d)
	}
	return err
}

// removable returns the entries to remove.
func (r *removing) removable(arg string, found []imageFound) ([]layout.Root, error) {
	var roots []layout.Root
	for _, f := range found {
		if f.part != nil {
			return nil, fmt.Errorf("%s is part of a list in %s and stays as long as that", arg, f.root.Repository)
		}
		if len(roots) > 0 && f.root.Repository != roots[0].Repository && !r.force {
			return nil, fmt.Errorf("image %s is in several repositories, %s and %s: name it by one of them, or give --force",
				arg, roots[0].Repository, f.root.Repository)
		}
		roots = append(roots, f.root)
	}
	return roots, nil
}

// printUntagged prints the names that images have lost: their tags and, with the last of a repository, their digest.
func printUntagged(out io.Writer, dir *layout.Dir, gone []layout.Root) error {
	left, err := dir.Roots()
	if err != nil {
		return err
	}
	for i, r := range gone {
		if r.Tag != "" {
			fmt.Fprintln(out, "Untagged:", rootName(r))
		}
		same := func(o layout.Root) bool { return o.Repository == r.Repository && o.Digest == r.Digest }
		if !slices.ContainsFunc(left, same) && !slices.ContainsFunc(gone[i+1:], same) {
			r.Tag = ""
			fmt.Fprintln(out, "Untagged:", rootName(r))
		}
	}
	return nil
}
