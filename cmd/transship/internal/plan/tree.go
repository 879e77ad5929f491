package plan

import (
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest"
)

// tree shows what a plan puts as images with what is in them.
type tree struct {
	plan  *Plan
	blobs map[contentAt]wire.PlannedBlob
	put   map[contentAt]manifest.Manifest
	told  map[contentAt]bool // what is in an image already
}

// contentAt is a blob or manifest in a repository; a manifest by tag or digest.
type contentAt struct{ host, repository, reference string }

// with is something else in the same repository.
func (c contentAt) with(d blob.Digest) contentAt { return contentAt{c.host, c.repository, string(d)} }

func newTree(plan *Plan) *tree {
	t := &tree{plan: plan, blobs: map[contentAt]wire.PlannedBlob{}, put: map[contentAt]manifest.Manifest{}, told: map[contentAt]bool{}}
	for _, b := range plan.blobs() {
		t.blobs[contentAt{b.Host, b.Repository, b.Digest}] = b
	}
	return t
}

// blobs are those of registries, layouts and tars.
func (p *Plan) blobs() []wire.PlannedBlob {
	out := p.calls.Blobs()
	for _, at := range p.inOrder {
		out = append(out, at.blobs...)
	}
	return out
}

func (p *Plan) manifests() []wire.PlannedManifest {
	out := p.calls.Manifests()
	for _, at := range p.inOrder {
		out = append(out, at.manifests...)
	}
	return out
}

// images are those manifests that no other one has in it. Of several that are put under one name it is the last, and
// what is put by its digest before its tag is shown under the tag.
func (t *tree) images() ([]*image, error) {
	var names []contentAt
	part := map[contentAt]bool{}
	for _, p := range t.plan.manifests() {
		name := contentAt{p.Host, p.Repository, p.Reference}
		m, err := manifest.Parse(p.MediaType, p.Raw)
		if err != nil {
			return nil, err
		}
		if d := blob.Digest(p.Reference); d.Validate() == nil {
			m.Digest = d
		} else {
			part[name.with(m.Digest)] = true
		}
		refs, err := m.References()
		if err != nil {
			return nil, err
		}
		for _, d := range refs {
			part[name.with(d.Digest)] = true
		}
		t.put[name], t.put[name.with(m.Digest)] = m, m
		names = append(names, name)
	}
	return t.roots(names, part)
}

// roots makes the trees of those names that are not parts of others.
func (t *tree) roots(names []contentAt, part map[contentAt]bool) ([]*image, error) {
	out := []*image{}
	done := map[contentAt]bool{}
	for _, name := range names {
		if part[name] || done[name] {
			continue
		}
		done[name] = true
		image, err := t.image(name, t.put[name].Descriptor)
		if err != nil {
			return nil, err
		}
		image.Reference = t.plan.nameOf(name.host, name.repository, name.reference)
		image.local = t.plan.places[name.host] != nil
		out = append(out, image)
	}
	return out, nil
}

// image is a manifest in the repository of at, with what is below it.
func (t *tree) image(at contentAt, d manifest.Descriptor) (*image, error) {
	at = at.with(d.Digest)
	out := &image{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	if d.Platform != nil {
		out.Platform = d.Platform.String()
	}
	m, isPut := t.put[at]
	if out.Action = t.actionOf(at, isPut); out.Action != "put" {
		return out, nil
	}
	t.told[at] = true
	refs, err := m.References()
	if err != nil {
		return nil, err
	}
	if subject, err := m.Subject(); err == nil && subject != nil {
		out.Subject = subject.Digest
	}
	if !manifest.IsIndex(m.MediaType) {
		out.Blobs, err = t.content(at, m)
		return out, err
	}
	for _, ref := range refs {
		below, err := t.image(at, ref)
		if err != nil {
			return nil, err
		}
		out.Manifests = append(out.Manifests, below)
	}
	return out, nil
}

// actionOf is what becomes of a manifest.
func (t *tree) actionOf(at contentAt, isPut bool) string {
	switch {
	case isPut && t.told[at]:
		return "shared"
	case isPut:
		return "put"
	case t.plan.calls.HasManifest(at.host, at.repository, at.reference):
		return string(wire.ActionPresent)
	}
	return "expected"
}

// content is the config and the layers of an image.
func (t *tree) content(at contentAt, m manifest.Manifest) ([]blobLine, error) {
	im, err := m.Image()
	if err != nil {
		return nil, err
	}
	var out []blobLine
	for i, d := range im.References() {
		b := t.blob(at, d)
		b.Role = "layer"
		if i == 0 && im.Config != nil {
			b.Role = "config"
		}
		out = append(out, b)
	}
	return out, nil
}

// blob is a config or layer of a manifest in the repository of at. What no call was needed for stays at its URLs.
func (t *tree) blob(at contentAt, d manifest.Descriptor) blobLine {
	at = at.with(d.Digest)
	out := blobLine{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	planned, ok := t.blobs[at]
	switch {
	case !ok:
		out.Action = "elsewhere"
	case t.told[at]:
		out.Action = "shared"
	default:
		out.Action, out.From = string(planned.Action), planned.From
	}
	t.told[at] = true
	return out
}
