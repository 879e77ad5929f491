package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Size returns how many bytes the tar of a bundle has that [Create] would begin at path, or with "" [Stream] would write. It
// makes nothing. The errors are those of Create, but for those of writing.
func Size(path string, c Contents, files Files) (int64, error) {
	p, err := c.layOut()
	if err != nil {
		return 0, err
	}
	if path != "" {
		_, err = p.preflight(path, files)
	}
	return p.size, err
}

// at plans the files of a bundle, and makes sure that nothing is in their way.
func (p *tarLayout) preflight(path string, files Files) (*volumes, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "create", Path: path, Err: errors.New("it is there, and no regular file")}
	}
	v, err := p.newVolumes(path, files.VolumeSize)
	if err == nil && !isUnfinished(path) {
		err = checkOverwrite(path, files.VolumeSize > 0)
	}
	return v, err
}

// checkRoom makes sure that what Commit removes or replaces beside a bundle's own file is of an earlier bundle of that
// name: its inventory, its volumes and, where volumes come, the single file. Anything else is in the way.
func checkOverwrite(path string, split bool) error {
	beside := inventoryPath(path)
	if b, _ := readFile(beside, maxDocument); exists(beside) && !looksLikeInventory(b) {
		return conflictError(beside, "it is no inventory of a bundle")
	}
	if split && exists(path) && !beginsLikeBundle(path) {
		return conflictError(path, "it is no bundle")
	}
	if beginsLikeBundle(volumePath(path, 0)) {
		return nil // the others go with it
	}
	there, err := existingVolumes(path)
	if err != nil || len(there) == 0 {
		return err
	}
	return conflictError(there[0], "it is no volume of a bundle")
}

func conflictError(name, reason string) error {
	return &fs.PathError{Op: "create", Path: name, Err: fmt.Errorf("a file is in the way: %s", reason)}
}

// looksLikeInventory tells an inventory, of whatever version, from another JSON document.
func looksLikeInventory(b []byte) bool {
	var document struct {
		Version int
		Content json.RawMessage
	}
	return json.Unmarshal(b, &document) == nil && document.Version > 0 && document.Content != nil
}

// beginsLikeBundle tells whether the first member of a tar is a bundle's.
func beginsLikeBundle(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	first := make([]byte, len(layoutFile))
	_, err = io.ReadFull(f, first)
	return err == nil && string(first) == layoutFile
}

// unfinished tells whether a bundle is being written at path, or was when its process ended: then Commit may have begun to
// remove what was there.
func isUnfinished(path string) bool {
	_, err := os.Stat((&partialDir{dir: path + ".partial"}).path("plan"))
	return !errors.Is(err, fs.ErrNotExist)
}
