package image

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// ChoosePlatform returns the image for a platform: the first that matches of an index, also below
// nested ones, or m itself. No match is a *manifest.PlatformError.
func ChoosePlatform(
	ctx context.Context, src transfer.Source, m manifest.Manifest, want manifest.Platform,
) (manifest.Manifest, error) {
	if !manifest.IsIndex(m.MediaType) {
		have, err := transfer.ImagePlatform(ctx, src, m)
		if err == nil && !want.Match(have) {
			err = fmt.Errorf("%v: %w", src, &manifest.PlatformError{Want: want, Have: []manifest.Platform{have}})
		}
		return m, err
	}
	for depth := 1; manifest.IsIndex(m.MediaType); depth++ {
		kept, err := m.Subset(want)
		if err != nil {
			return m, fmt.Errorf("%v: %w", src, err)
		}
		images, err := ImagesOf(kept)
		if err != nil {
			return m, err
		}
		entry := images[0]
		matches := func(d manifest.Descriptor) bool { return d.Platform != nil && want.Match(*d.Platform) }
		if i := slices.IndexFunc(images, matches); i >= 0 {
			entry = images[i]
		}
		if err := entry.CheckDepth(depth); err != nil {
			return m, fmt.Errorf("%v: %w", src, err)
		}
		if m, err = src.Manifest(ctx, string(entry.Digest)); err != nil {
			return m, err
		}
	}
	return m, nil
}

// ImagesOf returns the entries of an index that are no attestations and no blobs. It is an error if
// there are none.
func ImagesOf(index manifest.Manifest) ([]manifest.Descriptor, error) {
	entries, err := index.References()
	entries = slices.DeleteFunc(entries, func(d manifest.Descriptor) bool {
		return d.AttestationFor() != "" || manifest.IsBlob(d.MediaType)
	})
	if err == nil && len(entries) == 0 {
		err = &cli.UsageError{Message: index.Digest.Short() + " is an index without images"}
	}
	return entries, err
}

// ChooseForHost returns the image that a container would be made of here, as docker does: the one
// for Linux and this processor, else the first of the index. A manifest that is no index is itself.
func ChooseForHost(ctx context.Context, src transfer.Source, m manifest.Manifest) (manifest.Manifest, error) {
	if !manifest.IsIndex(m.MediaType) {
		return m, nil
	}
	host := manifest.Platform{OS: "linux", Architecture: runtime.GOARCH}
	chosen, err := ChoosePlatform(ctx, src, m, host)
	if !cli.Has[*manifest.PlatformError](err) {
		return chosen, err
	}
	return firstImage(ctx, src, m)
}

// firstImage returns the first image of an index, also below nested ones.
func firstImage(ctx context.Context, src transfer.Source, m manifest.Manifest) (manifest.Manifest, error) {
	for depth := 1; manifest.IsIndex(m.MediaType); depth++ {
		images, err := ImagesOf(m)
		if err == nil {
			err = images[0].CheckDepth(depth)
		}
		if err != nil {
			return m, fmt.Errorf("%v: %w", src, err)
		}
		if m, err = src.Manifest(ctx, string(images[0].Digest)); err != nil {
			return m, err
		}
	}
	return m, nil
}
