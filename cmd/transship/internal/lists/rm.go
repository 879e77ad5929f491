package lists

import (
	"context"
	"errors"
	"flag"
	"io/fs"

	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

func Rm() run.Command {
	return run.Command{
		Name: "manifest rm", Args: "LIST [LIST|IMAGE...]", Min: 1, Max: -1,
		Short: "remove local manifest lists, or images from one",
		Long: `Works as docker manifest rm, which removes every LIST that is named. Arguments after the first that are no
list but an image in the first list are dropped from it, and the list stays.`,
		Example: "transship manifest rm hczjl/halo:1.6\ntransship manifest rm hczjl/halo:1.6 hczjl/halo:arm32",
		Setup: func(*flag.FlagSet, *run.Run) run.Action {
			return func(ctx context.Context, r *run.Run, args []string) error { return manifestRm(ctx, r, args) }
		},
	}
}

func manifestRm(ctx context.Context, r *run.Run, args []string) error {
	refs, err := parseAll(args)
	if err != nil {
		return err
	}
	store, err := listStore(r.Env)
	if err != nil {
		return err
	}
	lists, images := split(store, refs)
	var problems []error
	for _, image := range images {
		problems = append(problems, store.RemoveEntry(refs[0].String(), image.String()))
	}
	for _, list := range lists {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		problems = append(problems, store.Remove(list.String()))
	}
	return errors.Join(problems...)
}

// split tells which of the references are lists to remove, and which images to drop from the first of them. A name that
// is both is a list, and without an image all are lists, as for docker.
func split(store liststore.Store, refs []reference.Reference) (lists, images []reference.Reference) {
	for _, ref := range refs[1:] {
		_, listErr := store.List(ref.String())
		_, imageErr := store.Get(refs[0].String(), ref.String())
		if errors.Is(listErr, fs.ErrNotExist) && !errors.Is(imageErr, fs.ErrNotExist) {
			images = append(images, ref)
			continue
		}
		lists = append(lists, ref)
	}
	if len(images) == 0 {
		return refs, nil
	}
	return lists, images
}
