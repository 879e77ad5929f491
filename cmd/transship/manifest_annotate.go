package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
)

func manifestAnnotateCommand() command {
	return command{
		name: "manifest annotate", args: "LIST IMAGE", min: 2, max: 2,
		short: "set the platform of an image in a local manifest list",
		long: `Works as docker manifest annotate. Every os/arch pair is accepted, with a note where docker's own command
would refuse it.`,
		example: `transship manifest annotate hczjl/halo:1.6 hczjl/halo:arm32 --os linux --arch arm --variant v7`,
		setup: func(fs *flag.FlagSet, a *app) action {
			var set liststore.Annotation
			var features stringList
			fs.StringVar(&set.OS, "os", "", "operating `system`, such as linux")
			fs.StringVar(&set.Arch, "arch", "", "`architecture`, such as arm64")
			fs.StringVar(&set.OSVersion, "os-version", "", "operating system's `version`, for Windows")
			fs.StringVar(&set.Variant, "variant", "", "architecture's `variant`, such as v7")
			fs.Var(&features, "os-features", "operating system's `feature,...`; may be repeated")
			return func(_ context.Context, a *app, args []string) error {
				set.OSFeatures = features
				return annotate(a, args[0], args[1], set)
			}
		},
	}
}

func annotate(a *app, listArg, imageArg string, set liststore.Annotation) error {
	list, err := reference.Parse(listArg)
	if err != nil {
		return fmt.Errorf("annotate: error parsing name for manifest list %s: %w", listArg, err)
	}
	image, err := reference.Parse(imageArg)
	if err != nil {
		return fmt.Errorf("annotate: error parsing name for manifest %s: %w", imageArg, err)
	}
	store, err := listStore(a.env)
	if err != nil {
		return err
	}
	entry, err := store.Get(list.String(), image.String())
	if errors.Is(err, fs.ErrNotExist) {
		return reword(err, "manifest for image %s does not exist in %s", imageArg, listArg)
	}
	if err != nil {
		return err
	}
	liststore.Annotate(&entry, set)
	if p := entry.Descriptor.Platform; !liststore.DockerSupports(p.OS, p.Architecture) {
		a.note("note: docker manifest annotate does not know %s/%s; registries and engines do not mind", p.OS, p.Architecture)
	}
	return store.Save(list.String(), entry)
}
