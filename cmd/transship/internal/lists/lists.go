// Package lists is the commands of docker manifest: [Create], [Annotate], [Push], [Inspect] and
// [Rm] each return the command of that name.
//
// They take docker's arguments and flags, print its messages and keep their lists where docker
// keeps them (docker/cli, cli/command/manifest), so that either program can finish a list that the
// other has begun. What docker refuses (a list as a child, an image on another registry, a newer
// architecture) they do, with a note on standard error.
package lists

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"path/filepath"

	"github.com/hczjl/transship/auth"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/lists/liststore"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// listStore opens the local lists where docker keeps them.
func listStore(env func(string) string) (liststore.Store, error) {
	dir := dockerConfigDir(env)
	if dir == "" {
		return liststore.Store{}, errors.New("no folder for local lists: set HOME or DOCKER_CONFIG")
	}
	return liststore.Store{Root: filepath.Join(dir, "manifests")}, nil
}

// dockerConfigDir returns $DOCKER_CONFIG or ~/.docker, "" if neither is known.
func dockerConfigDir(env func(string) string) string {
	if dir := env("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	if home := auth.HomeDir(env); home != "" {
		return filepath.Join(home, ".docker")
	}
	return ""
}

// registryFlags registers the flags of a command that calls registries.
func registryFlags(r *run.Run, fs *flag.FlagSet) *run.Remote {
	remote := r.RemoteFlags(fs, "", "the registry")
	remote.DockerInsecure = true
	r.CallFlags(fs)
	return remote
}

// pullRepository returns the repository of an image, which may be on another registry than the
// list.
func pullRepository(ctx context.Context, on *run.Remote, ref reference.Reference) (*distribution.Repository, error) {
	return on.ForHost(ref.Host()).Repository(ctx, ref, auth.Pull)
}

func parseReferences(args []string) ([]reference.Reference, error) {
	refs := make([]reference.Reference, len(args))
	for i, arg := range args {
		var err error
		if refs[i], err = cli.ParseReference(arg); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// noSuchManifest gives an error that means not found docker's text, and keeps its class.
func noSuchManifest(ref reference.Reference, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Reword(err, "no such manifest: %s", ref)
	}
	return err
}
