package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/manifest"
)

// pushCommand is push and its flags.
type pushCommand struct {
	to   *run.Remote
	jobs cli.Count
}

// Push returns the command push.
func Push() run.Command {
	return run.Command{
		Name: "push", Args: "REF", Min: 1, Max: 1,
		Aliases: []string{"image push"},
		Short:   "push an image of the local store to its registry",
		Example: `transship push registry.example.com/hczjl/halo:1.6`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &pushCommand{to: r.RemoteFlags(fs, "", "the registry")}
			r.SendFlags(fs, c.to, &c.jobs, "send")
			r.CommonFlags(fs)
			return c.run
		},
	}
}

func (c *pushCommand) run(ctx context.Context, r *run.Run, args []string) error {
	ref, err := cli.ParseReference(args[0])
	if err != nil {
		return err
	}
	if ref.Tag != "" && ref.Digest != "" {
		return &cli.UsageError{Message: "the image has a tag and a digest", Advice: "give one of the two"}
	}
	dir, err := readStore(r.Env)
	if err != nil {
		return err
	}
	if dir == nil {
		return &noImageError{ref.Familiar()}
	}
	defer dir.HoldForReading()()
	src := dir.Repository(ref.Name())
	if _, err := src.HeadManifest(ctx, ref.Identifier()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return &noImageError{ref.Familiar()}
		}
		return err
	}
	d, err := c.copy(ctx, r, dir, ref)
	if err != nil {
		return err
	}
	if r.Quiet {
		fmt.Fprintln(r.Stdout, ref)
		return nil
	}
	fmt.Fprintf(r.Stdout, "%s: digest: %s size: %d\n", ref.Identifier(), d.Digest, d.Size)
	return nil
}

// copy copies the image to its registry.
func (c *pushCommand) copy(ctx context.Context, r *run.Run, dir *layout.Dir,
	ref reference.Reference) (manifest.Descriptor, error) {
	repo, err := c.to.Repository(ctx, ref, auth.Pull, auth.Push)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	mountSource, err := mountSources(dir, ref)
	if err != nil {
		return manifest.Descriptor{}, err
	}
	r.NoteDone("pushing to repository %s", ref.Name())
	show := image.NewProgress(r)
	engine := r.Engine(c.jobs, show.Event)
	stop := show.Start()
	dst := &image.MountTarget{Repository: repo, From: mountSource}
	d, err := engine.Copy(ctx, dir.Repository(ref.Name()), ref.Identifier(), dst, ref.Identifier())
	stop()
	if cli.Has[*blob.MismatchError](err) {
		err = cli.WithHint(err, "the local store is damaged: remove the image with transship rmi and pull it again")
	}
	if err == nil {
		show.PrintStoreSummary("pushed", "sent", ref)
	}
	return d, err
}

// mountSources returns a function that names another repository of ref's registry from which the
// store has pulled a blob, "" if there is none. It names one only: each that no longer has the blob
// costs a call.
func mountSources(dir *layout.Dir, ref reference.Reference) (func(context.Context, blob.Digest) string, error) {
	roots, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	others := map[string]*layout.Repository{}
	for _, r := range roots {
		if path, same := strings.CutPrefix(r.Repository, ref.Domain+"/"); same && path != ref.Path {
			others[path] = dir.Repository(r.Repository)
		}
	}
	return func(ctx context.Context, d blob.Digest) string {
		for _, path := range slices.Sorted(maps.Keys(others)) {
			if _, err := others[path].HeadBlob(ctx, d); err == nil {
				return path
			}
		}
		return ""
	}, nil
}
