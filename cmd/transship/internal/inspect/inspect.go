package inspect

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// Inspection is what inspect --json prints.
type Inspection struct {
	Reference string      `json:"reference"`
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"` // bytes of the manifest
	Images    []imageInfo `json:"images"`
}

// imageInfo is one image of an index, or the only one.
type imageInfo struct {
	Platform    string      `json:"platform,omitempty"`
	Attests     blob.Digest `json:"attests,omitempty"` // the image that an attestation manifest is about
	MediaType   string      `json:"mediaType"`
	Digest      blob.Digest `json:"digest"`
	ContentSize int64       `json:"contentSize"` // bytes of config and layers as transferred, mostly compressed
	Layers      []layerInfo `json:"layers"`
	Incomplete  bool        `json:"incomplete,omitempty"` // the source does not have all of it

	isBlob bool // the entry is no manifest
}

type layerInfo struct {
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
}

// inspectCommand is inspect and its flags.
type inspectCommand struct {
	registry    *run.Remote
	raw, asJSON bool
}

// Inspect returns the command inspect.
func Inspect() run.Command {
	return run.Command{
		Name: "inspect", Args: "REF|FILE|DIR", Min: 1, Max: 1,
		Short: "show an image's platforms, digests, sizes and layers, or a file's images",
		Long: `REF is anything that copy takes as SRC, such as oci:DIR:IMAGE or oci-archive:FILE. A platform is marked as incomplete
if a folder or tar does not have all of it.
Of a FILE (a bundle, its first volume FILE.001, its inventory FILE.json, another tar, - for one on standard input) or
of a DIR with an OCI image layout, the images are listed: platforms, size, and what a differential bundle leaves to an
earlier one. FILE and DIR must be unmistakable: DIR/ and ./DIR are folders, DIR alone is an image of Docker Hub.`,
		Example: `transship inspect alpine:3.20
transship inspect --raw alpine:3.20 | sha256sum
transship inspect monday.tar
transship inspect oci-archive:monday.tar:alpine:3.20`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &inspectCommand{registry: registryFlags(fs, r)}
			fs.BoolVar(&c.raw, "raw", false, "print only the manifest, byte for byte")
			fs.BoolVar(&c.asJSON, "json", false, "print JSON for scripts")
			return c.run
		},
	}
}

func (c *inspectCommand) run(ctx context.Context, r *run.Run, args []string) error {
	arg := args[0]
	if namesFile(arg) {
		if !c.oneImage() {
			return c.file(ctx, r, arg)
		}
		arg = withTransport(arg)
	}
	l, err := image.ParseLocation(arg)
	if err != nil {
		return err
	}
	o, err := (&image.Opener{Run: r}).Origin(ctx, c.registry, l)
	if severalImages(l, err) && !c.oneImage() {
		return c.file(ctx, r, arg)
	}
	if err != nil {
		return err
	}
	defer o.Close()
	name := l.String()
	if l.IsRegistry() {
		name = l.Ref.String()
	}
	return c.image(ctx, r, o, name)
}

// oneImage reports whether a flag needs one image, and no list of several.
func (c *inspectCommand) oneImage() bool { return c.raw }

// file prints the images of a file or folder.
func (c *inspectCommand) file(ctx context.Context, r *run.Run, arg string) error {
	found, err := inspectFile(ctx, r, arg)
	switch {
	case err != nil:
		return err
	case c.asJSON:
		return cli.PrintJSON(r.Stdout, found)
	}
	return found.table(r.Stdout)
}

// image prints one image.
func (c *inspectCommand) image(ctx context.Context, r *run.Run, o image.Origin, name string) error {
	m, err := o.Manifest(ctx, o.Ref)
	if err != nil {
		return err
	}
	if c.raw {
		_, err := r.Stdout.Write(m.Raw)
		return err
	}
	found, err := inspect(ctx, o.Source, m)
	if err != nil {
		return err
	}
	found.Reference = name
	if c.asJSON {
		return cli.PrintJSON(r.Stdout, found)
	}
	return found.table(r.Stdout)
}

// inspect fetches what the report needs: an index's manifests in parallel, or a single image's
// config.
func inspect(ctx context.Context, src transfer.Source, m manifest.Manifest) (Inspection, error) {
	found := Inspection{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size}
	if !manifest.IsIndex(m.MediaType) {
		info, err := infoOf(m)
		if err != nil {
			return found, err
		}
		if p, err := transfer.ImagePlatform(ctx, src, m); err == nil && p.OS != "" {
			info.Platform = p.String()
		}
		found.Images = []imageInfo{info}
		return found, nil
	}
	ix, err := m.Index()
	if err != nil {
		return found, err
	}
	found.Images = make([]imageInfo, len(ix.Manifests))
	group, inGroup := errgroup.WithContext(ctx)
	group.SetLimit(run.ManifestJobs)
	for i, d := range ix.Manifests {
		group.Go(func() (err error) {
			found.Images[i], err = inspectEntry(inGroup, src, d)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return found, err
	}
	found.markIncomplete(ctx, src)
	return found, nil
}

// markIncomplete marks the entries of which a folder or tar does not have all.
func (f *Inspection) markIncomplete(ctx context.Context, src transfer.Source) {
	if _, local := src.(transfer.Inventoried); !local {
		return
	}
	var incomplete *transfer.IncompleteError
	if !errors.As(new(transfer.Engine).Incomplete(ctx, src, string(f.Digest)), &incomplete) {
		return
	}
	for i, info := range f.Images {
		isInfo := func(d manifest.Descriptor) bool { return d.Digest == info.Digest }
		f.Images[i].Incomplete = slices.ContainsFunc(incomplete.Missing, isInfo)
	}
}

// inspectEntry fetches the manifest of an index's entry. The platform is the one that the entry
// says.
func inspectEntry(ctx context.Context, src transfer.Source, d manifest.Descriptor) (imageInfo, error) {
	if manifest.IsBlob(d.MediaType) {
		return infoOfBlob(d), nil
	}
	m, err := src.Manifest(ctx, string(d.Digest))
	info := imageInfo{MediaType: d.MediaType, Digest: d.Digest, Layers: []layerInfo{}}
	switch _, local := src.(transfer.Inventoried); {
	case err == nil:
		info, err = infoOf(m)
	case d.MayBeBlob(err):
		return infoOfBlob(d), nil
	case local && errors.Is(err, fs.ErrNotExist):
		err = nil // markIncomplete marks it
	}
	info.Attests = d.AttestationFor()
	if d.Platform != nil {
		info.Platform = d.Platform.String()
	}
	return info, err
}

// infoOfBlob returns what an index says of a blob that it lists, as that of a BuildKit cache does.
func infoOfBlob(d manifest.Descriptor) imageInfo {
	return imageInfo{MediaType: d.MediaType, Digest: d.Digest, ContentSize: d.Size, Layers: []layerInfo{}, isBlob: true}
}

// infoOf returns what the manifest alone says. An index in an index has no layers.
func infoOf(m manifest.Manifest) (imageInfo, error) {
	info := imageInfo{MediaType: m.MediaType, Digest: m.Digest, Layers: []layerInfo{}}
	refs, err := m.References()
	if err != nil || manifest.IsIndex(m.MediaType) {
		return info, err
	}
	im, err := m.Image()
	info.ContentSize = im.Size()
	if im.Config != nil {
		refs = refs[1:]
	}
	for _, d := range refs {
		info.Layers = append(info.Layers, layerInfo{d.MediaType, d.Digest, d.Size})
	}
	return info, err
}

// table prints the report for people.
func (f Inspection) table(out io.Writer) error {
	fmt.Fprintf(out, "Name:       %s\nMediaType:  %s\nDigest:     %s\n\n", f.Reference, f.MediaType, f.Digest)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PLATFORM\tDIGEST\tSIZE\tLAYERS")
	for _, info := range f.Images {
		size, layers := cli.FormatBytes(info.ContentSize), strconv.Itoa(len(info.Layers))
		switch {
		case manifest.IsIndex(info.MediaType), info.Incomplete:
			size, layers = "-", "-"
		case info.isBlob:
			layers = "-"
		}
		title := info.title()
		if info.Incomplete {
			title += " (incomplete)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", title, info.Digest, size, layers)
	}
	return w.Flush()
}

// title returns what the PLATFORM column has.
func (i imageInfo) title() string {
	switch {
	case i.Attests != "":
		return "attestation of " + i.Attests.Short()
	case manifest.IsIndex(i.MediaType):
		return "index"
	case i.isBlob:
		return "blob"
	case i.Platform == "":
		return "-"
	}
	return i.Platform
}
