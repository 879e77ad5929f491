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

// The manifest commands are docker's, with its arguments, flags, messages and store on disk (docker/cli,
// cli/command/manifest), so that a list begun with one can be finished with the other. Where docker gives up (a list as
// a child, another registry, a newer architecture) they go on, and say so on standard error.

// listStore opens the local lists where docker keeps them.
func listStore(env func(string) string) (liststore.Store, error) {
	dir := run.DockerConfigDir(env)
	if dir == "" {
		return liststore.Store{}, errors.New("no folder for local lists: set HOME or DOCKER_CONFIG")
	}
	return liststore.Store{Root: filepath.Join(dir, "manifests")}, nil
}

// manifestRemote registers the flags of a manifest command that talks to registries.
func manifestRemote(r *run.Run, fs *flag.FlagSet) *run.Remote {
	s := r.RemoteFlags(fs, "", "the registry")
	s.DockerInsecure = true
	r.CommonFlags(fs)
	return s
}

// pullFrom returns the repository of an image that a list names.
func pullFrom(ctx context.Context, s *run.Remote, ref reference.Reference) (*distribution.Repository, error) {
	return s.ForHost(ref.Host()).Repository(ctx, ref, auth.Pull)
}

// parseAll reads references.
func parseAll(args []string) ([]reference.Reference, error) {
	refs := make([]reference.Reference, len(args))
	for i, arg := range args {
		var err error
		if refs[i], err = reference.Parse(arg); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// noSuchManifest says in docker's words that a registry has no such image.
func noSuchManifest(ref reference.Reference, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Reword(err, "no such manifest: %s", ref)
	}
	return err
}
