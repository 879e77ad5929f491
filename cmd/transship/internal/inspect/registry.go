package inspect

import (
	"flag"

	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// registryFlags registers the flags that the commands of this package share.
func registryFlags(fs *flag.FlagSet, r *run.Run) *run.Remote {
	remote := r.RemoteFlags(fs, "", "the registry")
	r.CommonFlags(fs)
	return remote
}
