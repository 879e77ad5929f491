package main

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// content is what a work moves: the images of one repository.
type content struct {
	repository string
	images     []tagged
}

// tagged is an image by one of its names. A blob that several images of a content have is in the first of them only, so
// that it is pushed and verified once.
type tagged struct {
	tag string
	fixture.Image
}

// push brings the images to a registry by the harness's own client.
func (c content) push(ctx context.Context, to servers.Endpoint) error {
	for _, im := range c.images {
		if err := to.Repository(c.repository).Push(ctx, im.Image, im.tag); err != nil {
			return err
		}
	}
	return nil
}

// verify compares every byte with what a registry has.
func (c content) verify(ctx context.Context, at servers.Endpoint) error {
	for _, im := range c.images {
		if err := at.Repository(c.repository).Verify(ctx, im.Image, im.tag); err != nil {
			return fmt.Errorf("%s:%s: %w", c.repository, im.tag, err)
		}
	}
	return nil
}

// size is how many bytes there are, each blob and manifest once.
func (c content) size() int64 {
	var n int64
	for _, im := range c.images {
		for _, m := range im.Manifests {
			n += m.Size
		}
		for _, b := range im.Blobs {
			n += b.Size
		}
	}
	return n
}

// digests are those of all blobs.
func (c content) digests() (all []digest.Digest) {
	for _, im := range c.images {
		for _, b := range im.Blobs {
			all = append(all, b.Digest)
		}
	}
	return all
}

// tag is the name of the first image.
func (c content) tag() string { return c.images[0].tag }

// one is an image of one layer for a platform, or of several.
func one(repository string, layers []int64, platforms ...v1.Platform) content {
	im := fixture.Synthetic(fixture.Spec{Seed: 5, Platforms: platforms, Layers: layers})
	return content{repository, []tagged{{"1.6", im}}}
}

// platforms are those of the seed's image.
func platforms() []v1.Platform {
	return []v1.Platform{
		{OS: "linux", Architecture: "amd64"},
		{OS: "linux", Architecture: "arm", Variant: "v7"},
		{OS: "linux", Architecture: "arm64", Variant: "v8"},
	}
}

// many are n images for two platforms. A platform has two base layers of its own and shares a third with the other one;
// all images have these five, and each has a layer of own bytes for each platform beside them.
func many(repository string, n int, base [5]int64, own int64) content {
	var shared []fixture.Layer
	for i, size := range base {
		shared = append(shared, fixture.RandomLayer(fmt.Sprintf("base-%d", i), size, 1))
	}
	c := content{repository: repository}
	seen := map[string]bool{}
	for i := range n {
		var variants []fixture.Variant
		for j, p := range []v1.Platform{platforms()[0], platforms()[2]} {
			mine := fixture.RandomLayer(fmt.Sprintf("own-%d", j), own, uint64(1000+i))
			variants = append(variants, fixture.Variant{Platform: p, Layers: []fixture.Layer{shared[2*j], shared[2*j+1], shared[4], mine}})
		}
		im := fixture.Assemble(variants...)
		im.Blobs = unseen(im.Blobs, seen)
		c.images = append(c.images, tagged{version(i), im})
	}
	return c
}

// version is the tag of an image of many.
func version(i int) string { return fmt.Sprintf("v%05d", i) }

// again gives the images more names, in turn, until there are n tags.
func (c content) again(n int) content {
	first := c.images
	for i := len(first); i < n; i++ {
		im := first[i%len(first)]
		c.images = append(c.images, tagged{version(i), fixture.Image{Manifests: []fixture.Manifest{im.Root()}}})
	}
	return c
}

// unseen drops the blobs that are seen, and marks the others so.
func unseen(blobs []fixture.Blob, seen map[string]bool) []fixture.Blob {
	var left []fixture.Blob
	for _, b := range blobs {
		if d := b.Digest.String(); !seen[d] {
			seen[d] = true
			left = append(left, b)
		}
	}
	return left
}
