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
	cli.Outcome
	Reference string      `json:"reference"`
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"` // bytes of the manifest
	Images    []imageInfo `json:"images"`
	documentInfo
	Referrers []referrerInfo `json:"referrers,omitempty"` // with --referrers: what refers to it, by type
}

// imageInfo is one image of an index, or the only one.
type imageInfo struct {
	Platform    *manifest.Platform `json:"platform,omitempty"`
	Attests     blob.Digest        `json:"attests,omitempty"` // the image that an attestation manifest is about
	MediaType   string             `json:"mediaType"`
	Digest      blob.Digest        `json:"digest"`
	ContentSize int64              `json:"contentSize"` // bytes of config and layers as transferred, mostly compressed
	Layers      []layerInfo        `json:"layers"`
	Incomplete  bool               `json:"incomplete,omitempty"` // the source does not have all of it
	documentInfo
	configInfo
	Referrers []referrerInfo `json:"referrers,omitempty"` // of an image in an index, as in Inspection

	isBlob  bool // the entry is no manifest
	isImage bool // its config is that of an image
}

type layerInfo struct {
	MediaType string      `json:"mediaType"`
	Digest    blob.Digest `json:"digest"`
	Size      int64       `json:"size"`
	CreatedBy string      `json:"createdBy,omitempty"` // the command that made it
}

// inspectCommand is inspect and its flags.
type inspectCommand struct {
	registry    *run.Remote
	raw, config bool
	referrers   bool
	platforms   cli.PlatformList
}

// Inspect returns the command inspect.
func Inspect() run.Command {
	return run.Command{
		Name: "inspect", Args: "REF|FILE|DIR", Min: 1, Max: 1,
		Short: "show an image's platforms and layers, or a file's images",
		Long: `REF is anything that copy takes as SRC, such as oci:DIR:IMAGE or oci-archive:FILE. A platform is marked as incomplete
if a folder or tar does not have all of it. Of a single image, and of the one for --platform, the layers and the
commands that made them are shown, entrypoint, environment, labels and annotations; --json has them for all.
Of a FILE (a bundle, its first volume FILE.001, its inventory FILE.json, another tar, - for one on standard input) or
of a DIR with an OCI image layout, the images are listed: platforms, size, and what a differential bundle leaves to an
earlier one. FILE and DIR must be unmistakable: DIR/ and ./DIR are folders, DIR alone is an image of Docker Hub.
As for copy, a NAME is on its registry: transship image inspect NAME shows an image of the local store.`,
		Example: `transship inspect alpine:3.20
transship inspect --raw alpine:3.20 | sha256sum
transship inspect --platform linux/arm64 alpine:3.20
transship inspect --config --platform linux/arm64 alpine:3.20
transship inspect --referrers registry.example.com/hczjl/halo:1.6
transship inspect monday.tar
transship inspect oci-archive:monday.tar:alpine:3.20`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &inspectCommand{registry: registryFlags(fs, r)}
			fs.BoolVar(&c.raw, "raw", false, "print only the manifest, byte for byte")
			fs.BoolVar(&c.config, "config", false, "print only the config of one image, byte for byte, also with --raw")
			fs.Var(&c.platforms, "platform", "show the image for this `platform` of an index, such as linux/arm64")
			fs.BoolVar(&c.referrers, "referrers", false,
				"print the tree of what refers to the image and to those of its index: signatures, SBOMs, attestations, by type")
			run.RefusedFlag(fs, "format", "TEMPLATE", "transship image inspect has it, for images of the local store; --json is for scripts")
			cli.Alias(fs, "f", "format")
			r.JSONFlag(fs)
			return c.run
		},
	}
}

func (c *inspectCommand) run(ctx context.Context, r *run.Run, args []string) error {
	if err := c.check(r.JSON); err != nil {
		return err
	}
	if namesFile(args[0]) && !c.oneImage() {
		return c.file(ctx, r, args[0])
	}
	arg, err := imageArgument(args[0])
	if err != nil {
		return err
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
	return c.image(ctx, r, o, referenceOf(l))
}

// referenceOf returns the image's name as JSON has it: on a registry the full one.
func referenceOf(l image.Location) string {
	if l.IsRegistry() {
		return l.Ref.String()
	}
	return l.String()
}

// check refuses flags that contradict each other.
func (c *inspectCommand) check(asJSON bool) error {
	switch {
	case asJSON && c.config, asJSON && c.raw:
		return &cli.UsageError{
			Message: "--json cannot be used with --raw or --config",
			Advice:  "--raw and --config print documents as they are, --json prints what they say",
		}
	case c.referrers && c.config, c.referrers && c.raw:
		return &cli.UsageError{Message: "--referrers cannot be used with --raw or --config"}
	}
	return checkPlatforms(c.platforms)
}

// oneImage reports whether a flag needs one image, and no list of several.
func (c *inspectCommand) oneImage() bool {
	return c.raw || c.config || c.referrers || len(c.platforms) > 0
}

// file prints the images of a file or folder.
func (c *inspectCommand) file(ctx context.Context, r *run.Run, arg string) error {
	found, err := inspectFile(ctx, r, arg)
	if err != nil {
		return err
	}
	r.SetDocument(&found)
	return found.table(r.Stdout)
}

// image prints one image.
func (c *inspectCommand) image(ctx context.Context, r *run.Run, o image.Origin, name string) error {
	m, err := o.Manifest(ctx, o.Ref)
	if err == nil && len(c.platforms) > 0 {
		m, err = image.ChoosePlatform(ctx, o.Source, m, c.platforms[0])
	}
	switch {
	case err != nil:
		return err
	case c.config:
		return printConfig(ctx, r, o.Source, m, name)
	case c.raw:
		_, err := r.Stdout.Write(m.Raw)
		return err
	}
	n := &inspector{run: r, src: o.Source, configs: r.JSON}
	found, err := n.inspect(ctx, m)
	if err == nil && c.referrers {
		err = n.addReferrers(ctx, &found)
	}
	if err != nil {
		return err
	}
	found.Reference = name
	r.SetDocument(&found)
	if c.referrers {
		return found.printReferrers(r)
	}
	return found.table(r.Stdout)
}

// inspector reads the manifests and configs of an image.
type inspector struct {
	run     *run.Run
	src     transfer.Source
	configs bool // also those of an index's images
}

// inspect fetches what the report needs: an index's manifests in parallel, or a single image's
// config.
func (n *inspector) inspect(ctx context.Context, m manifest.Manifest) (found Inspection, err error) {
	found = Inspection{MediaType: m.MediaType, Digest: m.Digest, Size: m.Size}
	if found.documentInfo, err = documentOf(m); err != nil {
		return found, err
	}
	if !manifest.IsIndex(m.MediaType) {
		info, err := infoOf(m)
		if err == nil {
			err = n.addConfig(ctx, &info, m)
		}
		found.Images = []imageInfo{info}
		return found, err
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
			found.Images[i], err = n.inspectEntry(inGroup, d)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return found, err
	}
	found.markIncomplete(ctx, n.src)
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
func (n *inspector) inspectEntry(ctx context.Context, d manifest.Descriptor) (imageInfo, error) {
	if manifest.IsBlob(d.MediaType) {
		return infoOfBlob(d), nil
	}
	m, err := n.src.Manifest(ctx, string(d.Digest))
	info := imageInfo{MediaType: d.MediaType, Digest: d.Digest, Layers: []layerInfo{}}
	if err == nil {
		info, err = infoOf(m)
		info.setEntry(d)
		if err == nil && n.configs && !manifest.IsIndex(m.MediaType) {
			err = n.addConfig(ctx, &info, m)
		}
		return info, err
	}
	if d.MayBeBlob(err) {
		return infoOfBlob(d), nil
	}
	if _, local := n.src.(transfer.Inventoried); local && errors.Is(err, fs.ErrNotExist) {
		err = nil // markIncomplete marks it
	}
	info.setEntry(d)
	return info, err
}

// setEntry sets what the entry of an index says.
func (i *imageInfo) setEntry(d manifest.Descriptor) {
	i.Attests = d.AttestationFor()
	if d.Platform != nil {
		i.Platform = d.Platform
	}
}

// infoOfBlob returns what an index says of a blob that it lists, as that of a BuildKit cache does.
func infoOfBlob(d manifest.Descriptor) imageInfo {
	return imageInfo{MediaType: d.MediaType, Digest: d.Digest, ContentSize: d.Size, Layers: []layerInfo{}, isBlob: true}
}

// infoOf returns what the manifest alone says. An index in an index has no layers.
func infoOf(m manifest.Manifest) (imageInfo, error) {
	info := imageInfo{MediaType: m.MediaType, Digest: m.Digest, Layers: []layerInfo{}}
	refs, err := m.References()
	if err == nil {
		info.documentInfo, err = documentOf(m)
	}
	if err != nil || manifest.IsIndex(m.MediaType) {
		return info, err
	}
	im, err := m.Image()
	info.ContentSize = im.Size()
	if im.Config != nil {
		info.isImage = im.Config.MediaType == manifest.MediaTypeOCIConfig || im.Config.MediaType == manifest.MediaTypeDockerConfig
		refs = refs[1:]
	}
	for _, d := range refs {
		info.Layers = append(info.Layers, layerInfo{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size})
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
	if err := w.Flush(); err != nil {
		return err
	}
	if !manifest.IsIndex(f.MediaType) {
		return f.Images[0].details(out)
	}
	return printFields(out, f.documentInfo.addTo)
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
	case i.Platform == nil:
		return "-"
	}
	return cli.OneLine(i.Platform.String())
}
