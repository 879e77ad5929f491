package store

import (
	"cmp"
	"context"
	"flag"
	"slices"
	"strings"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
)

// imagesCommand is images and its flags.
type imagesCommand struct {
	digests, noTrunc, quiet bool
	format                  string
	filter                  imageFilter
}

// ImageList is what images --json prints.
type ImageList struct {
	cli.Outcome
	Images []ImageRow `json:"images"`
}

// ImageRow is one image of the local store.
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
platforms together; content that several images share counts for each of them. REPOSITORY[:TAG] may be a shell
pattern in quotes. Images without a tag are always listed.

--format is docker's: json for a line of JSON for each image, a Go template, or table and a template. The fields are
.ID, .Repository, .Tag, .Digest, .CreatedSince, .CreatedAt, .Size, .Platforms, .Containers, .SharedSize and
.UniqueSize (the last three are N/A), the functions json, split, join, title, lower, upper, pad and truncate. Of an image
for several platforms CREATED is that of the image for this machine.

--filter KEY=VALUE is docker's too. KEY is reference (a pattern of names), dangling (true: without a tag), label or
label! (KEY or KEY=VALUE), before or since (an image), or until (24h, a date or a Unix time). Of several filters all must
hold, of several references one.`,
		Example: `transship images
transship images --json hczjl/halo
transship images --format json --filter dangling=true`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &imagesCommand{}
			fs.BoolVar(&c.digests, "digests", false, "show digests")
			fs.BoolVar(&c.noTrunc, "no-trunc", false, "show full ids")
			fs.BoolVar(&c.quiet, "quiet", false, "print only ids")
			cli.Alias(fs, "q", "quiet")
			fs.Bool("all", false, "list images without a tag too, which images always does")
			cli.Alias(fs, "a", "all")
			fs.StringVar(&c.format, "format", "", "print json, table TEMPLATE or `TEMPLATE`, as docker does")
			fs.Var(&c.filter, "filter", "list only images for which `KEY=VALUE` holds; may be repeated")
			cli.Alias(fs, "f", "filter")
			r.NoEffectFlag(fs, "tree", "the column PLATFORMS has what docker's tree shows")
			r.JSONFlag(fs)
			return c.run
		},
	}
}

func (c *imagesCommand) run(ctx context.Context, r *run.Run, args []string) error {
	format, err := c.template(r.JSON)
	if err != nil {
		return err
	}
	selects := func(layout.Root) bool { return true }
	if len(args) > 0 {
		if selects, err = c.rootFilter(args[0]); err != nil {
			return err
		}
	}
	dir, err := readStore(r.Env)
	if err != nil {
		return err
	}
	now := time.Now()
	if err := c.filter.resolve(ctx, dir, now); err != nil {
		return err
	}
	l := &imageLister{run: r, dir: dir, filter: &c.filter}
	l.configs = c.filter.needsConfig() || format.Mentions("CreatedAt", "CreatedSince")
	listed, err := l.list(ctx, selects)
	if err != nil {
		return err
	}
	document := &ImageList{Images: []ImageRow{}}
	r.SetDocument(document)
	for _, im := range listed {
		document.Images = append(document.Images, im.ImageRow)
	}
	var rows []any
	for _, im := range listed {
		rows = append(rows, c.formatted(im, now))
	}
	return format.Write(r.Stdout, imageTitles(), rows)
}

// rootFilter parses a repository, an image name or a pattern, and returns a function that reports
// whether an entry belongs to it.
func (c *imagesCommand) rootFilter(arg string) (func(layout.Root) bool, error) {
	if strings.ContainsAny(arg, "*?[") {
		var pattern imageFilter
		if err := pattern.Set("reference=" + arg); err != nil {
			return nil, &cli.UsageError{Message: err.Error()}
		}
		return pattern.matchesName, nil
	}
	if repository, err := reference.ParseRepository(arg); err == nil {
		return func(r layout.Root) bool { return r.Repository == repository.Name() }, nil
	}
	ref, err := reference.Parse(arg)
	return func(r layout.Root) bool {
		return r.Repository == ref.Name() && (ref.Tag == "" || r.Tag == ref.Tag) &&
			(ref.Digest == "" || r.Digest == ref.Digest)
	}, err
}

// listedImage is a row and what the image's config says.
type listedImage struct {
	ImageRow
	config   storedConfig // the zero value unless it is needed
	nameless bool         // index.json names no repository
}

// imageLister lists the images of a store.
type imageLister struct {
	run     *run.Run
	dir     *layout.Dir // nil for a store that is not there
	filter  *imageFilter
	configs bool // read the images' configs
}

// list returns the selected images, sorted by repository, tag and digest. An image that is damaged
// or incomplete gets a warning and a row without platforms or size.
func (l *imageLister) list(ctx context.Context, selects func(layout.Root) bool) ([]listedImage, error) {
	var out []listedImage
	if l.dir == nil {
		return out, nil
	}
	roots, err := l.dir.Roots()
	if err != nil {
		return nil, err
	}
	for _, root := range roots {
		if !selects(root) || !l.filter.matchesName(root) {
			continue
		}
		row, err := l.row(ctx, root)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			l.run.Note("warning: %s: %s", rootName(root), cli.OneLine(err.Error()))
		}
		if l.filter.matchesConfig(row.config) {
			out = append(out, row)
		}
	}
	slices.SortFunc(out, func(a, b listedImage) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Tag, b.Tag),
			cmp.Compare(a.Digest, b.Digest))
	})
	return out, nil
}

// isNameless reports whether an entry is an image without a tag in no repository, as load leaves one
// that has no name.
func isNameless(dir *layout.Dir, root layout.Root) bool {
	_, unnamed := dir.Unnamed().Place()
	return root.Repository == unnamed && root.Tag == ""
}

// row returns an entry of the store as a row.
func (l *imageLister) row(ctx context.Context, root layout.Root) (listedImage, error) {
	row := listedImage{ImageRow: ImageRow{Repository: root.Repository, Tag: root.Tag, Digest: root.Digest,
		MediaType: root.MediaType, Platforms: []string{}}, nameless: isNameless(l.dir, root)}
	repo := l.dir.Repository(root.Repository)
	err := row.measure(ctx, repo)
	if err == nil && l.configs {
		row.config, err = readConfig(ctx, repo, root.Digest)
	}
	return row, err
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

// familiar returns the repository's short name.
func (r ImageRow) familiar() string {
	if ref, err := reference.ParseRepository(r.Repository); err == nil {
		return ref.FamiliarName()
	}
	return r.Repository
}
