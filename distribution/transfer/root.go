package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

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
	if !manifest.IsIndex(m.MediaType) {
		return m, e.checkPlatform(ctx, src, m)
	}
	ix, err := m.Index()
	if err != nil {
		return manifest.Manifest{}, err
	}
	kept, err := ix.Select(e.Platforms...)
	if err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), err)
	}
	if e.Flatten {
		return e.flattened(ctx, src, kept)
	}
	keep := map[blob.Digest]bool{}
	for _, d := range kept {
		keep[d.Digest] = true
	}
	return m.Keep(func(d manifest.Descriptor) bool { return keep[d.Digest] })
}

// ErrSeveral says that more than one image is left where a single one was asked for.
var ErrSeveral = errors.New("more than one image matches, so the result cannot be a single image")

// flattened returns the one image among the kept entries. Attestations describe it from beside it in the index and have
// no place without one.
func (e *Engine) flattened(ctx context.Context, src Source, kept []manifest.Descriptor) (manifest.Manifest, error) {
	var only []manifest.Descriptor
	for _, d := range unique(kept) {
		if d.AttestationFor() == "" {
			only = append(only, d)
		}
	}
	if len(only) != 1 {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", name(src), ErrSeveral)
	}
	return e.fetch(ctx, src, string(only[0].Digest))
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

// ImagePlatform reads what an image runs on from its config blob. The config is verified against its digest.
func ImagePlatform(ctx context.Context, src Source, m manifest.Manifest) (manifest.Platform, error) {
	im, err := m.Image()
	if err != nil {
		return manifest.Platform{}, err
	}
	if im.Config == nil {
		return manifest.Platform{}, fmt.Errorf("%s has no config that says what it runs on", m.Digest.Short())
	}
	raw, err := Small(ctx, src, *im.Config)
	if err != nil {
		return manifest.Platform{}, err
	}
	config, err := manifest.ParseConfig(raw)
	if err != nil {
		return manifest.Platform{}, fmt.Errorf("%s: %w", name(src), err)
	}
	return config.Platform, nil
}

// Small reads a blob of at most 4 MiB into memory and verifies it: configs, not layers.
func Small(ctx context.Context, src Source, d manifest.Descriptor) ([]byte, error) {
	if d.Size > maxConfig {
		return nil, fmt.Errorf("config %s has %d bytes, more than the %d MiB that are read", d.Digest.Short(), d.Size, maxConfig>>20)
	}
	r := blob.NewReader(ctx, d.Digest, d.Size, func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		return src.Blob(ctx, d, offset)
	})
	defer r.Close()
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, r); err != nil {
		return nil, fmt.Errorf("config %s from %s: %w", d.Digest.Short(), name(src), err)
	}
	return buf.Bytes(), nil
}
