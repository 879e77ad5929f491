package distribution

import (
	"context"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// maxTagsOfPut is how many tags one PUT sets. The specification has registries support 10 at least.
const maxTagsOfPut = 10

// PutManifestTags is [Repository.PutManifestResending] for several tags: one PUT by digest sets up
// to ten of them (end-7b, which is optional). A tag that the response does not name in OCI-Tag gets
// a PUT of its own (end-7a), and so does every tag at a registry that has once named none.
func (r *Repository) PutManifestTags(
	ctx context.Context, tags []string, m manifest.Manifest, open func(manifest.Descriptor) blob.Open,
) error {
	for some := range slices.Chunk(tags, maxTagsOfPut) {
		var set []string
		if len(some) > 1 && !r.Client.ignoresTags() {
			var err error
			if set, err = r.putResending(ctx, string(m.Digest), m, open, some...); err != nil {
				return err
			}
			if len(set) == 0 {
				r.Client.rememberIgnoresTags()
			}
		}
		for _, tag := range some {
			if slices.Contains(set, tag) {
				continue
			}
			if err := r.PutManifestResending(ctx, tag, m, open); err != nil {
				return err
			}
		}
	}
	return nil
}

// ignoresTags reports whether the registry has ignored the tag parameters of a PUT.
func (c *Client) ignoresTags() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tagsIgnored
}

func (c *Client) rememberIgnoresTags() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tagsIgnored = true
}
