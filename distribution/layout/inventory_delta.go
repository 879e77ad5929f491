package layout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/blob/delta"
	"github.com/hczjl/transship/manifest"
)

// Delta is what a bundle has in place of a blob: the blob's difference from another one, as package
// delta writes it.
type Delta struct {
	Digest  blob.Digest `json:"digest"`  // of the delta itself
	Size    int64       `json:"size"`    // of the delta itself, in bytes
	Version int         `json:"version"` // of its format
	// Base is the blob that the delta makes the other one of, and BaseSize its size in bytes.
	Base     blob.Digest `json:"base"`
	BaseSize int64       `json:"baseSize"`
	// Repositories are the normalized names of the base's repositories that have Base.
	Repositories []string `json:"repositories,omitempty"`
}

// deltasDir is where a bundle has its deltas, beside the image layout.
const deltasDir = "transship-deltas/"

// deltaName returns the name in a bundle of a delta with that digest.
func deltaName(d blob.Digest) string { return deltasDir + strings.Replace(string(d), ":", "/", 1) }

// parseDeltaName is the inverse of deltaName, "" for other names.
func parseDeltaName(name string) blob.Digest {
	d := blob.Digest(strings.Replace(strings.TrimPrefix(name, deltasDir), "/", ":", 1))
	if d.Validate() != nil || deltaName(d) != name {
		return ""
	}
	return d
}

// validateDelta returns an error if the content's delta cannot be relied on. base is that of the
// bundle.
func (c Content) validateDelta(base *Base) error {
	d := c.Delta
	if d == nil {
		return nil
	}
	if d.Version != delta.Version {
		return fmt.Errorf("%w: the delta of %s has the version %d", ErrNewer, c.Digest, d.Version)
	}
	for _, e := range []manifest.Descriptor{{Digest: d.Digest, Size: d.Size}, {Digest: d.Base, Size: d.BaseSize}} {
		if err := e.Validate(); err != nil {
			return fmt.Errorf("the delta of %s: %w", c.Digest, err)
		}
	}
	if base == nil || c.InBase || c.MediaType != "" || d.Base == c.Digest {
		return fmt.Errorf("the delta of %s is none of a blob of its base", c.Digest)
	}
	return nil
}

// deltas returns descriptors of the bundle's deltas, sorted by digest.
func (in *Inventory) deltas() []manifest.Descriptor {
	var out []manifest.Descriptor
	for _, c := range in.Content {
		if c.Delta != nil {
			out = append(out, manifest.Descriptor{Digest: c.Delta.Digest, Size: c.Delta.Size})
		}
	}
	slices.SortFunc(out, compareDigests)
	return slices.CompactFunc(out, func(a, b manifest.Descriptor) bool { return a.Digest == b.Digest })
}

// wanted returns what the base needs to have: the content itself, or what there is a delta of.
func (c Content) wanted() Content {
	if c.Delta == nil {
		return c
	}
	return Content{Digest: c.Delta.Base, Size: c.Delta.BaseSize}
}
