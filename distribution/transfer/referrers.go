package transfer

import (
	"context"
	"fmt"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// referrersDepth bounds how far referrers of referrers are followed: a signature of an SBOM of an image is three.
const referrersDepth = 8

// referrers copies what refers to the image or to one of its platforms' images: by the referrers API or its tag
// (the source knows which), and by the tags cosign uses.
func (c *copying) referrers(ctx context.Context, root manifest.Manifest) error {
	src, ok := c.src.(Referring)
	if !ok {
		return fmt.Errorf("%s cannot tell what refers to an image", name(c.src))
	}
	subjects := []blob.Digest{root.Digest}
	if manifest.IsIndex(root.MediaType) {
		refs, err := root.References()
		if err != nil {
			return err
		}
		for _, d := range unique(refs) {
			subjects = append(subjects, d.Digest)
		}
	}
	seen := map[blob.Digest]bool{}
	for _, subject := range subjects {
		if err := c.referring(ctx, src, subject, seen, referrersDepth); err != nil {
			return err
		}
	}
	return c.cosignTags(ctx, src, seen)
}

// referring copies the manifests that have the subject, and those that refer to them in turn.
func (c *copying) referring(ctx context.Context, src Referring, subject blob.Digest, seen map[blob.Digest]bool, depth int) error {
	if seen[subject] || depth == 0 {
		return nil
	}
	seen[subject] = true
	list, err := src.Referrers(ctx, subject, "")
	if err != nil {
		return err
	}
	for _, d := range list {
		if err := c.child(ctx, d); err != nil {
			return err
		}
		if err := c.referring(ctx, src, d.Digest, seen, depth-1); err != nil {
			return err
		}
	}
	return nil
}

// cosignTags copies the tags that cosign names after the digests it signs or describes.
func (c *copying) cosignTags(ctx context.Context, src Referring, digests map[blob.Digest]bool) error {
	for tag, err := range src.TagNames(ctx) {
		if err != nil {
			return err
		}
		if !digests[cosignSubject(tag)] {
			continue
		}
		m, err := c.engine.fetch(ctx, c.src, tag)
		if err != nil {
			return err
		}
		if _, err := c.image(ctx, m, tag); err != nil {
			return err
		}
	}
	return nil
}

// cosignSubject returns the digest that a tag such as sha256-<hex>.sig is about, "" for any other tag.
func cosignSubject(tag string) blob.Digest {
	base, kind, ok := strings.Cut(tag, ".")
	if !ok || kind != "sig" && kind != "att" && kind != "sbom" {
		return ""
	}
	algorithm, hex, ok := strings.Cut(base, "-")
	d := blob.Digest(algorithm + ":" + hex)
	if !ok || d.Validate() != nil {
		return ""
	}
	return d
}
