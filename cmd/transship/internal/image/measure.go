package image

import (
	"context"
	"slices"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// Measured is what the manifests of an image say of it as a whole.
type Measured struct {
	Platforms []string              // in the order of the index, each once
	Size      int64                 // bytes of manifests, configs and layers as transferred, each once
	Blobs     []manifest.Descriptor // every config and layer once
}

// Measure reads the manifests of an image that engine would copy. Errors are those of
// [transfer.Engine.Collect].
func Measure(ctx context.Context, engine *transfer.Engine, src transfer.Source, ref string) (Measured, error) {
	all, err := engine.Collect(ctx, src, ref)
	if err != nil {
		return Measured{}, err
	}
	m := Measured{Platforms: []string{}, Blobs: all.Blobs}
	var platforms []manifest.Platform
	for _, doc := range all.Manifests {
		m.Size += doc.Size
		if !manifest.IsIndex(doc.MediaType) {
			continue
		}
		ix, err := doc.Index()
		if err != nil {
			return m, err
		}
		platforms = append(platforms, ix.Platforms()...)
	}
	for _, d := range all.Blobs {
		m.Size += d.Size
	}
	if !manifest.IsIndex(all.Root.MediaType) {
		// A manifest whose config says no platform, such as an artifact's, has none.
		if p, err := transfer.ImagePlatform(ctx, src, all.Root); err == nil {
			platforms = append(platforms, p)
		}
	}
	for _, p := range platforms {
		if name := p.String(); p.OS != "" && !slices.Contains(m.Platforms, name) {
			m.Platforms = append(m.Platforms, name)
		}
	}
	return m, nil
}
