package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// referrersDepth bounds how far referrers of referrers are followed: a signature of an SBOM of an image is three.
const referrersDepth = 8

// referrers copies what refers to the image or to one of its platforms' images: by the referrers API or its tag
// (the source knows which), and by the tags cosign uses.
func (c *copying) referrers(ctx context.Context, root manifest.Manifest) error {
	src, ok := c.src.(Referring)
	if !ok {
		return fmt.Errorf("%s cannot tell what refers to an image", name(c.src))
	}
	subjects, err := c.subjects(ctx, root)
	if err != nil {
		return err
	}
	f := &following{copying: c, src: src, seen: map[blob.Digest]bool{}}
	if err := f.all(ctx, subjects, referrersDepth); err != nil {
		return err
	}
	return c.cosignTags(ctx, src, f.seen)
}

// subjects lists the image and all manifests below it.
func (c *copying) subjects(ctx context.Context, root manifest.Manifest) ([]manifest.Descriptor, error) {
	out := []manifest.Descriptor{root.Descriptor}
	if !manifest.IsIndex(root.MediaType) {
		return out, nil
	}
	refs, err := root.References()
	if err != nil {
		return nil, err
	}
	for _, d := range unique(refs) {
		if !manifest.IsIndex(d.MediaType) {
			out = append(out, d)
			continue
		}
		nested, err := c.engine.fetchChild(ctx, c.src, d)
		if err != nil {
			return nil, err
		}
		below, err := c.subjects(ctx, nested)
		if err != nil {
			return nil, err
		}
		out = append(out, below...)
	}
	return unique(out), nil
}

// following is a walk from subjects to their referrers, to theirs, and so on.
type following struct {
	*copying
	src Referring

	mu   sync.Mutex
	seen map[blob.Digest]bool // subjects that were asked for
}

// all copies the manifests that have one of the subjects, and those that refer to them in turn.
func (f *following) all(ctx context.Context, subjects []manifest.Descriptor, depth int) error {
	if depth == 0 {
		return nil
	}
	return f.engine.sideBySide(ctx, subjects, func(ctx context.Context, subject manifest.Descriptor) error {
		if !f.first(subject.Digest) {
			return nil
		}
		list, err := f.list(ctx, subject.Digest)
		if err != nil {
			return err
		}
		put := func(ctx context.Context, d manifest.Descriptor) error { return f.child(ctx, d, false) }
		if err := f.engine.sideBySide(ctx, list, put); err != nil {
			return err
		}
		return f.all(ctx, list, depth-1)
	})
}

// first tells whether a subject was not asked for yet.
func (f *following) first(d blob.Digest) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[d] {
		return false
	}
	f.seen[d] = true
	return true
}

// list asks the source what has the subject.
func (f *following) list(ctx context.Context, subject blob.Digest) (list []manifest.Descriptor, err error) {
	err = f.engine.withDoc(ctx, func() error {
		list, err = f.src.Referrers(ctx, subject, "")
		return err
	})
	return list, err
}

// cosignTags copies the tags that cosign names after the digests it signs or describes. A repository without any tag may
// say that it does not exist.
func (c *copying) cosignTags(ctx context.Context, src Referring, digests map[blob.Digest]bool) error {
	for tag, err := range src.TagNames(ctx) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !digests[cosignSubject(tag)] {
			continue
		}
		m, err := c.engine.fetch(ctx, c.src, tag)
		if err != nil {
			return err
		}
		have, err := c.ask(ctx, tag)
		if err != nil {
			return err
		}
		if _, err := c.image(ctx, m, tag, have, false); err != nil {
			return err
		}
	}
	return nil
}

// cosignSubject returns the digest that a tag such as sha256-<hex>.sig is about, "" for any other tag.
func cosignSubject(tag string) blob.Digest {
	base, kind, ok := strings.Cut(tag, ".")
	if !ok || kind != "sig" && kind != "att" && kind != "sbom" {
		return ""
	}
	algorithm, hex, ok := strings.Cut(base, "-")
	d := blob.Digest(algorithm + ":" + hex)
	if !ok || d.Validate() != nil {
		return ""
	}
	return d
}
