package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// documents holds the documents of a bundle, which stand under no digest, against what the manifests make of them. Where
// those cannot be read, which is told elsewhere, the documents can only be held against each other.
func (v *archiveVerifier) checkDocuments() {
	a := v.archive
	if a.inventory == nil {
		v.checkDockerFile()
		return
	}
	p, err := a.expectedLayout()
	if err != nil {
		v.checkIndex()
		v.checkDockerFile()
		return
	}
	for _, m := range p.members {
		if m.name != layoutFile { // OpenArchive has read it
			v.report(Check{What: m.name, Err: a.compareDocument(m)})
		}
	}
}

// end makes sure that a bundle ends as a tar does (POSIX, pax: two blocks of zeros, or more), and nothing comes after that.
func (v *archiveVerifier) checkEnd(ctx context.Context) error {
	a := v.archive
	if a.inventory == nil {
		return nil
	}
	at := padded(a.members.end)
	rest := &zeroWriter{}
	_, err := copyContext(ctx, rest, io.NewSectionReader(a.volumes, at, max(0, a.volumes.size-at)), v.buf)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
	case rest.nonZero:
		err = a.newError("", ErrDamaged, fmt.Sprintf("something stands behind the end of the tar, which is at byte %d", at))
	case a.volumes.size < at+2*tarBlock:
		err = a.volumes.truncatedError("")
	}
	v.report(Check{What: "the end of the tar", Err: err})
	return nil
}

// zeros is a writer that notes whether it gets other bytes.
type zeroWriter struct{ nonZero bool }

// Write implements io.Writer and never fails.
func (z *zeroWriter) Write(b []byte) (int, error) {
	z.nonZero = z.nonZero || bytes.ContainsFunc(b, func(r rune) bool { return r != 0 })
	return len(b), nil
}

// index makes sure that a bundle's images are called as its inventory says: names stand under no digest.
func (v *archiveVerifier) checkIndex() {
	a := v.archive
	if a.inventory == nil {
		return
	}
	var err error
	images := slices.SortedFunc(slices.Values(a.images), compareImages)
	if !slices.EqualFunc(images, a.inventory.Images, func(x, y Image) bool { return compareImages(x, y) == 0 && x.MediaType == y.MediaType }) {
		err = a.newError(indexFile, ErrDamaged, "its images are not those of "+inventoryFile)
	}
	v.report(Check{What: indexFile, Err: err})
}

// docker makes sure that what an image layout offers to docker is there.
func (v *archiveVerifier) checkDockerFile() {
	a := v.archive
	b, err := a.members.document(dockerFile, maxDocument)
	if b == nil && err == nil || len(a.synthesized) > 0 {
		return
	}
	var entries []dockerImage
	if err == nil {
		entries, err = parseDockerFile(b)
	}
	if err != nil {
		err = a.newError(dockerFile, ErrDamaged, err.Error())
	}
	for _, e := range entries {
		for _, name := range append([]string{e.Config}, e.Layers...) {
			if !a.members.has(name) && !a.inBase(parseBlobName(name)) {
				err = a.newError(dockerFile, ErrDamaged, "it points to "+printable(name)+", which is not there")
			}
		}
	}
	v.report(Check{What: dockerFile, Err: err})
}

// replan makes the documents again that the writer of a bundle made: of the images that the inventory names, and for the
// platform that manifest.json was made for, which nothing tells.
func (a *Archive) expectedLayout() (*tarLayout, error) {
	p := &tarLayout{contentSet: contentSet{map[blob.Digest]manifest.Manifest{}, map[blob.Digest]manifest.Descriptor{}}}
	p.inventory.Images = slices.Clone(a.inventory.Images)
	if a.inventory.Base != nil {
		p.base = &Inventory{ID: a.inventory.Base.ID, File: a.inventory.Base.File, Content: a.inventory.Missing()}
	}
	for d, at := range a.blobs {
		p.blobs[d] = manifest.Descriptor{Digest: d, Size: at.size}
	}
	if err := p.inventory.collect(p.loadFrom(a), p.available); err != nil {
		return nil, err
	}
	p.trim()
	for _, platform := range p.candidatePlatforms() {
		p.platform = platform
		if err := p.makeDocuments(); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(p.members, func(m tarMember) bool { return m.name == dockerFile && a.compareDocument(m) != nil }) {
			return p, nil
		}
	}
	p.platform = defaultPlatform()
	return p, p.makeDocuments()
}

// loadFrom reads manifests of an archive into the plan.
func (p *tarLayout) loadFrom(a *Archive) manifestLoader {
	return func(d manifest.Descriptor) (manifest.Manifest, error) {
		m, err := a.manifest(d)
		if err == nil {
			p.manifests[d.Digest] = m
		}
		return m, err
	}
}

// platforms returns all that a plan with these manifests may have been made for: first the one that is not asked for.
func (p *tarLayout) candidatePlatforms() []manifest.Platform {
	out := []manifest.Platform{defaultPlatform()}
	known := map[string]bool{out[0].String(): true}
	for _, d := range slices.Sorted(maps.Keys(p.manifests)) {
		refs, _ := p.manifests[d].References() // collect has read them
		for _, ref := range refs {
			if ref.Platform != nil && !known[ref.Platform.String()] {
				known[ref.Platform.String()] = true
				out = append(out, *ref.Platform)
			}
		}
	}
	return out
}

// agrees tells whether a document of a bundle says what it should.
func (a *Archive) compareDocument(want tarMember) error {
	b, err := a.members.document(want.name, maxDocument)
	if err != nil {
		return err
	}
	got, err := canonicalDocument(want.name, b)
	if err != nil {
		return a.newError(want.name, ErrDamaged, err.Error())
	}
	if expected, _ := canonicalDocument(want.name, want.data); !bytes.Equal(got, expected) { // the latter was just made
		return a.newError(want.name, ErrDamaged, "it does not say of the images what their manifests say")
	}
	return nil
}

// meaning reduces a document of a bundle to what is known of its format, in one form.
func canonicalDocument(name string, b []byte) ([]byte, error) {
	if b == nil {
		return nil, errors.New("it is missing")
	}
	switch name {
	case indexFile:
		return canonicalIndex(b)
	case dockerFile:
		entries, err := parseDockerFile(b)
		return compact(entries), err
	case repositoriesFile:
		var tags map[string]map[string]string
		err := json.Unmarshal(b, &tags)
		return compact(tags), err
	}
	in, err := decodeInventory(b)
	in.ID = ""
	return in.encode(), err
}

func canonicalIndex(b []byte) ([]byte, error) {
	var doc struct {
		SchemaVersion int
		MediaType     string
		Manifests     []manifest.Descriptor
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	for i, d := range doc.Manifests {
		maps.DeleteFunc(d.Annotations, func(key, _ string) bool {
			return !slices.Contains([]string{annotationTag, annotationImage, annotationReference}, key)
		})
		doc.Manifests[i] = manifest.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Annotations: d.Annotations}
	}
	return compact(doc), nil
}
