package layout

import (
	"fmt"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// openLayout reads the documents of an image layout.
func (a *Archive) openLayout() error {
	for name := range a.members.links {
		return a.newError(name, ErrUnsafe, "it is a link")
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
		return a.newError(indexFile, ErrDamaged, "it is missing")
	}
	ix, err := parseIndex(b, "")
	if err != nil {
		return a.newError(indexFile, ErrDamaged, err.Error())
	}
	for _, e := range ix.entries {
		if err := a.checkEntry(e.Descriptor); err != nil {
			return err
		}
		a.images = append(a.images, entryImage(e.Descriptor))
	}
	return nil
}

// noteBlobs enters the members that are named like the blobs of an image layout.
func (a *Archive) indexBlobs() {
	for name, at := range a.members.files {
		if d := parseBlobName(name); d != "" {
			a.blobs[d] = at
		}
	}
}

func (a *Archive) readVersion() error {
	b, err := a.members.document(layoutFile, 1<<20)
	if err != nil {
		return err
	}
	if err := checkVersion(b); err != nil {
		return a.newError("", errorKind(err), err.Error())
	}
	return nil
}

// readInventory reads transship.json, where there is one, and makes sure that all it lists is there.
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
			return a.newError(blobName(c.Digest), ErrDamaged, fmt.Sprintf("it has %d bytes, and %d by %s", at.size, c.Size, inventoryFile))
		case !found && !c.InBase:
			return a.volumes.truncatedError(blobName(c.Digest))
		}
	}
	in.ID, in.File = blob.FromBytes(b), a.Name()
	a.inventory = &in
	return nil
}

// checkEntry makes sure that an entry of index.json points to something.
func (a *Archive) checkEntry(d manifest.Descriptor) error {
	at, found := a.blobs[d.Digest]
	switch {
	case !found:
		return a.newError(indexFile, ErrDamaged, fmt.Sprintf("it points to %s, which is not there", d.Digest))
	case at.size != d.Size:
		return a.newError(blobName(d.Digest), ErrDamaged, fmt.Sprintf("it has %d bytes, and %d by %s", at.size, d.Size, indexFile))
	}
	return nil
}
