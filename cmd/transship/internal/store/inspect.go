package store

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"io"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// inspectCommand is image inspect and its flags.
type inspectCommand struct {
	format    string
	platforms cli.PlatformList
}

// InspectedImage is an image of the store as image inspect prints it: docker's fields (moby,
// image.InspectResponse), without those that only an engine can fill.
type InspectedImage struct {
	Id           string // the digest of the manifest or index, or of the image that --platform names
	RepoTags     []string
	RepoDigests  []string
	Comment      string `json:",omitempty"`
	Created      string `json:",omitempty"`
	Author       string `json:",omitempty"`
	Config       *runConfig
	Architecture string
	Variant      string `json:",omitempty"`
	Os           string
	OsVersion    string `json:",omitempty"`
	Size         int64  // bytes as transferred, of all platforms unless --platform names one
	RootFS       inspectedRootFS
	Descriptor   inspectedDescriptor
}

type inspectedRootFS struct {
	Type   string
	Layers []blob.Digest `json:",omitempty"`
}

type inspectedDescriptor struct {
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
}

// Inspect returns the command image inspect.
func Inspect() run.Command {
	return run.Command{
		Name: "image inspect", Args: "REF|ID [REF|ID...]", Min: 1, Max: -1,
		Short: "show images of the local store as docker image inspect does",
		Long: `It prints a JSON document with docker's fields. Of an image for several platforms they are those of the image for
this machine, or else of the first, and Size is that of all, unless --platform names one. transship inspect shows images
of registries and files.`,
		Example: `transship image inspect hczjl/halo:1.6
transship image inspect --format '{{.Os}}/{{.Architecture}}' hczjl/halo:1.6`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &inspectCommand{}
			fs.StringVar(&c.format, "format", "", "print json or a Go `TEMPLATE` for each image, as docker does")
			cli.Alias(fs, "f", "format")
			fs.Var(&c.platforms, "platform", "show the image for this `platform`, such as linux/arm64")
			return c.run
		},
	}
}

func (c *inspectCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if len(c.platforms) > 1 {
		return &cli.UsageError{Message: "--platform takes one platform here"}
	}
	var format cli.Template
	if c.format != "" {
		var err error
		if format, err = cli.ParseTemplate(c.format, InspectedImage{Config: &runConfig{}}); err != nil {
			return err
		}
	}
	dir, err := readStore(r.Env)
	if err != nil {
		return err
	}
	if dir == nil {
		return &noImageError{args[0]}
	}
	defer dir.HoldForReading()()
	var found []any
	failed := cli.EachArg(ctx, r.Streams, args, func(ctx context.Context, arg string) error {
		im, err := c.inspect(ctx, dir, arg)
		if err == nil {
			found = append(found, im)
		}
		return err
	})
	switch {
	case len(found) == 0:
		return failed
	case c.format != "":
		err = format.Write(r.Stdout, InspectedImage{}, found)
	default:
		err = printInspected(r.Stdout, found)
	}
	return cmp.Or(failed, err)
}

// printInspected prints the document that docker prints, indented as docker's is.
func printInspected(out io.Writer, found []any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(found)
}

// inspect returns what there is to say of an image.
func (c *inspectCommand) inspect(ctx context.Context, dir *layout.Dir, arg string) (InspectedImage, error) {
	found, err := findImages(ctx, dir, arg)
	if err != nil {
		return InspectedImage{}, err
	}
	src := dir.Repository(found[0].root.Repository)
	m, err := src.Manifest(ctx, string(found[0].descriptor().Digest))
	if err != nil {
		return InspectedImage{}, err
	}
	im := InspectedImage{}
	if im.RepoTags, im.RepoDigests, err = names(dir, m.Digest); err != nil {
		return im, err
	}
	chosen, err := c.choose(ctx, src, m)
	if err == nil && len(c.platforms) > 0 {
		m = chosen
	}
	if err != nil {
		return im, err
	}
	config, err := configOf(ctx, src, chosen)
	if err != nil {
		return im, err
	}
	size, err := image.Measure(ctx, new(transfer.Engine), src, string(m.Digest))
	if err != nil {
		return im, err
	}
	im.Id, im.Size = string(m.Digest), size.Size
	im.Descriptor = inspectedDescriptor{m.MediaType, m.Digest, m.Descriptor.Size}
	im.setConfig(config)
	return im, nil
}

// choose returns the image whose config is shown.
func (c *inspectCommand) choose(ctx context.Context, src *layout.Repository, m manifest.Manifest) (manifest.Manifest, error) {
	if len(c.platforms) > 0 {
		return image.ChoosePlatform(ctx, src, m, c.platforms[0])
	}
	return image.ChooseForHost(ctx, src, m)
}

// setConfig sets what the image's config says.
func (i *InspectedImage) setConfig(config storedConfig) {
	i.Created, i.Author, i.Config = config.Created, config.Author, cmp.Or(config.Run, &runConfig{})
	i.Architecture, i.Variant, i.Os, i.OsVersion = config.Architecture, config.Variant, config.OS, config.OSVersion
	i.RootFS = inspectedRootFS{config.RootFS.Type, config.RootFS.DiffIDs}
	if n := len(config.History); n > 0 {
		i.Comment = config.History[n-1].Comment
	}
}

// names returns the short names that the store has of an image, with tags and with its digest.
func names(dir *layout.Dir, d blob.Digest) (tags, digests []string, err error) {
	roots, err := dir.Roots()
	tags, digests = []string{}, []string{}
	for _, r := range roots {
		if r.Digest != d || isNameless(dir, r) {
			continue
		}
		if r.Tag != "" {
			tags = append(tags, rootName(r))
		}
		r.Tag = ""
		if name := rootName(r); !slices.Contains(digests, name) {
			digests = append(digests, name)
		}
	}
	slices.Sort(tags)
	slices.Sort(digests)
	return tags, digests, err
}
