package image

import (
	"context"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/distribution/reference"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// TagTarget is a target that can have an image of its own without a tag.
type TagTarget interface {
	transfer.Target
	// Tag gives an image the tags. Without tags it makes it an image of its own.
	Tag(ctx context.Context, d blob.Digest, tags ...string) error
}

// LayoutTarget is a repository of a layout to copy images to. Children of a list do not become
// images of their own there, so an interrupted copy leaves none. Referrers do: other tools find
// them only by an entry in index.json.
type LayoutTarget struct{ *layout.Repository }

// PutManifest implements transfer.Target.
func (t LayoutTarget) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	if subject, err := m.Subject(); ref == string(m.Digest) && err == nil && subject == nil {
		return t.PutUnlisted(ctx, m)
	}
	return t.Repository.PutManifest(ctx, ref, m)
}

// StoreAs copies the image that ref names at the source and gives it the tag of name. If name has a
// digest the image gets no tag, but becomes an image of its own: also one that --platform cuts
// down, and one that came before as a child of a list.
func StoreAs(
	ctx context.Context, engine *transfer.Engine,
	src transfer.Source, ref string, dst TagTarget, name reference.Reference,
) (manifest.Descriptor, error) {
	if name.Digest == "" {
		return engine.Copy(ctx, src, ref, dst, name.Tag)
	}
	digest := name.Digest
	if len(engine.Platforms) > 0 || engine.Available {
		collected, err := engine.Collect(ctx, src, ref)
		if err != nil {
			return manifest.Descriptor{}, err
		}
		digest = collected.Root.Digest
	}
	d, err := engine.Copy(ctx, src, ref, dst, string(digest))
	if err != nil {
		return d, err
	}
	return d, dst.Tag(ctx, d.Digest)
}
