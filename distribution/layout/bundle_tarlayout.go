package layout

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// tarLayout is the layout of a bundle as a tar: its members and their offsets. It is made before
// the bundle is written.
type tarLayout struct {
	contentSet // what is written
	base       *Inventory
	deltas     map[blob.Digest]Delta // by the digest of the blob
	platform   manifest.Platform
	inventory  Inventory                         // without Volumes
	chosen     map[blob.Digest]manifest.Manifest // by image digest: the manifest for loaders of one platform

	members []tarMember // in the order of the tar
	size    int64       // in bytes, of the tar
}

// tarMember is a member of the tar: a document or manifest with its bytes, or a blob that comes
// later.
type tarMember struct {
	name string
	data []byte              // nil for a blob
	blob manifest.Descriptor // empty for a document or manifest
	section
}

// layOut returns the layout of the bundle. Equal contents give equal layouts.
func (c *BundleContents) layOut() (*tarLayout, error) {
	images, set, err := c.validate()
	if err != nil {
		return nil, err
	}
	l := &tarLayout{contentSet: set, base: c.Base, deltas: c.Deltas, platform: c.Platform, inventory: Inventory{Images: images}}
	if l.platform.OS == "" {
		l.platform = defaultPlatform()
	}
	if err := l.inventory.collect(l.load, l.available); err != nil {
		return nil, err
	}
	l.trim()
	if err := l.makeDocuments(); err != nil {
		return nil, err
	}
	return l, l.assignOffsets()
}

// defaultPlatform is the platform for loaders of one platform if none is asked for.
func defaultPlatform() manifest.Platform {
	return manifest.Platform{OS: "linux", Architecture: "amd64"}
}

// available reports whether the bundle or its base has a manifest or blob.
func (l *tarLayout) available(d blob.Digest) bool {
	_, inBase := l.base.Find(d)
	_, isDelta := l.deltas[d]
	return inBase || isDelta || l.has(d)
}

// trim removes from what is written what the base has, what there is a delta of, and what no image
// refers to.
func (l *tarLayout) trim() {
	if l.base != nil {
		l.inventory.Base = &Base{ID: l.base.ID, File: l.base.File}
	}
	written := map[blob.Digest]bool{}
	for i := range l.inventory.Content {
		c := &l.inventory.Content[i]
		if inBase, known := l.base.Find(c.Digest); known && c.MediaType == "" {
			c.InBase, c.Repositories = true, inBase.Repositories
		} else if delta, is := l.deltas[c.Digest]; is && c.MediaType == "" {
			c.Delta = &delta
		}
		written[c.Digest] = !c.needsBase()
	}
	maps.DeleteFunc(l.manifests, func(d blob.Digest, _ manifest.Manifest) bool { return !written[d] })
	maps.DeleteFunc(l.blobs, func(d blob.Digest, _ manifest.Descriptor) bool { return !written[d] })
}

// makeDocuments makes the members that describe the others.
func (l *tarLayout) makeDocuments() error {
	if err := l.chooseManifests(); err != nil {
		return err
	}
	images := l.dockerImages()
	entries, err := l.entries()
	if err != nil {
		return err
	}
	inventory := l.inventory.encode()
	l.inventory.ID = blob.FromBytes(inventory)
	l.members = []tarMember{
		{name: layoutFile, data: []byte(layoutText)},
		{name: indexFile, data: newIndex(nil, entries).encode()},
		{name: dockerFile, data: append(compact(images), '\n')},
		{name: repositoriesFile, data: append(compact(dockerRepositories(images)), '\n')},
		{name: inventoryFile, data: inventory},
	}
	return nil
}

// assignOffsets adds the other members and gives all of them their offsets: the documents, then the
// manifests, then the blobs, then the deltas, each sorted by digest.
func (l *tarLayout) assignOffsets() error {
	for _, d := range slices.Sorted(maps.Keys(l.manifests)) {
		l.members = append(l.members, tarMember{name: blobName(d), data: l.manifests[d].Raw})
	}
	for _, d := range slices.Sorted(maps.Keys(l.blobs)) {
		l.members = append(l.members, tarMember{name: blobName(d), blob: l.blobs[d]})
	}
	for _, d := range l.inventory.deltas() {
		l.members = append(l.members, tarMember{name: deltaName(d.Digest), blob: d})
	}
	for i := range l.members {
		member := &l.members[i]
		if member.blob.Size > maxTar || l.size > maxTar {
			return fmt.Errorf("its blobs have more than %d bytes together", int64(maxTar))
		}
		member.size = int64(len(member.data)) + member.blob.Size
		header, err := member.header()
		if err != nil {
			return err
		}
		member.offset = l.size + int64(len(header))
		l.size = member.offset + padded(member.size)
	}
	l.size += 2 * tarBlock
	return nil
}

// maxTar is more than any disk has. Sizes come from foreign manifests, and their sum must not overflow.
const maxTar = 1 << 60

// padded rounds a size up to whole blocks.
func padded(size int64) int64 { return (size + tarBlock - 1) / tarBlock * tarBlock }

// header returns the member's header. It depends on name and size only.
func (m *tarMember) header() ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: m.name, Size: m.size, Mode: 0o644})
	return b.Bytes(), err
}

// isBlob reports whether the member is a blob, whose bytes come later.
func (m *tarMember) isBlob() bool { return m.blob.Digest != "" }

// writeHeaders writes all headers, documents and manifests.
func (l *tarLayout) writeHeaders(to io.WriterAt) error {
	for i := range l.members {
		member := &l.members[i]
		header, err := member.header()
		if err != nil {
			return err
		}
		if _, err := to.WriteAt(append(header, member.data...), member.offset-int64(len(header))); err != nil {
			return err
		}
	}
	return nil
}
