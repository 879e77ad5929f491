package bundlediff

import (
	"context"
	"maps"
	"slices"

	"github.com/hczjl/transship/blob"
)

// compare compares two bundles.
func (d *Difference) compare(ctx context.Context, a, b *bundleSide) error {
	for _, name := range union(a.images, b.images) {
		change, err := compareImages(ctx, name, a, b)
		if err != nil {
			return err
		}
		if change.A != change.B {
			d.Images = append(d.Images, change)
		}
	}
	for _, digest := range union(a.blobs, b.blobs) {
		before, inA := a.blobs[digest]
		after, inB := b.blobs[digest]
		switch {
		case !inB:
			a.Only.add(before)
			d.Blobs = append(d.Blobs, BlobChange{digest, before, Gone})
		case !inA:
			b.Only.add(after)
			d.Blobs = append(d.Blobs, BlobChange{digest, after, Added})
		}
	}
	d.A, d.B = a.Side, b.Side
	return nil
}

// union returns the keys of two maps, sorted.
func union[K ~string, A, B any](a map[K]A, b map[K]B) []K {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// compareImages compares what a name means in two bundles. The digests of the change are equal if there is
// none.
func compareImages(ctx context.Context, name string, a, b *bundleSide) (ImageChange, error) {
	before, inA := a.images[name]
	after, inB := b.images[name]
	c := ImageChange{Name: name, Kind: kindOf(inA, inB), A: before.digest, B: after.digest}
	if c.A == c.B {
		return c, nil
	}
	old, err := before.content(ctx)
	if err != nil {
		return c, err
	}
	renewed, err := after.content(ctx)
	if err != nil {
		return c, err
	}
	switch {
	case c.Kind == Gone && old != nil:
		c.Only = lacking(old.blobs, b.blobs)
		renewed = &imageContent{}
	case c.Kind != Gone && renewed != nil:
		c.Only = lacking(renewed.blobs, a.blobs)
		if c.Kind == Added {
			old = &imageContent{}
		}
	}
	if old != nil && renewed != nil {
		c.Platforms = comparePlatforms(old.platforms, renewed.platforms, a, b)
	}
	return c, nil
}

// kindOf returns the kind of a change of what is in A, in B or in both.
func kindOf(inA, inB bool) Kind {
	switch {
	case !inB:
		return Gone
	case !inA:
		return Added
	}
	return Moved
}

// comparePlatforms returns the platforms that differ.
func comparePlatforms(old, renewed map[string]platformContent, a, b *bundleSide) (out []PlatformChange) {
	for _, name := range union(old, renewed) {
		before, inA := old[name]
		after, inB := renewed[name]
		c := PlatformChange{Platform: name, Kind: kindOf(inA, inB), A: before.digest, B: after.digest}
		if c.A == c.B {
			continue
		}
		if c.Kind == Gone {
			c.Only = *lacking(before.blobs, b.blobs)
		} else {
			c.Only = *lacking(after.blobs, a.blobs)
		}
		out = append(out, c)
	}
	return out
}

// lacking sums the blobs that others does not have.
func lacking(blobs, others map[blob.Digest]int64) *Sum {
	s := new(Sum)
	for d, size := range blobs {
		if _, there := others[d]; !there {
			s.add(size)
		}
	}
	return s
}
