package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// checkDocuments compares the documents of a bundle, which no digest covers, with what the
// manifests say. If manifests cannot be read, which is reported elsewhere, it only compares the
// documents with each other.
func (v *archiveVerifier) checkDocuments() {
	a := v.archive
	if a.inventory == nil {
		v.checkDockerFile()
		return
	}
	layout, err := a.expectedLayout()
	if err != nil {
		v.checkIndex()
		v.checkDockerFile()
		return
	}
	for _, m := range layout.members {
		if m.name != layoutFile { // OpenArchive has read it
			v.report(Check{What: m.name, Err: a.compareDocument(m)})
		}
	}
}

// checkEnd checks that nothing but zeros comes after the last member, and that a bundle ends as a tar
// does, with two blocks of zeros or more (POSIX, pax). Other tools leave these out at times.
func (v *archiveVerifier) checkEnd(ctx context.Context) error {
	a := v.archive
	at := padded(a.members.end)
	rest := &zeroWriter{}
	_, err := copyContext(ctx, rest, io.NewSectionReader(a.volumes, at, max(0, a.volumes.size-at)), v.buf)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
	case rest.nonZero:
		err = a.errorf("", ErrDamaged, "there are bytes after the end of the tar, which is at byte %d", at)
	case a.inventory != nil && a.volumes.size < at+2*tarBlock:
		err = a.volumes.truncatedError("")
	}
	v.report(Check{What: "the end of the tar", Err: err})
	return nil
}

// zeroWriter is an io.Writer that remembers whether it got a non-zero byte.
type zeroWriter struct{ nonZero bool }

// Write implements io.Writer and never fails.
func (z *zeroWriter) Write(b []byte) (int, error) {
	z.nonZero = z.nonZero || bytes.ContainsFunc(b, func(r rune) bool { return r != 0 })
	return len(b), nil
}

// checkIndex checks that index.json names the images of a bundle as its inventory does.
func (v *archiveVerifier) checkIndex() {
	a := v.archive
	if a.inventory == nil {
		return
	}
	var err error
	images := slices.SortedFunc(slices.Values(a.images), compareImages)
	same := func(x, y Image) bool { return compareImages(x, y) == 0 && x.MediaType == y.MediaType }
	if !slices.EqualFunc(images, a.inventory.Images, same) {
		err = a.errorf(indexFile, ErrDamaged, "its images differ from those in %s", inventoryFile)
	}
	v.report(Check{What: indexFile, Err: err})
}

// checkDockerFile checks that what the manifest.json of an image layout refers to is there.
func (v *archiveVerifier) checkDockerFile() {
	a := v.archive
	b, err := a.members.document(dockerFile, maxDocument)
	if b == nil && err == nil || !a.members.has(layoutFile) {
		return // openDocker has read all of a docker-archive
	}
	var entries []dockerImage
	if err == nil {
		entries, err = parseDockerFile(b)
	}
	if err != nil {
		err = a.errorf(dockerFile, ErrDamaged, "%v", err)
	}
	for _, e := range entries {
		for _, name := range append([]string{e.Config}, e.Layers...) {
			if !a.members.has(name) && !a.inBase(parseBlobName(name)) {
				err = a.errorf(dockerFile, ErrDamaged, "it points to %s, which is not there", printable(name))
			}
		}
	}
	v.report(Check{What: dockerFile, Err: err})
}

// expectedLayout lays the bundle out again from the images of its inventory. No document says for
// which platform manifest.json was made, so it tries all of them until manifest.json agrees.
func (a *Archive) expectedLayout() (*tarLayout, error) {
	l := &tarLayout{contentSet: contentSet{map[blob.Digest]manifest.Manifest{}, map[blob.Digest]manifest.Descriptor{}}}
	l.inventory.Images = slices.Clone(a.inventory.Images)
	if a.inventory.Base != nil {
		l.base = &Inventory{ID: a.inventory.Base.ID, File: a.inventory.Base.File}
	}
	l.deltas = map[blob.Digest]Delta{}
	for _, c := range a.inventory.Missing() {
		if c.Delta != nil {
			l.deltas[c.Digest] = *c.Delta
		} else {
			l.base.Content = append(l.base.Content, c)
		}
	}
	for d, at := range a.blobs {
		l.blobs[d] = manifest.Descriptor{Digest: d, Size: at.size}
	}
	if err := l.inventory.collect(l.loadFrom(a), l.available); err != nil {
		return nil, err
	}
	l.trim()
	differs := func(m tarMember) bool { return m.name == dockerFile && a.compareDocument(m) != nil }
	for _, platform := range l.candidatePlatforms() {
		l.platform = platform
		if err := l.makeDocuments(); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(l.members, differs) {
			return l, nil
		}
	}
	l.platform = defaultPlatform()
	return l, l.makeDocuments()
}

// loadFrom returns a loader that also adds the manifests of an archive to the layout.
func (l *tarLayout) loadFrom(a *Archive) manifestLoader {
	return func(d manifest.Descriptor) (manifest.Manifest, error) {
		m, err := a.manifest(d)
		if err == nil {
			l.manifests[d.Digest] = m
		}
		return m, err
	}
}

// candidatePlatforms returns all platforms that a bundle with these manifests can have been made
// for, the default first.
func (l *tarLayout) candidatePlatforms() []manifest.Platform {
	out := []manifest.Platform{defaultPlatform()}
	known := map[string]bool{out[0].String(): true}
	for _, d := range slices.Sorted(maps.Keys(l.manifests)) {
		refs, _ := l.manifests[d].References() // collect has read them
		for _, ref := range refs {
			if ref.Platform != nil && !known[ref.Platform.String()] {
				known[ref.Platform.String()] = true
				out = append(out, *ref.Platform)
			}
		}
	}
	return out
}

// compareDocument returns an error if a document of a bundle does not say what it should.
func (a *Archive) compareDocument(want tarMember) error {
	b, err := a.members.document(want.name, maxDocument)
	if err != nil {
		return err
	}
	got, err := canonicalDocument(want.name, b)
	if err != nil {
		return a.errorf(want.name, ErrDamaged, "%v", err)
	}
	expected, _ := canonicalDocument(want.name, want.data) // makeDocuments has just made it
	if !bytes.Equal(got, expected) {
		return a.errorf(want.name, ErrDamaged, "it does not agree with the manifests of the images")
	}
	return nil
}

// canonicalDocument reduces a document of a bundle to what is known of its format, in one form.
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
		err := manifest.Decode(b, &tags)
		return compact(tags), err
	}
	in, err := decodeInventory(b)
	in.ID = ""
	return in.encode(), err
}

func canonicalIndex(b []byte) ([]byte, error) {
	var doc struct {
		SchemaVersion int                   `json:"schemaVersion"`
		MediaType     string                `json:"mediaType"`
		Manifests     []manifest.Descriptor `json:"manifests"`
	}
	if err := manifest.Decode(b, &doc); err != nil {
		return nil, err
	}
	for i, d := range doc.Manifests {
		maps.DeleteFunc(d.Annotations, func(key, _ string) bool {
			return !slices.Contains([]string{annotationTag, annotationImage, annotationReference}, key)
		})
		d = manifest.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Annotations: d.Annotations}
		doc.Manifests[i] = d
	}
	return compact(doc), nil
}
