package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/hczjl/transship/distribution/layout"
)

// pruneAgain is how long a prune waits before it looks again whether the store is free.
const pruneAgain = 100 * time.Millisecond

// pruning is the command prune.
type pruning struct{ all bool }

func pruneCommand() command {
	return command{
		name: "prune", args: "", min: 0, max: 0,
		short: "remove from the local store what no image needs",
		long: `Removes manifests and blobs that no image leads to, such as those of a pull that was interrupted and is not
wanted any more. It waits until no other command is using the store, and asks no questions.`,
		example: `transship prune --all`,
		setup: func(fs *flag.FlagSet, a *app) action {
			p := &pruning{}
			fs.BoolVar(&p.all, "all", false, "remove images without a tag too, but for signatures and the like of those with one")
			alias(fs, "a", "all")
			fs.BoolVar(&a.quiet, "quiet", false, "print nothing but errors")
			alias(fs, "q", "quiet")
			return p.run
		},
	}
}

func (p *pruning) run(ctx context.Context, a *app, _ []string) error {
	dir, err := openStore(a.env)
	if err != nil {
		return err
	}
	done, err := p.whenFree(ctx, a, dir)
	if a.quiet {
		return err
	}
	for _, root := range done.Dropped {
		fmt.Fprintln(a.stdout, "Untagged:", rootName(root))
	}
	for _, d := range done.Deleted {
		fmt.Fprintln(a.stdout, "Deleted:", d)
	}
	if err == nil {
		fmt.Fprintln(a.stdout, "Total reclaimed space:", formatBytes(done.Bytes))
	}
	return err
}

// whenFree prunes as soon as nobody uses the store.
func (p *pruning) whenFree(ctx context.Context, a *app, dir *layout.Dir) (layout.Pruned, error) {
	for told := false; ; told = true {
		done, err := dir.Prune(ctx, layout.Pruning{Untagged: p.all})
		if !errors.Is(err, layout.ErrInUse) {
			return done, inStore(a.env, err)
		}
		if !told {
			a.note("waiting for another command that is using the store")
		}
		select {
		case <-ctx.Done():
			return done, context.Cause(ctx)
		case <-time.After(pruneAgain):
		}
	}
}
