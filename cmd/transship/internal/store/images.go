package store

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// imagesCommand is images and its flags.
type imagesCommand struct{ digests, noTrunc, quiet, asJSON bool }

// ImageRow is one image of the local store, as images --json prints it.
type ImageRow struct {
	Repository string      `json:"repository"` // normalised
	Tag        string      `json:"tag,omitempty"`
	Digest     blob.Digest `json:"digest"`
	MediaType  string      `json:"mediaType"`
	Platforms  []string    `json:"platforms"`
	Size       int64       `json:"size"` // bytes of manifests, configs and layers as transferred, each once
}

// Images returns the command images.
func Images() run.Command {
	return run.Command{
		Name: "images", Args: "[REPOSITORY[:TAG]]", Min: 0, Max: 1,
		Aliases: []string{"image ls", "image list"},
		Short:   "list the images of the local store",
		Long: `IMAGE ID is the digest of the image's manifest, or of its index. SIZE is the compressed size of all
platforms together; content that several images share counts for each of them.`,
		Example: `transship images
transship images --json hczjl/halo`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &imagesCommand{}
			fs.BoolVar(&c.digests, "digests", false, "show digests")
			fs.BoolVar(&c.noTrunc, "no-trunc", false, "show full ids")
			fs.BoolVar(&c.quiet, "quiet", false, "print only ids")
			cli.Alias(fs, "q", "quiet")
			fs.BoolVar(&c.asJSON, "json", false, "print JSON for scripts")
			return c.run
		},
	}
}

func (c *imagesCommand) run(ctx context.Context, r *run.Run, args []string) error {
	selects := func(layout.Root) bool { return true }
	if len(args) > 0 {
		var err error
		if selects, err = rootFilter(args[0]); err != nil {
			return err
		}
	}
	dir, err := readStore(r.Env)
	if err != nil {
		return err
	}
	rows, err := imageRows(ctx, r, dir, selects)
	switch {
	case err != nil:
		return err
	case c.asJSON:
		return cli.PrintJSON(r.Stdout, rows)
	case c.quiet:
		for _, row := range rows {
			fmt.Fprintln(r.Stdout, c.id(row))
		}
		return nil
	}
	return c.table(r.Stdout, rows)
}

// rootFilter parses a repository or an image name, and returns a function that reports whether an
// entry belongs to it.
func rootFilter(arg string) (func(layout.Root) bool, error) {
	if repository, err := reference.ParseRepository(arg); err == nil {
		return func(r layout.Root) bool { return r.Repository == repository.Name() }, nil
	}
	ref, err := reference.Parse(arg)
	return func(r layout.Root) bool {
		return r.Repository == ref.Name() && (ref.Tag == "" || r.Tag == ref.Tag) &&
			(ref.Digest == "" || r.Digest == ref.Digest)
	}, err
}

// imageRows returns the selected images of a store, which may be nil, sorted by repository, tag and
// digest. An image that is damaged or incomplete gets a warning and a row without platforms or size.
func imageRows(ctx context.Context, r *run.Run, dir *layout.Dir, selects func(layout.Root) bool) ([]ImageRow, error) {
	rows := []ImageRow{}
	if dir == nil {
		return rows, nil
	}
	roots, err := dir.Roots()
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		if !selects(root) {
			continue
		}
		row := ImageRow{Repository: root.Repository, Tag: root.Tag, Digest: root.Digest,
			MediaType: root.MediaType, Platforms: []string{}}
		if err := row.measure(ctx, dir.Repository(root.Repository)); ctx.Err() != nil {
			return nil, context.Cause(ctx)
		} else if err != nil {
			r.Note("warning: %s: %s", rootName(root), cli.OneLine(err.Error()))
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b ImageRow) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Tag, b.Tag),
			cmp.Compare(a.Digest, b.Digest))
	})
	return rows, nil
}

// measure sets the platforms and the size.
func (r *ImageRow) measure(ctx context.Context, repo *layout.Repository) error {
	m, err := image.Measure(ctx, new(transfer.Engine), repo, string(r.Digest))
	if err == nil {
		r.Platforms, r.Size = m.Platforms, m.Size
	}
	return err
}

// id returns the image's id as docker shows it: twelve digits, or with --no-trunc the whole digest.
func (c *imagesCommand) id(r ImageRow) string {
	if c.noTrunc {
		return string(r.Digest)
	}
	_, digits, _ := strings.Cut(r.Digest.Short(), ":")
	return digits
}

func (c *imagesCommand) table(out io.Writer, rows []ImageRow) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	digest := func(s string) string {
		if !c.digests {
			return ""
		}
		return s + "\t"
	}
	fmt.Fprintf(w, "REPOSITORY\tTAG\t%sIMAGE ID\tPLATFORMS\tSIZE\n", digest("DIGEST"))
	for _, r := range rows {
		platforms, size := cmp.Or(strings.Join(r.Platforms, ","), "-"), "-"
		if r.Size > 0 {
			size = cli.FormatBytes(r.Size)
		}
		fmt.Fprintf(w, "%s\t%s\t%s%s\t%s\t%s\n",
			r.familiar(), cmp.Or(r.Tag, "<none>"), digest(string(r.Digest)), c.id(r), platforms, size)
	}
	return w.Flush()
}

// familiar returns the repository's short name.
func (r ImageRow) familiar() string {
	if ref, err := reference.ParseRepository(r.Repository); err == nil {
		return ref.FamiliarName()
	}
	return r.Repository
}
