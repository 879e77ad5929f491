package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// maxBaseless is how many images without a base are named.
const maxBaseless = 10

// pairImages pairs the layers of all images with those of the base, and says which images have none there.
func (m *deltaMaker) pairImages(ctx context.Context) error {
	m.pairs = map[blob.Digest]layerPair{}
	baseless := 0
	for _, im := range m.bundle.Images {
		err := m.pairLayers(ctx, im)
		if !cli.Has[*baselessError](err) {
			if err != nil {
				return err
			}
			continue
		}
		if baseless++; baseless <= maxBaseless {
			m.run.Note("no deltas of %s: %v", im, err)
		}
	}
	if more := baseless - maxBaseless; more > 0 {
		m.run.Note("no deltas of %d more image%s", more, cli.Plural(more))
	}
	return nil
}

// baselessError says why an image has nothing to be compared with.
type baselessError struct{ reason string }

// Error returns the reason.
func (e *baselessError) Error() string { return e.reason }

// pairLayers pairs the layers of an image with those at the same place of the same platform in the base. If
// there is no such image the error is a *baselessError.
func (m *deltaMaker) pairLayers(ctx context.Context, im layout.Image) error {
	name, _ := reference.Parse(im.Name) // without a name it has no repository
	if isReferrer(ctx, m.bundle, name.Tag, im.Digest) {
		return nil
	}
	src, ref, err := m.base.find(ctx, name)
	if err != nil {
		return err
	}
	olds, err := platformManifests(ctx, src, ref)
	if err != nil {
		return err
	}
	news, err := platformManifests(ctx, m.bundle, string(im.Digest))
	if err != nil {
		return err
	}
	if isSingle(olds) != isSingle(news) {
		if err := errors.Join(addPlatform(ctx, src, olds), addPlatform(ctx, m.bundle, news)); err != nil {
			return err
		}
	}
	found := false
	for platform, now := range news {
		old, known := olds[platform]
		if !known {
			continue
		}
		found = true
		if err := m.pairManifests(ctx, name, now, old, src); err != nil {
			return err
		}
	}
	if !found {
		return &baselessError{fmt.Sprintf("its image in %v has other platforms", src)}
	}
	return nil
}

// isReferrer reports whether an image only refers to another one.
func isReferrer(ctx context.Context, src transfer.Source, tag string, d blob.Digest) bool {
	return transfer.CosignSubject(tag) != "" || image.IsReferrersTag(tag) || image.Refers(ctx, src, string(d))
}

// isSingle reports whether the image manifests are those of a single image, which no list gives a platform.
func isSingle(manifests map[string]manifest.Manifest) bool {
	_, is := manifests[""]
	return is
}

// addPlatform adds a single image under the platform that its config names, if it does.
func addPlatform(ctx context.Context, src transfer.Source, manifests map[string]manifest.Manifest) error {
	im, err := manifests[""].Image()
	if err != nil || im.Config == nil {
		return nil // a list, or no image of a file system
	}
	platform, err := transfer.ImagePlatform(ctx, src, manifests[""])
	switch {
	case err == nil:
		manifests[platform.Normalize().String()] = manifests[""]
	case errors.Is(err, fs.ErrNotExist) || run.IsIntegrityError(err):
		return nil
	}
	return err
}

// platformManifests returns the image manifests that ref names, by platform. A single image has none.
func platformManifests(ctx context.Context, src transfer.Source, ref string) (map[string]manifest.Manifest, error) {
	root, err := src.Manifest(ctx, ref)
	if err != nil || !manifest.IsIndex(root.MediaType) {
		return map[string]manifest.Manifest{"": root}, err
	}
	refs, err := root.References()
	out := map[string]manifest.Manifest{}
	for _, d := range refs {
		if d.Platform == nil || manifest.IsIndex(d.MediaType) || manifest.IsBlob(d.MediaType) {
			continue
		}
		m, err := src.Manifest(ctx, string(d.Digest))
		if errors.Is(err, fs.ErrNotExist) {
			continue // an image of some of its platforms
		}
		if err != nil {
			return nil, err
		}
		out[d.Platform.Normalize().String()] = m
	}
	return out, err
}

// pairManifests pairs the layers of an image with those of an earlier one.
func (m *deltaMaker) pairManifests(ctx context.Context, name reference.Reference, now, old manifest.Manifest,
	src transfer.Source) error {
	layers, err := now.References()
	if err != nil {
		return err
	}
	bases, err := old.References()
	if err != nil {
		return err
	}
	for i, d := range layers[:min(len(layers), len(bases))] {
		base := bases[i]
		_, inBase := m.bundle.Base.Find(d.Digest)
		_, paired := m.pairs[d.Digest]
		if inBase || paired || !manifest.IsLayer(d.MediaType) || d.Size < minDeltaBlob || base.Digest == d.Digest ||
			!m.bundle.Has(d.Digest) {
			continue
		}
		there, err := transfer.HasBlob(ctx, src, base)
		if err != nil {
			return err
		}
		if there {
			m.pairs[d.Digest] = layerPair{d, base, src, m.base.repositories(base.Digest, name)}
		}
	}
	return nil
}
