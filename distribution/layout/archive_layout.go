package layout

import (
	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// openLayout reads the documents of an image layout. Images that only docker's manifest.json lists
// come after those of index.json.
func (a *Archive) openLayout() error {
	for name := range a.members.links {
		return a.errorf(name, ErrUnsafe, "it is a link")
	}
	a.indexBlobs()
	if err := a.readVersion(); err != nil {
		return err
	}
	if err := a.readInventory(); err != nil {
		return err
	}
	b, err := a.members.document(indexFile, maxDocument)
	if err != nil {
		return err
	}
	if b == nil {
		return a.errorf(indexFile, ErrDamaged, "it is missing")
	}
	ix, err := parseIndex(b, "")
	if err != nil {
		return a.errorf(indexFile, ErrDamaged, "%v", err)
	}
	for _, e := range ix.entries {
		if err := a.checkEntry(e.Descriptor); err != nil {
			return err
		}
		a.images = append(a.images, entryImage(e.Descriptor))
	}
	return a.openDocker()
}

// indexBlobs adds the members that are named like blobs of an image layout, or like deltas.
func (a *Archive) indexBlobs() {
	for name, at := range a.members.files {
		if d := parseBlobName(name); d != "" {
			a.blobs[d] = at
		}
		if d := parseDeltaName(name); d != "" {
			a.deltas[d] = at
		}
	}
}

func (a *Archive) readVersion() error {
	b, err := a.members.document(layoutFile, 1<<20)
	if err != nil {
		return err
	}
	if err := checkVersion(b); err != nil {
		return a.errorf("", errorKind(err), "%v", err)
	}
	return nil
}

// readInventory reads transship.json, if there is one, and checks that everything it lists is
// there.
func (a *Archive) readInventory() error {
	b, err := a.members.document(inventoryFile, maxDocument)
	if b == nil {
		return err
	}
	in, err := decodeInventory(b)
	if err != nil {
		return inventoryError(a.volumes.path, inventoryFile, err)
	}
	for _, c := range in.Content {
		at, found := a.blobs[c.Digest]
		switch {
		case found && at.size != c.Size:
			return a.errorf(blobName(c.Digest), ErrDamaged, "it has %d bytes, but %s says %d", at.size, inventoryFile, c.Size)
		case !found && !c.needsBase():
			return a.volumes.truncatedError(blobName(c.Digest))
		}
	}
	for _, d := range in.deltas() {
		at, found := a.deltas[d.Digest]
		switch {
		case !found:
			return a.volumes.truncatedError(deltaName(d.Digest))
		case at.size != d.Size:
			return a.errorf(deltaName(d.Digest), ErrDamaged, "it has %d bytes, but %s says %d", at.size, inventoryFile, d.Size)
		}
	}
	in.ID, in.File = blob.FromBytes(b), a.Name()
	a.inventory = &in
	if in.Base != nil {
		a.missing = *in.Base
	}
	return nil
}

// checkEntry checks that the manifest of an entry of index.json is there.
func (a *Archive) checkEntry(d manifest.Descriptor) error {
	at, found := a.blobs[d.Digest]
	switch {
	case !found:
		return a.errorf(indexFile, ErrDamaged, "it points to %s, which is not there", d.Digest)
	case at.size != d.Size:
		return a.errorf(blobName(d.Digest), ErrDamaged, "it has %d bytes, but %s says %d", at.size, indexFile, d.Size)
	}
	return nil
}
