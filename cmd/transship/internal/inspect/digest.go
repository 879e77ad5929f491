package inspect

import (
	"context"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// Digest returns the command digest.
func Digest() run.Command {
	return onRepository(run.Command{
		Name: "digest", Args: "REF",
		Short:   "print the digest of a tag",
		Long:    "Sends one HEAD, which does not count against Docker Hub's pull limit.",
		Example: "transship digest alpine:3.20",
	}, cli.ParseReference, printDigest)
}

func printDigest(ctx context.Context, r *run.Run, repo *distribution.Repository, ref reference.Reference) error {
	d, err := repo.HeadManifest(ctx, ref.Identifier())
	if err != nil {
		return err
	}
	fmt.Fprintln(r.Stdout, d.Digest)
	return nil
}
