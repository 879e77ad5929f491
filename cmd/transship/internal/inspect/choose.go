package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// checkPlatforms refuses several values of --platform, where one image is shown.
func checkPlatforms(platforms cli.PlatformList) error {
	if len(platforms) > 1 {
		return &cli.UsageError{Message: "--platform takes one platform here"}
	}
	return nil
}

// choosePlatform returns the image for a platform: the first that matches of an index, also below
// nested ones, or m itself. No match is a *manifest.PlatformError.
func choosePlatform(
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
		images, err := imagesOf(kept)
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

// imagesOf returns the entries of an index that are no attestations and no blobs. It is an error if
// there are none.
func imagesOf(index manifest.Manifest) ([]manifest.Descriptor, error) {
	entries, err := index.References()
	entries = slices.DeleteFunc(entries, func(d manifest.Descriptor) bool {
		return d.AttestationFor() != "" || manifest.IsBlob(d.MediaType)
	})
	if err == nil && len(entries) == 0 {
		err = &cli.UsageError{Message: index.Digest.Short() + " is an index without images"}
	}
	return entries, err
}

// printConfig prints the config of an image, or of the only one of an index.
func printConfig(ctx context.Context, r *run.Run, src transfer.Source, m manifest.Manifest, name string) error {
	for depth := 1; manifest.IsIndex(m.MediaType); depth++ {
		images, err := imagesOf(m)
		if err != nil {
			return err
		}
		if len(images) > 1 {
			return severalConfigs(name, images)
		}
		if err := images[0].CheckDepth(depth); err != nil {
			return err
		}
		if m, err = src.Manifest(ctx, string(images[0].Digest)); err != nil {
			return err
		}
	}
	raw, err := transfer.ImageConfig(ctx, src, m)
	if err != nil {
		return err
	}
	_, err = r.Stdout.Write(raw)
	return err
}

// severalConfigs says how one of several images is named.
func severalConfigs(name string, images []manifest.Descriptor) error {
	var platforms []string
	for _, d := range images {
		if d.Platform != nil {
			platforms = append(platforms, d.Platform.String())
		}
	}
	err := &cli.UsageError{Message: fmt.Sprintf("%s has %d images, each with a config of its own", name, len(images))}
	if len(platforms) > 0 {
		err.Message += ": " + strings.Join(platforms[:min(10, len(platforms))], ", ")
		err.Advice = "name one with --platform " + platforms[0]
	}
	return err
}
