package bundlediff

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// bundleSide is one of the bundles, open.
type bundleSide struct {
	Side
	images map[string]bundleImage // by name
	blobs  map[blob.Digest]int64  // sizes
	close  func()
}

// bundleImage is an image of a bundle. Of an inventory it has no source.
type bundleImage struct {
	digest blob.Digest
	source transfer.Source
}

// openSide opens a bundle, folder or inventory.
func openSide(ctx context.Context, r *run.Run, arg string) (*bundleSide, error) {
	if strings.HasSuffix(arg, ".json") && image.IsRegistryRef(arg) {
		in, err := layout.ReadInventory(arg)
		if err != nil {
			return nil, err
		}
		return newSide(arg, in, func() {}), nil
	}
	local, err := image.OpenLocal(ctx, r, arg)
	if err != nil {
		return nil, err
	}
	in, err := inventoryOf(local)
	if err != nil {
		local.Close()
		return nil, err
	}
	s := newSide(arg, in, local.Close)
	for _, im := range local.Images {
		s.images[nameOf(im.Image)] = bundleImage{im.Digest, im.Source}
	}
	return s, nil
}

// inventoryOf returns what the images of a tar or folder consist of.
func inventoryOf(local *image.LocalImages) (layout.Inventory, error) {
	switch {
	case len(local.Images) == 0:
		return layout.Inventory{}, local.NoImages()
	case local.Archive != nil:
		return local.Archive.Inventory()
	}
	return local.Dir.Inventory()
}

// newSide returns what an inventory tells.
func newSide(file string, in layout.Inventory, closeFiles func()) *bundleSide {
	s := &bundleSide{
		Side: Side{File: file}, images: map[string]bundleImage{}, blobs: map[blob.Digest]int64{}, close: closeFiles,
	}
	if in.Base != nil {
		s.BuildsOn = in.Base.File
	}
	for _, im := range in.Images {
		s.images[nameOf(im)] = bundleImage{digest: im.Digest}
	}
	s.Images = len(s.images)
	for _, c := range in.Content {
		if c.MediaType == "" {
			s.addBlob(c)
		}
	}
	return s
}

func (s *bundleSide) addBlob(c layout.Content) {
	s.blobs[c.Digest] = c.Size
	s.Blobs.add(c.Size)
	switch {
	case c.InBase:
		s.InBase.add(c.Size)
	case c.Delta != nil:
		s.Deltas.add(c.Delta.Size)
		s.InPlaceOf += c.Size
	default:
		s.Whole.add(c.Size)
	}
}

// nameOf returns the name of an image, or else its tag or digest.
func nameOf(im layout.Image) string { return cmp.Or(im.Name, im.Tag(), string(im.Digest)) }

// imageContent is what the manifests of an image say.
type imageContent struct {
	blobs     map[blob.Digest]int64 // sizes
	platforms map[string]platformContent
}

// platformContent is an image of a list, or an image alone.
type platformContent struct {
	digest blob.Digest
	blobs  map[blob.Digest]int64
}

// content reads the manifests of an image. It is nil if they are not there.
func (im bundleImage) content(ctx context.Context) (*imageContent, error) {
	if im.source == nil {
		return nil, nil
	}
	w := &contentWalk{
		imageContent: imageContent{map[blob.Digest]int64{}, map[string]platformContent{}},
		source:       im.source, seen: map[blob.Digest]bool{},
	}
	return &w.imageContent, w.add(ctx, manifest.Descriptor{Digest: im.digest})
}

// contentWalk reads the manifests of an image.
type contentWalk struct {
	imageContent
	source transfer.Source
	seen   map[blob.Digest]bool
}

// add adds a manifest and what it refers to. One that is missing, as in an image of some of its platforms,
// has nothing.
func (w *contentWalk) add(ctx context.Context, d manifest.Descriptor) error {
	if w.seen[d.Digest] {
		return nil
	}
	w.seen[d.Digest] = true
	m, err := w.source.Manifest(ctx, string(d.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	refs, err := m.References()
	if err != nil {
		return err
	}
	if !manifest.IsIndex(m.MediaType) {
		w.addImage(ctx, d.Platform, m, refs)
		return nil
	}
	for _, r := range refs {
		if manifest.IsBlob(r.MediaType) {
			w.blobs[r.Digest] = r.Size
		} else if err := w.add(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// addImage adds an image and its platform. What is for no platform, such as an attestation, has blobs only.
func (w *contentWalk) addImage(ctx context.Context, p *manifest.Platform, m manifest.Manifest,
	blobs []manifest.Descriptor) {
	own := platformContent{m.Digest, map[blob.Digest]int64{}}
	for _, d := range blobs {
		w.blobs[d.Digest], own.blobs[d.Digest] = d.Size, d.Size
	}
	if p == nil {
		of, err := transfer.ImagePlatform(ctx, w.source, m)
		if err != nil {
			return // its config is in the base, or says none
		}
		p = &of
	}
	name := p.String()
	if p.OS == "" || p.OS == "unknown" {
		return
	}
	if _, twice := w.platforms[name]; twice {
		name += "@" + m.Digest.Short()
	}
	w.platforms[name] = own
}
