package lists

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
)

// Annotate returns the command manifest annotate.
func Annotate() run.Command {
	return run.Command{
		Name: "manifest annotate", Args: "LIST IMAGE", Min: 2, Max: 2,
		Short: "set the platform of an image in a local manifest list",
		Long: `Works like docker manifest annotate, but accepts every os/arch pair, with a note if docker would refuse
it. Prints nothing.`,
		Example: `transship manifest annotate hczjl/halo:1.6 hczjl/halo:arm32 --os linux --arch arm --variant v7`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			var set liststore.Annotation
			var features cli.StringList
			fs.StringVar(&set.OS, "os", "", "operating `system`, such as linux")
			fs.StringVar(&set.Arch, "arch", "", "`architecture`, such as arm64")
			fs.StringVar(&set.OSVersion, "os-version", "", "operating system's `version`, for Windows")
			fs.StringVar(&set.Variant, "variant", "", "architecture's `variant`, such as v7")
			fs.Var(&features, "os-features", "features of the operating system, as `feature,...`; may be repeated")
			return func(_ context.Context, r *run.Run, args []string) error {
				set.OSFeatures = features
				return annotate(r, args[0], args[1], set)
			}
		},
	}
}

func annotate(r *run.Run, listArg, imageArg string, set liststore.Annotation) error {
	list, err := reference.Parse(listArg)
	if err != nil {
		return fmt.Errorf("annotate: error parsing name for manifest list %s: %w", listArg, err)
	}
	image, err := reference.Parse(imageArg)
	if err != nil {
		return fmt.Errorf("annotate: error parsing name for manifest %s: %w", imageArg, err)
	}
	store, err := listStore(r.Env)
	if err != nil {
		return err
	}
	entry, err := store.Get(list.String(), image.String())
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Reword(err, "manifest for image %s does not exist in %s", imageArg, listArg)
	}
	if err != nil {
		return err
	}
	liststore.Annotate(&entry, set)
	if p := entry.Descriptor.Platform; !liststore.DockerSupports(p.OS, p.Architecture) {
		r.Note("note: docker manifest annotate does not know %s/%s; registries and engines accept it",
			p.OS, p.Architecture)
	}
	return store.Save(list.String(), entry)
}
