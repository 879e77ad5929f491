package plan

import (
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// tree arranges the manifests and blobs that a plan puts as images with their content.
type tree struct {
	plan   *Plan
	blobs  map[contentKey]wire.PlannedBlob
	put    map[contentKey]manifest.Manifest
	listed map[contentKey]bool // manifests and blobs that are in an image above
}

// contentKey is a blob or manifest in a repository. reference is its digest, or a manifest's tag.
type contentKey struct{ host, repository, reference string }

// with returns the key of other content in the same repository.
func (k contentKey) with(d blob.Digest) contentKey {
	return contentKey{k.host, k.repository, string(d)}
}

func newTree(plan *Plan) *tree {
	t := &tree{
		plan:   plan,
		blobs:  map[contentKey]wire.PlannedBlob{},
		put:    map[contentKey]manifest.Manifest{},
		listed: map[contentKey]bool{},
	}
	for _, b := range plan.blobs() {
		t.blobs[contentKey{b.Host, b.Repository, b.Digest}] = b
	}
	return t
}

// blobs returns the blobs of registries, then those of layouts and tars.
func (p *Plan) blobs() []wire.PlannedBlob {
	out := p.calls.Blobs()
	for _, t := range p.locals {
		out = append(out, t.blobs...)
	}
	return out
}

// manifests returns the manifests of registries, then those of layouts and tars.
func (p *Plan) manifests() []wire.PlannedManifest {
	out := p.calls.Manifests()
	for _, t := range p.locals {
		out = append(out, t.manifests...)
	}
	return out
}

// images returns the trees of the manifests that are no children of others. Of several that are put
// under one name it has the last; one that is put by digest and then by tag has the tag.
func (t *tree) images() ([]*image, error) {
	var names []contentKey
	inner := map[contentKey]bool{} // children of lists, and digests of what has a tag
	for _, p := range t.plan.manifests() {
		name := contentKey{p.Host, p.Repository, p.Reference}
		m, err := manifest.Parse(p.MediaType, p.Raw)
		if err != nil {
			return nil, err
		}
		if d := blob.Digest(p.Reference); d.Validate() == nil {
			m.Digest = d
		} else {
			inner[name.with(m.Digest)] = true
		}
		refs, err := m.References()
		if err != nil {
			return nil, err
		}
		for _, d := range refs {
			inner[name.with(d.Digest)] = true
		}
		t.put[name], t.put[name.with(m.Digest)] = m, m
		names = append(names, name)
	}
	return t.roots(names, inner)
}

// roots returns the trees of those names that are not inner.
func (t *tree) roots(names []contentKey, inner map[contentKey]bool) ([]*image, error) {
	out := []*image{}
	done := map[contentKey]bool{}
	for _, name := range names {
		if inner[name] || done[name] {
			continue
		}
		done[name] = true
		image, err := t.image(name, t.put[name].Descriptor)
		if err != nil {
			return nil, err
		}
		image.Reference = t.plan.imageName(name.host, name.repository, name.reference)
		image.local = t.plan.local(name.host) != nil
		out = append(out, image)
	}
	return out, nil
}

// image returns the tree of a manifest in the repository of key.
func (t *tree) image(key contentKey, d manifest.Descriptor) (*image, error) {
	key = key.with(d.Digest)
	out := &image{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Platform: d.Platform}
	m, isPut := t.put[key]
	if out.Action = t.actionOf(key, isPut); out.Action != "put" {
		return out, nil
	}
	t.listed[key] = true
	refs, err := m.References()
	if err != nil {
		return nil, err
	}
	if subject, err := m.Subject(); err == nil && subject != nil {
		out.Subject = subject.Digest
	}
	if !manifest.IsIndex(m.MediaType) {
		out.Blobs, err = t.content(key, m)
		return out, err
	}
	for _, ref := range refs {
		if t.isBlob(key, ref) {
			out.Blobs = append(out.Blobs, t.entryBlob(key, ref))
			continue
		}
		child, err := t.image(key, ref)
		if err != nil {
			return nil, err
		}
		out.Manifests = append(out.Manifests, child)
	}
	return out, nil
}

// isBlob reports whether an entry of an index is a blob of the plan.
func (t *tree) isBlob(key contentKey, d manifest.Descriptor) bool {
	key = key.with(d.Digest)
	_, planned := t.blobs[key]
	_, isPut := t.put[key]
	return manifest.IsBlob(d.MediaType) || planned && !isPut
}

// entryBlob returns a blob that an index lists, in the repository of key.
func (t *tree) entryBlob(key contentKey, d manifest.Descriptor) blobLine {
	b := t.blob(key, d)
	b.Role = "blob"
	if manifest.IsLayer(d.MediaType) {
		b.Role = "layer"
	}
	return b
}

// actionOf returns an image's Action.
func (t *tree) actionOf(key contentKey, isPut bool) string {
	switch {
	case isPut && t.listed[key]:
		return "shared"
	case isPut:
		return "put"
	case t.plan.calls.HasManifest(key.host, key.repository, key.reference):
		return string(wire.ActionPresent)
	}
	return "expected"
}

// content returns the config and the layers of an image manifest.
func (t *tree) content(key contentKey, m manifest.Manifest) ([]blobLine, error) {
	im, err := m.Image()
	if err != nil {
		return nil, err
	}
	var out []blobLine
	for i, d := range im.References() {
		b := t.blob(key, d)
		b.Role = "layer"
		if i == 0 && im.Config != nil {
			b.Role = "config"
		}
		out = append(out, b)
	}
	return out, nil
}

// blob returns a config or layer of an image in the repository of key. A blob that the plan does
// not have is not copied: its descriptor has URLs.
func (t *tree) blob(key contentKey, d manifest.Descriptor) blobLine {
	key = key.with(d.Digest)
	out := blobLine{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	planned, ok := t.blobs[key]
	switch {
	case !ok:
		out.Action = "elsewhere"
	case t.listed[key]:
		out.Action = "shared"
	default:
		out.Action, out.From = string(planned.Action), planned.From
		if planned.Action == actionDelta {
			out.Delta = t.plan.delta(key.host, d.Digest)
		}
	}
	t.listed[key] = true
	return out
}
