package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/journal"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
)

// pruneRetry is the time between two attempts to prune a store that is in use.
const pruneRetry = 100 * time.Millisecond

// pruneCommand is prune and its flags.
type pruneCommand struct{ all bool }

// Prune returns the command prune.
func Prune() run.Command {
	return run.Command{
		Name: "prune", Min: 0, Max: 0,
		Aliases: []string{"image prune"},
		Short:   "remove content from the local store that no image needs",
		Long: `Removes manifests and blobs that no image refers to, such as those of an interrupted pull, and blobs that have
not come whole. It waits until
no other command is using the store, and does not ask for confirmation. A folder that serve --writable serves can be
pruned meanwhile, with TRANSSHIP_STORE=DIR: what clients pushed within the last hour, and no image refers to yet, stays.

It also removes the notes of interrupted uploads from the state folder: the next push or copy sends these blobs anew.

Prints Untagged: and Deleted: lines and the space that was freed.`,
		Example: `transship prune --all`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &pruneCommand{}
			fs.BoolVar(&c.all, "all", false,
				"also remove images without a tag, except signatures and the like that refer to a tagged one")
			cli.Alias(fs, "a", "all")
			fs.Bool("force", false, "do not ask, which prune never does")
			cli.Alias(fs, "f", "force")
			run.RefusedFlag(fs, "filter", "KEY=VALUE", "prune removes what no image needs, whatever its age and labels; "+
				"to choose images: transship rmi $(transship images -q --filter ...)")
			fs.BoolVar(&r.Quiet, "quiet", false, "print only errors")
			cli.Alias(fs, "q", "quiet")
			r.JSONFlag(fs)
			return c.run
		},
	}
}

// PruneDocument is what prune --json prints.
type PruneDocument struct {
	cli.Outcome
	Removed
	Bytes   int64 `json:"bytes"`   // that were freed
	Uploads int   `json:"uploads"` // that were interrupted and are forgotten
}

func (c *pruneCommand) run(ctx context.Context, r *run.Run, _ []string) error {
	dir, err := openStore(r.Env)
	if err != nil {
		return err
	}
	out := &PruneDocument{Removed: noneRemoved()}
	r.SetDocument(out)
	done, err := c.whenFree(ctx, r, dir)
	for _, root := range done.Dropped {
		out.Untagged = append(out.Untagged, rootName(root))
	}
	out.Deleted, out.Bytes = append(out.Deleted, done.Deleted...), done.Bytes
	if err == nil {
		out.Uploads, err = journal.Clear(journal.Folder(r.Env))
	}
	if r.Quiet {
		return err
	}
	out.print(r.Stdout)
	if out.Uploads > 0 {
		r.Note("interrupted uploads that are forgotten: %d", out.Uploads)
	}
	if err == nil {
		fmt.Fprintln(r.Stdout, "Total reclaimed space:", cli.FormatBytes(done.Bytes))
	}
	return err
}

// whenFree prunes as soon as no other command uses the store.
func (c *pruneCommand) whenFree(ctx context.Context, r *run.Run, dir *layout.Dir) (layout.PruneResult, error) {
	for noted := false; ; noted = true {
		done, err := dir.Prune(ctx, layout.PruneOptions{Untagged: c.all})
		if !errors.Is(err, layout.ErrInUse) {
			return done, inStore(r.Env, err)
		}
		if !noted {
			r.Note("waiting for another command that is using the store")
		}
		select {
		case <-ctx.Done():
			return done, context.Cause(ctx)
		case <-time.After(pruneRetry):
		}
	}
}
