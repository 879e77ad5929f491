package main

import (
	"context"
	"errors"
	"flag"
	"io/fs"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
)

func manifestRmCommand() command {
	return command{
		name: "manifest rm", args: "LIST [LIST|IMAGE...]", min: 1, max: -1,
		short: "remove local manifest lists, or images from one",
		long: `Works as docker manifest rm, which removes every LIST that is named. Arguments after the first that are no
list but an image in the first list are dropped from it, and the list stays.`,
		example: "transship manifest rm hczjl/halo:1.6\ntransship manifest rm hczjl/halo:1.6 hczjl/halo:arm32",
		setup: func(*flag.FlagSet, *app) action {
			return func(ctx context.Context, a *app, args []string) error { return manifestRm(ctx, a, args) }
		},
	}
}

func manifestRm(ctx context.Context, a *app, args []string) error {
	refs, err := parseAll(args)
	if err != nil {
		return err
	}
	store, err := listStore(a.env)
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
