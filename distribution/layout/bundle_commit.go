package layout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/hczjl/transship/blob"
)

// Commit makes the bundle permanent. It waits until everything is on the disk and renames the
// files, the first volume last, so that an incomplete bundle is never visible. An earlier bundle of
// the same name, split or not, is replaced. Then it puts FILE.json beside them. It returns the
// inventory with the digests that [BundleFiles] asks for.
//
// If blobs are missing it returns an error, and the bundle can still be filled. After any other
// error, such as that of a cancelled context, the bundle is left for Abort or Close.
func (b *Bundle) Commit(ctx context.Context) (Inventory, error) {
	if missing := b.missingBlobs(); len(missing) > 0 {
		return Inventory{}, fmt.Errorf("%s: %d of %d blobs are missing, the first is %s",
			b.path, len(missing), len(b.slots), missing[0])
	}
	digests, err := b.hasher.result(ctx)
	if err == nil {
		err = b.finalize(digests)
	}
	if err != nil {
		return Inventory{}, fmt.Errorf("%s: %w", b.path, err)
	}
	b.ended.Store(true)
	b.inventory.File = filepath.Base(b.path)
	return b.inventory, b.partial.remove()
}

// missingBlobs returns the digests of the blobs that have not been written, sorted.
func (b *Bundle) missingBlobs() []blob.Digest {
	var out []blob.Digest
	for d, s := range b.slots {
		if !s.full.Load() {
			out = append(out, d)
		}
	}
	slices.Sort(out)
	return out
}

func (b *Bundle) finalize(digests []blob.Digest) error {
	for i, d := range digests {
		b.inventory.Volumes[i].Digest = d
	}
	if err := b.writeInventory(); err != nil {
		return err
	}
	if err := b.syncer.wait(); err != nil {
		return err
	}
	for _, f := range b.volumes.files {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := b.volumes.Close(); err != nil {
		return err
	}
	if err := b.removeEarlier(); err != nil {
		return err
	}
	for i := len(b.volumes.files) - 1; i >= 0; i-- {
		if err := b.partial.files.rename(b.partial.volumeName(i), b.inventory.Volumes[i].File); err != nil {
			return err
		}
	}
	if b.sign != nil {
		if err := b.partial.files.rename(b.partial.name("signature"), filepath.Base(signaturePath(b.path))); err != nil {
			return err
		}
	}
	if err := b.partial.files.rename(b.partial.name("inventory"), filepath.Base(inventoryPath(b.path))); err != nil {
		return err
	}
	return syncDir(filepath.Dir(b.path))
}

// writeInventory writes FILE.json, and its signature if there is to be one, into the partial folder.
func (b *Bundle) writeInventory() error {
	raw := b.inventory.encode()
	if b.sign != nil {
		sig, err := b.sign(raw)
		if err == nil {
			err = b.writePartial("signature", sig)
		}
		if err != nil {
			return err
		}
	}
	return b.writePartial("inventory", raw)
}

// writePartial writes a file into the partial folder.
func (b *Bundle) writePartial(name string, content []byte) error {
	f, err := b.partial.open(b.partial.name(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// removeEarlier removes what the renames do not replace of an earlier bundle with that name: its
// inventory first, so that it never lies beside another bundle; its volumes, the first one first;
// and its single file if the new bundle is split.
func (b *Bundle) removeEarlier() error {
	old, err := existingVolumes(b.path)
	if err != nil {
		return err
	}
	old = slices.Insert(old, 0, inventoryPath(b.path), signaturePath(b.path))
	if b.inventory.Volumes[0].File != filepath.Base(b.path) {
		old = append(old, b.path)
	}
	return removeFiles(old)
}
