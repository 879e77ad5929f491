package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// BundleSize returns the size in bytes of the tar that [CreateBundle] would write at path, or
// [StreamBundle] if path is "". It writes nothing. Its errors are those of Create, except for those
// of writing.
func BundleSize(path string, c BundleContents, files BundleFiles) (int64, error) {
	l, err := c.layOut()
	if err != nil {
		return 0, err
	}
	if path != "" {
		_, err = l.preflight(path, files)
	}
	return l.size, err
}

// preflight returns the volumes of a bundle at path, and an error if something is in their way.
func (l *tarLayout) preflight(path string, files BundleFiles) (*volumes, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "create", Path: path, Err: errors.New("it is there, and no regular file")}
	}
	v, err := l.newVolumes(path, files.VolumeSize)
	if err != nil {
		return nil, err
	}
	unfinished, err := isUnfinished(path)
	if err == nil && !unfinished {
		err = checkOverwrite(path, files.VolumeSize > 0)
	}
	return v, err
}

// checkOverwrite returns an error if Commit would remove or replace a file, other than path itself,
// that is not of an earlier bundle with that name. These are the inventory, the volumes and, for a
// split bundle, the single file.
func checkOverwrite(path string, split bool) error {
	inventory := inventoryPath(path)
	if b, _ := readFile(inventory, maxDocument); exists(inventory) && !looksLikeInventory(b) {
		return conflictError(inventory, "it is no inventory of a bundle")
	}
	if split && exists(path) && !beginsLikeBundle(path) {
		return conflictError(path, "it is no bundle")
	}
	if beginsLikeBundle(volumePath(path, 0)) {
		return nil // the other volumes are of that bundle too
	}
	volumes, err := existingVolumes(path)
	if err != nil || len(volumes) == 0 {
		return err
	}
	return conflictError(volumes[0], "it is no volume of a bundle")
}

func conflictError(name, reason string) error {
	return &fs.PathError{Op: "create", Path: name, Err: fmt.Errorf("a file is in the way: %s", reason)}
}

// looksLikeInventory reports whether a document is an inventory, of any version.
func looksLikeInventory(b []byte) bool {
	var document struct {
		Version int
		Content json.RawMessage
	}
	return json.Unmarshal(b, &document) == nil && document.Version > 0 && document.Content != nil
}

// beginsLikeBundle reports whether a file begins like a tar whose first member is that of a bundle.
func beginsLikeBundle(name string) bool {
	f, err := openRegular(name)
	if err != nil {
		return false
	}
	defer f.Close()
	first := make([]byte, len(layoutFile))
	_, err = io.ReadFull(f, first)
	return err == nil && string(first) == layoutFile
}

// isUnfinished reports whether a bundle is being written at path, or was when its process ended. In
// that case Commit may already have removed files of an earlier bundle.
func isUnfinished(path string) (bool, error) {
	p := newPartialDir(path)
	_, err := p.files.stat(p.name("plan"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
