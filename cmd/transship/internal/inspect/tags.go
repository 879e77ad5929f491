package inspect

import (
	"context"
	"fmt"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// Tags returns the command tags.
func Tags() run.Command {
	return onRepository(run.Command{
		Name: "tags", Args: "REPOSITORY",
		Short:   "list the tags of a repository, one per line",
		Example: "transship tags halohub/halo",
	}, cli.ParseRepository, printTags)
}

func printTags(ctx context.Context, r *run.Run, repo *distribution.Repository, _ reference.Reference) error {
	for tag, err := range repo.TagNames(ctx) {
		if err != nil {
			return err
		}
		fmt.Fprintln(r.Stdout, tag)
	}
	return nil
}
