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

// Rm returns the command manifest rm.
func Rm() run.Command {
	return run.Command{
		Name: "manifest rm", Args: "LIST [LIST|IMAGE...]", Min: 1, Max: -1,
		Short: "remove local manifest lists, or images from one",
		Long: `Works like docker manifest rm, which removes each LIST. Arguments after the first that are not a list
but an image in the first list are removed from it, and the list stays. Prints nothing.`,
		Example: "transship manifest rm hczjl/halo:1.6\ntransship manifest rm hczjl/halo:1.6 hczjl/halo:arm32",
		Setup:   func(*flag.FlagSet, *run.Run) run.Action { return remove },
	}
}

func remove(ctx context.Context, r *run.Run, args []string) error {
	refs, err := parseReferences(args)
	if err != nil {
		return err
	}
	store, err := listStore(r.Env)
	if err != nil {
		return err
	}
	lists, images := splitListsImages(store, refs)
	var errs []error
	for _, image := range images {
		errs = append(errs, store.RemoveEntry(refs[0].String(), image.String()))
	}
	for _, list := range lists {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		errs = append(errs, store.Remove(list.String()))
	}
	return errors.Join(errs...)
}

// splitListsImages splits the references into lists to remove and images to remove from the first
// list. A name that is both is a list. If none is an image all are lists, as in docker.
func splitListsImages(store liststore.Store, refs []reference.Reference) (lists, images []reference.Reference) {
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
