package layout

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"slices"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// plan is a bundle before it is written: where each byte goes.
type tarLayout struct {
	contentSet // what is written
	base       *Inventory
	platform   manifest.Platform
	inventory  Inventory                         // without Volumes
	chosen     map[blob.Digest]manifest.Manifest // of an image, what loaders of one platform get

	members []tarMember // in their order
	size    int64       // bytes of the tar
}

// tarMember is a member of the tar: a small one with its bytes, or a blob that is still to come.
type tarMember struct {
	name string
	data []byte              // nil of a blob
	blob manifest.Descriptor // empty of a small member
	section
}

// plan lays out the bundle. Equal contents give equal plans.
func (c *Contents) layOut() (*tarLayout, error) {
	images, parts, err := c.validate()
	if err != nil {
		return nil, err
	}
	p := &tarLayout{contentSet: parts, base: c.Base, platform: c.Platform, inventory: Inventory{Images: images}}
	if p.platform.OS == "" {
		p.platform = defaultPlatform()
	}
	if err := p.inventory.collect(p.load, p.available); err != nil {
		return nil, err
	}
	p.trim()
	if err := p.makeDocuments(); err != nil {
		return nil, err
	}
	return p, p.assignOffsets()
}

// defaultPlatform is the one that loaders of one platform get where none is asked for.
func defaultPlatform() manifest.Platform {
	return manifest.Platform{OS: "linux", Architecture: "amd64"}
}

// known tells whether the bundle or its base has something; what must not be distributed they need not have.
func (p *tarLayout) available(d blob.Digest) bool {
	_, inBase := p.base.Find(d)
	return inBase || p.has(d)
}

// trim takes what the base has, and what no image refers to, out of what is written.
func (p *tarLayout) trim() {
	if p.base != nil {
		p.inventory.Base = &Base{ID: p.base.ID, File: p.base.File}
	}
	written := map[blob.Digest]bool{}
	for i := range p.inventory.Content {
		c := &p.inventory.Content[i]
		if there, known := p.base.Find(c.Digest); known && c.MediaType == "" {
			c.InBase, c.Repositories = true, there.Repositories
		}
		written[c.Digest] = !c.InBase
	}
	maps.DeleteFunc(p.manifests, func(d blob.Digest, _ manifest.Manifest) bool { return !written[d] })
	maps.DeleteFunc(p.blobs, func(d blob.Digest, _ manifest.Descriptor) bool { return !written[d] })
}

// documents makes the members that describe the others.
func (p *tarLayout) makeDocuments() error {
	if err := p.chooseManifests(); err != nil {
		return err
	}
	images := p.dockerImages()
	entries, err := p.entries()
	if err != nil {
		return err
	}
	inventory := p.inventory.encode()
	p.inventory.ID = blob.FromBytes(inventory)
	p.members = []tarMember{
		{name: layoutFile, data: []byte(layoutText)},
		{name: indexFile, data: newIndex(nil, entries).encode()},
		{name: dockerFile, data: append(compact(images), '\n')},
		{name: repositoriesFile, data: append(compact(dockerRepositories(images)), '\n')},
		{name: inventoryFile, data: inventory},
	}
	return nil
}

// layOut gives every member its place: the documents, then manifests, then blobs, these by digest.
func (p *tarLayout) assignOffsets() error {
	for _, d := range slices.Sorted(maps.Keys(p.manifests)) {
		p.members = append(p.members, tarMember{name: blobName(d), data: p.manifests[d].Raw})
	}
	for _, d := range slices.Sorted(maps.Keys(p.blobs)) {
		p.members = append(p.members, tarMember{name: blobName(d), blob: p.blobs[d]})
	}
	for i := range p.members {
		m := &p.members[i]
		m.size = int64(len(m.data)) + m.blob.Size
		header, err := m.header()
		if err != nil {
			return err
		}
		m.offset = p.size + int64(len(header))
		p.size = m.offset + padded(m.size)
	}
	p.size += 2 * tarBlock
	return nil
}

// padded rounds a size up to whole blocks.
func padded(size int64) int64 { return (size + tarBlock - 1) / tarBlock * tarBlock }

// header returns the member's header: always the same for a name and a size.
func (m *tarMember) header() ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: m.name, Size: m.size, Mode: 0o644})
	return b.Bytes(), err
}

// isBlob tells whether the member's bytes are still to come.
func (m *tarMember) isBlob() bool { return m.blob.Digest != "" }

// writeSmall writes all headers, and the members that are known, to their places.
func (p *tarLayout) writeHeaders(to io.WriterAt) error {
	for i := range p.members {
		m := &p.members[i]
		header, err := m.header()
		if err != nil {
			return err
		}
		if _, err := to.WriteAt(append(header, m.data...), m.offset-int64(len(header))); err != nil {
			return err
		}
	}
	return nil
}
