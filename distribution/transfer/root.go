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

// maxConfig is the largest config blob that is read for its platform, in bytes. Configs are a few kilobytes.
const maxConfig = 4 << 20

// root fetches the image and leaves of it what is wanted.
func (e *Engine) root(ctx context.Context, src Source, ref string) (manifest.Manifest, error) {
	m, err := e.fetch(ctx, src, ref)
	if err != nil || len(e.Platforms) == 0 && !e.Flatten {
		return m, err
	}
	return e.wanted(ctx, src, m)
}

// wanted leaves of an image what Platforms and Flatten want.
func (e *Engine) wanted(ctx context.Context, src Source, m manifest.Manifest) (manifest.Manifest, error) {
	if !manifest.IsIndex(m.MediaType) {
		return m, e.checkPlatform(ctx, src, m)
	}
	kept, err := m.Subset(e.Platforms...)
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), err)
	}
	if e.Flatten {
		return e.flattened(ctx, src, kept)
	}
	return kept, nil
}

// ErrSeveral says that more than one image is left where a single one was asked for.
var ErrSeveral = errors.New("more than one image matches, so the result cannot be a single image")

// flattened returns the one image that an index holds, through nested ones too. Attestations describe it from beside it in
// the index and have no place without one.
func (e *Engine) flattened(ctx context.Context, src Source, m manifest.Manifest) (manifest.Manifest, error) {
	entries, err := m.References()
	if err != nil {
		return manifest.Manifest{}, err
	}
	entries = slices.DeleteFunc(unique(entries), func(d manifest.Descriptor) bool { return d.AttestationFor() != "" })
	switch len(entries) {
	case 0:
		return manifest.Manifest{}, fmt.Errorf("%s: %s has no image in it", name(src), m.Digest.Short())
	case 1:
	default:
		return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), ErrSeveral)
	}
	only, err := e.fetchChild(ctx, src, entries[0])
	if err != nil || !manifest.IsIndex(only.MediaType) {
		return only, err
	}
	return e.wanted(ctx, src, only)
}

// checkPlatform makes sure that a single image is for one of the wanted platforms. What it runs on stands in its config.
func (e *Engine) checkPlatform(ctx context.Context, src Source, m manifest.Manifest) error {
	if len(e.Platforms) == 0 {
		return nil
	}
	p, err := ImagePlatform(ctx, src, m)
	if err != nil {
		return err
	}
	for _, want := range e.Platforms {
		if want.Match(p) {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", name(src), &manifest.PlatformError{Want: e.Platforms[0], Have: []manifest.Platform{p}})
}

// ImagePlatform reads what an image runs on from its config blob (image-spec, config.md), of which at most 4 MiB are read
// into memory. The config is verified against its digest; one that does not match is a *[blob.MismatchError], one that
// cannot be read a *[manifest.ConfigError]. An artifact without a config is an error, and one whose config says nothing
// gives an empty platform.
func ImagePlatform(ctx context.Context, src Source, m manifest.Manifest) (manifest.Platform, error) {
	im, err := m.Image()
	if err != nil {
		return manifest.Platform{}, err
	}
	if im.Config == nil {
		return manifest.Platform{}, fmt.Errorf("%s: %s has no config that says what it runs on", name(src), m.Digest.Short())
	}
	raw, err := readConfig(ctx, src, *im.Config)
	if err != nil {
		return manifest.Platform{}, err
	}
	config, err := manifest.ParseConfig(raw)
	if err != nil {
		return manifest.Platform{}, fmt.Errorf("%s: %w", name(src), err)
	}
	return config.Platform, nil
}

// readConfig reads a config blob into memory and verifies it.
func readConfig(ctx context.Context, src Source, d manifest.Descriptor) ([]byte, error) {
	if d.Size > maxConfig {
		return nil, fmt.Errorf("%s: config %s has %d bytes, more than the %d MiB that are read", name(src), d.Digest.Short(), d.Size, maxConfig>>20)
	}
	r := blob.NewReader(ctx, d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return src.Blob(ctx, d, offset)
	})
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("config %s from %s: %w", d.Digest.Short(), name(src), err)
	}
	return raw, nil
}
