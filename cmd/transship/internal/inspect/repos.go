package inspect

import (
	"context"
	"flag"
	"io/fs"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/reference"
)

// reposCommand is repos and its flags.
type reposCommand struct {
	registry *run.Remote
	fullRef  bool
	limit    cli.Count
}

// Repos returns the command repos.
func Repos() run.Command {
	return run.Command{
		Name: "repos", Args: "HOST[/PREFIX]", Min: 1, Max: 1,
		Short: "list the repositories of a registry, one per line",
		Long: `With PREFIX it lists the repository of that name and those below it: HOST/team lists team and team/app, but not
teams/app. The order is the registry's. Names are printed as they come, however many there are. --json prints
{"registry": HOST, "repositories": [NAME, ...], "ok": true}; if the list fails midway, it ends with "ok": false.

The list is that of /v2/_catalog. Docker Hub and ghcr.io have none for their users, and others list what the account
may see, or list to administrators only. The exit code is 3 if the registry refuses the list, and 4 if it has none or no
repository is below PREFIX.`,
		Example: `transship repos registry.example.com
transship repos --full-ref registry.example.com/team > repositories.txt`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &reposCommand{registry: registryFlags(fs, r)}
			r.JSONFlag(fs)
			fs.BoolVar(&c.fullRef, "full-ref", false, "print names with the registry's host, as other commands take them")
			fs.Var(&c.limit, "limit", "print only the first `N` repositories (default all)")
			return c.run
		},
	}
}

func (c *reposCommand) run(ctx context.Context, r *run.Run, args []string) error {
	registry, prefix, err := cli.ParseNamespace(args[0])
	if err != nil {
		return err
	}
	client, err := c.registry.Client(ctx, registry)
	if err != nil {
		return err
	}
	c.registry.DeniedHint = image.NoCatalogHint(registry.Domain, prefix)
	out := &listing{
		out: r.Stdout, asJSON: r.JSON, of: jsonMember{"registry", registry.Domain}, member: "repositories",
	}
	r.StreamDocument(out)
	if c.fullRef {
		out.prefix = registry.Domain + "/"
	}
	invalid, err := c.list(ctx, client, prefix, out)
	if err != nil {
		return image.CatalogError(err, registry.Domain, c.registry.DeniedHint)
	}
	if invalid > 0 {
		r.Note("warning: %s lists %d repositor%s without a valid name, which %s left out", registry.Domain, invalid,
			pick(invalid, "y", "ies"), pick(invalid, "is", "are"))
	}
	switch {
	case out.n == 0 && prefix != "":
		return cli.WithHint(cli.Reword(fs.ErrNotExist, "%s lists no repository %s and none below it", registry.Domain, prefix),
			"transship repos "+registry.Domain+" lists all that this account may see")
	case out.n == 0:
		r.Note("%s lists no repositories; it may list only those that an account has access to", registry.Domain)
	}
	return nil
}

// list prints the repositories below a prefix, and returns how many names are not valid.
func (c *reposCommand) list(
	ctx context.Context, client *distribution.Client, prefix string, out *listing,
) (invalid int, err error) {
	for name, err := range client.Catalog(ctx, distribution.Page{}) {
		if err != nil {
			return invalid, err
		}
		if !reference.ValidPath(name) {
			invalid++
			continue
		}
		if !isBelow(name, prefix) {
			continue
		}
		if err := out.add(name); err != nil {
			return invalid, err
		}
		if out.n == int(c.limit) {
			break
		}
	}
	return invalid, nil
}

// isBelow reports whether a repository is the one of that prefix or below it. All are below "".
func isBelow(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && (prefix == "" || rest == "" || rest[0] == '/')
}

// pick returns the word for one thing or for several.
func pick(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}
