package inspect

import (
	"context"
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/image"
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

// printConfig prints the config of an image, or of the only one of an index.
func printConfig(ctx context.Context, r *run.Run, src transfer.Source, m manifest.Manifest, name string) error {
	for depth := 1; manifest.IsIndex(m.MediaType); depth++ {
		images, err := image.ImagesOf(m)
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
