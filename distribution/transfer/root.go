package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// maxConfig is the size in bytes of the largest config blob that is read for its platform. Configs
// are a few kilobytes.
const maxConfig = 4 << 20

// getRoot reads an image's manifest and applies Platforms, Available and Flatten to it. If that
// makes another image of it, it sets whole.
func (c *copyRun) getRoot(ctx context.Context, ref string) (manifest.Manifest, error) {
	m, err := c.engine.getManifest(ctx, c.src, ref)
	if err != nil {
		return m, err
	}
	root, err := c.engine.selectPlatforms(ctx, c.src, m, 0)
	if err == nil && root.Digest != m.Digest {
		c.whole = m.Digest
	}
	return root, err
}

// selectPlatforms applies Platforms, Available and Flatten to an image below depth indexes.
func (e *Engine) selectPlatforms(
	ctx context.Context, src Source, m manifest.Manifest, depth int,
) (manifest.Manifest, error) {
	if !manifest.IsIndex(m.MediaType) {
		return m, e.checkPlatform(ctx, src, m)
	}
	kept := m
	if len(e.Platforms) > 0 {
		var err error
		if kept, err = m.Subset(e.Platforms...); err != nil {
			return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), err)
		}
	}
	kept, err := e.wholeEntries(ctx, src, m, kept)
	if err == nil && e.Flatten {
		return e.flatten(ctx, src, kept, depth)
	}
	return kept, err
}

// ErrSeveralImages says that a single image was asked for and more than one matches.
var ErrSeveralImages = errors.New("more than one image matches, so the result cannot be a single image")

// flatten returns the one image of an index below depth indexes, also through nested indexes. It
// drops attestations: they describe the image as other entries of the index.
func (e *Engine) flatten(ctx context.Context, src Source, m manifest.Manifest, depth int) (manifest.Manifest, error) {
	entries, err := m.References()
	if err != nil {
		return manifest.Manifest{}, err
	}
	entries = slices.DeleteFunc(unique(entries), func(d manifest.Descriptor) bool {
		return d.AttestationFor() != "" || manifest.IsBlob(d.MediaType)
	})
	switch len(entries) {
	case 0:
		return manifest.Manifest{}, fmt.Errorf("%s: %s has no image in it", name(src), m.Digest.Short())
	case 1:
	default:
		return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), ErrSeveralImages)
	}
	if err := entries[0].CheckDepth(depth + 1); err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), err)
	}
	only, err := e.getChild(ctx, src, entries[0])
	if err != nil || !manifest.IsIndex(only.MediaType) {
		return only, err
	}
	return e.selectPlatforms(ctx, src, only, depth+1)
}

// checkPlatform makes sure that a single image is for one of Platforms. Its config blob has its
// platform.
func (e *Engine) checkPlatform(ctx context.Context, src Source, m manifest.Manifest) error {
	if len(e.Platforms) == 0 {
		return nil
	}
	p, err := ImagePlatform(ctx, src, m)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(e.Platforms, func(want manifest.Platform) bool { return want.Match(p) }) {
		return nil
	}
	return fmt.Errorf("%s: %w", name(src), &manifest.PlatformError{Want: e.Platforms[0], Have: []manifest.Platform{p}})
}

// ImagePlatform reads the platform of an image from its config blob (image-spec, config.md). A
// config that says nothing gives an empty platform. Errors are those of [ImageConfig]; a config that
// cannot be parsed is a *[manifest.ConfigError].
func ImagePlatform(ctx context.Context, src Source, m manifest.Manifest) (manifest.Platform, error) {
	raw, err := ImageConfig(ctx, src, m)
	if err != nil {
		return manifest.Platform{}, err
	}
	config, err := manifest.ParseConfig(raw)
	if err != nil {
		return manifest.Platform{}, fmt.Errorf("%s: %w", name(src), err)
	}
	return config.Platform, nil
}

// ImageConfig reads the config blob of an image (image-spec, manifest.md, "config") into memory, at
// most 4 MiB of it. An index or an artifact without a config is an error, a config that does not
// match its digest a *[blob.MismatchError].
func ImageConfig(ctx context.Context, src Source, m manifest.Manifest) ([]byte, error) {
	im, err := m.Image()
	if err != nil {
		return nil, err
	}
	if im.Config == nil {
		return nil, fmt.Errorf("%s: %s has no config that says what it runs on", name(src), m.Digest.Short())
	}
	return readConfig(ctx, src, *im.Config)
}

// readConfig reads a config blob into memory and verifies it.
func readConfig(ctx context.Context, src Source, d manifest.Descriptor) ([]byte, error) {
	if d.Size > maxConfig {
		return nil, fmt.Errorf("%s: config %s has %d bytes, more than the %d MiB that are read",
			name(src), d.Digest.Short(), d.Size, maxConfig>>20)
	}
	raw, err := readBlob(ctx, src, d)
	for RejectBlob(src, d, err) {
		raw, err = readBlob(ctx, src, d)
	}
	if err != nil {
		return nil, fmt.Errorf("config %s from %s: %w", d.Digest.Short(), name(src), err)
	}
	return raw, nil
}

// readBlob reads a blob into memory and verifies it.
func readBlob(ctx context.Context, src Source, d manifest.Descriptor) ([]byte, error) {
	r := blob.NewReader(ctx, d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return src.Blob(ctx, d, offset)
	})
	defer r.Close()
	return io.ReadAll(r)
}
