package inspect

import (
	"cmp"
	"context"
	"errors"
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

// FileInspection is what inspect --json prints of a bundle, another tar or a folder.
type FileInspection struct {
	cli.Outcome
	File     string          `json:"file"`
	BuildsOn string          `json:"buildsOn,omitempty"` // the earlier bundle that has what this one leaves out
	Volumes  []layout.Volume `json:"volumes,omitempty"`  // as FILE.json has them
	Images   []storedImage   `json:"images"`
}

// storedImage is one image of a file or folder.
type storedImage struct {
	Name       string      `json:"name,omitempty"` // normalised, or a tag alone
	MediaType  string      `json:"mediaType"`
	Digest     blob.Digest `json:"digest"`
	Platforms  []string    `json:"platforms"`
	Size       int64       `json:"size,omitempty"`   // bytes of manifests, configs and layers, each once; 0 if unknown
	InBase     int64       `json:"inBase,omitempty"` // bytes of them that only the bundle in buildsOn has
	Incomplete bool        `json:"incomplete,omitempty"`
}

// namesFile reports whether an argument without a transport is a whole file or folder beyond doubt.
func namesFile(arg string) bool {
	if _, digest := image.CutDigest(arg); digest != "" {
		return false
	}
	if arg == "-" || !image.IsRegistryRef(arg) || strings.HasPrefix(arg, image.TransportDocker) {
		return arg == "-"
	}
	folder, slash := strings.CutSuffix(arg, "/") // a host may have one too
	return cli.IsFile(arg) || slash && image.IsFolder(folder)
}

// imageArgument returns an argument that is to name one image: a file or folder gets its transport,
// so that it is the one image there, or that of a digest after it.
func imageArgument(arg string) (string, error) {
	path, _ := image.CutDigest(arg)
	switch {
	case arg == "-":
		return "", &cli.UsageError{
			Message: "of standard input only the list of images can be shown",
			Advice:  "write it to a file and name the image, as in oci-archive:FILE:IMAGE",
		}
	case !image.IsRegistryRef(arg) || !namesFile(path):
		return arg, nil
	case image.IsFolder(path):
		return image.TransportOCI + arg, nil
	}
	return image.TransportOCIArchive + arg, nil
}

// inspectFile lists the images of a bundle, another tar or a folder, with or without a transport,
// or of the inventory beside a bundle.
func inspectFile(ctx context.Context, r *run.Run, arg string) (FileInspection, error) {
	if bundle, isInventory := strings.CutSuffix(arg, ".json"); isInventory && image.IsRegistryRef(arg) {
		return inspectInventory(ctx, r, arg, bundle)
	}
	images, err := image.OpenLocal(ctx, r, arg)
	if err != nil {
		return FileInspection{}, err
	}
	defer images.Close()
	if len(images.Images) == 0 {
		return FileInspection{}, images.NoImages()
	}
	found := FileInspection{File: arg}
	var in layout.Inventory
	if images.Archive != nil {
		// Only a bundle has a base. What is wrong with another tar's manifests is said of its images.
		if in, err = images.Archive.Inventory(); err == nil && in.Base != nil {
			found.BuildsOn = in.Base.File
		}
	}
	for _, im := range images.Images {
		row := storedImage{Name: cmp.Or(im.Name, im.Tag()), MediaType: im.MediaType, Digest: im.Digest, Platforms: []string{}}
		if err := row.measure(ctx, im, &in); ctx.Err() != nil {
			return found, context.Cause(ctx)
		} else if err != nil {
			r.Note("warning: %s: %s", im.Image, cli.OneLine(err.Error()))
		}
		found.Images = append(found.Images, row)
	}
	slices.SortStableFunc(found.Images, func(a, b storedImage) int { // as in an inventory
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Digest, b.Digest))
	})
	return found, nil
}

// inspectInventory lists the images that FILE.json has. Their platforms and sizes are in the
// bundle, if that is beside it.
func inspectInventory(ctx context.Context, r *run.Run, path, bundle string) (FileInspection, error) {
	in, err := layout.ReadInventory(path)
	if err != nil {
		return FileInspection{}, err
	}
	found := FileInspection{Images: []storedImage{}}
	for _, im := range in.Images {
		found.Images = append(found.Images,
			storedImage{Name: im.Name, MediaType: im.MediaType, Digest: im.Digest, Platforms: []string{}})
	}
	if in.Base != nil {
		found.BuildsOn = in.Base.File
	}
	if archive, err := layout.OpenArchive(bundle); err == nil {
		archive.Close()
		if beside, err := inspectFile(ctx, r, bundle); err == nil && sameImages(beside.Images, found.Images) {
			found = beside
		}
	}
	found.File, found.Volumes = path, in.Volumes
	return found, nil
}

// sameImages reports whether two lists have the same digests in the same order.
func sameImages(a, b []storedImage) bool {
	return slices.EqualFunc(a, b, func(a, b storedImage) bool { return a.Digest == b.Digest })
}

// measure sets the platforms and sizes. Those of an incomplete image are of what is whole.
func (s *storedImage) measure(ctx context.Context, im image.LocalImage, in *layout.Inventory) error {
	m, err := image.Measure(ctx, new(transfer.Engine), im.Source, string(im.Digest))
	if cli.Has[*transfer.IncompleteError](err) {
		s.Incomplete = true
		m, err = image.Measure(ctx, &transfer.Engine{Available: true}, im.Source, string(im.Digest))
		if cli.Has[*transfer.IncompleteError](err) {
			return nil // nothing of it is whole
		}
	}
	if err != nil {
		return err
	}
	s.Platforms, s.Size = m.Platforms, m.Size
	for _, d := range m.Blobs {
		if c, listed := in.Find(d.Digest); listed && c.InBase {
			s.InBase += c.Size
		}
	}
	return nil
}

// table prints the report for people.
func (f FileInspection) table(out io.Writer) error {
	fmt.Fprintf(out, "Name:       %s\n", f.File)
	buildsOn := func(string) string { return "" }
	if f.BuildsOn != "" {
		fmt.Fprintf(out, "Builds on:  %s\n", cli.OneLine(f.BuildsOn))
		buildsOn = func(text string) string { return "\t" + text }
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "IMAGE\tDIGEST\tPLATFORMS\tSIZE%s\n", buildsOn("BUILDS ON"))
	for _, im := range f.Images {
		title, size, base := im.title(), "-", "-"
		if im.Incomplete {
			title += " (incomplete)"
		}
		if im.Size > 0 {
			size = cli.FormatBytes(im.Size)
		}
		if im.InBase > 0 {
			base = fmt.Sprintf("%s (%s)", cli.OneLine(f.BuildsOn), cli.FormatBytes(im.InBase))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s%s\n",
			title, im.Digest.Short(), cmp.Or(cli.OneLine(strings.Join(im.Platforms, ",")), "-"), size, buildsOn(base))
	}
	return w.Flush()
}

// title returns what the IMAGE column has: the short name, as users write it.
func (s storedImage) title() string {
	if ref, err := reference.Parse(s.Name); err == nil && strings.Contains(s.Name, "/") {
		return ref.Familiar()
	}
	return cmp.Or(cli.OneLine(s.Name), "<none>")
}

// severalImages reports whether an image was not found because a whole tar or folder has several.
func severalImages(l image.Location, err error) bool {
	var ambiguous *layout.FindError
	return l.IsWhole() && errors.As(err, &ambiguous) && !run.IsNotFound(err)
}
