package store

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// Tag returns the command tag.
func Tag() run.Command {
	return run.Command{
		Name: "tag", Args: "SRC NEW", Min: 2, Max: 2,
		Aliases: []string{"image tag"},
		Short:   "give an image of the local store another name",
		Long: `SRC is a name, a name with a digest, or the id that transship images shows, or enough digits of it. The
digest of an image's config is accepted as its id too. Prints nothing.`,
		Example: `transship tag halohub/halo:1.6 registry.example.com/hczjl/halo:1.6
transship tag 668f4ec33f09 hczjl/halo:amd64`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			r.JSONFlag(fs)
			return tagImage
		},
	}
}

// TagDocument is what tag --json prints: the new name and what it names.
type TagDocument struct {
	cli.Outcome
	Reference string      `json:"reference"`
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
}

func tagImage(ctx context.Context, r *run.Run, args []string) error {
	as, err := cli.ParseReference(args[1])
	if err != nil {
		return err
	}
	if as.Digest != "" {
		return &cli.UsageError{
			Message: "the new name has a digest",
			Advice:  "give it a tag; the digest does not change",
		}
	}
	dir, release, err := holdStore(r.Env)
	if err != nil {
		return err
	}
	defer release()
	found, err := findImages(ctx, dir, args[0])
	if err != nil {
		return hintTagsOfRegistry(args, err)
	}
	src := dir.Repository(found[0].root.Repository)
	dst := image.LayoutTarget{Repository: dir.Repository(as.Name())}
	d, err := new(transfer.Engine).Copy(ctx, src, string(found[0].descriptor().Digest), dst, as.Tag)
	if err != nil {
		return err
	}
	as.Digest = d.Digest
	r.SetDocument(&TagDocument{
		Reference: as.String(), MediaType: d.MediaType, Digest: d.Digest, Size: d.Size,
	})
	return nil
}

// hintTagsOfRegistry names our command if the arguments are those of regctl tag ls or tag rm, or of
// crane tag, whose second one is a tag alone.
func hintTagsOfRegistry(args []string, err error) error {
	switch args[0] {
	case "ls", "list":
		return cli.WithHint(err, "transship tags "+args[1]+" lists the tags of a repository")
	case "rm", "del", "delete":
		return cli.WithHint(err, "transship delete "+args[1]+" deletes a tag on its registry")
	}
	ref, parseErr := reference.Parse(args[0])
	if parseErr == nil && reference.ValidTag(args[1]) && strings.HasPrefix(args[0], ref.Domain) {
		return cli.WithHint(err, fmt.Sprintf("on its registry: transship copy %s %s", args[0], ref.WithTag(args[1]).Familiar()))
	}
	return err
}
