package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// existingVolumes returns the paths of the volumes of a bundle that exist, in order.
func existingVolumes(path string) ([]string, error) {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		m := volumePattern.FindStringSubmatch(e.Name())
		if m != nil && m[1] == filepath.Base(path) && m[2] != "000" {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

// openVolumes opens a bundle by its own path or by that of its first volume.
func openVolumes(path string) (*volumes, error) {
	if m := volumePattern.FindStringSubmatch(path); m != nil && exists(path) && exists(volumePath(m[1], 0)) {
		if m[2] != "001" {
			reason := "this is not the first volume; give " + volumePath(m[1], 0)
			return nil, &ArchiveError{Path: path, Kind: ErrVolume, Reason: reason}
		}
		return openFiles(m[1], true)
	}
	switch {
	case exists(path):
		return openFiles(path, false)
	case exists(volumePath(path, 0)):
		return openFiles(path, true)
	case exists(volumePath(path, 1)):
		return nil, missingVolumeError(volumePath(path, 0))
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func missingVolumeError(name string) error {
	return &ArchiveError{Path: name, Kind: ErrVolume, Reason: "this volume is missing"}
}

// openFiles opens the single file, or one volume after the other until there is none.
func openFiles(path string, split bool) (*volumes, error) {
	v := &volumes{path: path}
	err := v.openAll(split)
	if err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

func (v *volumes) openAll(split bool) error {
	if !split {
		return v.openNext(v.path)
	}
	for i := range maxVolumes {
		err := v.openNext(volumePath(v.path, i))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := v.checkSizes(); err != nil {
		return err
	}
	return v.checkGap()
}

// checkGap returns an error if there are volumes behind the last one that was opened, or FILE.json
// lists more.
func (v *volumes) checkGap() error {
	const lookAhead = 32 // volumes after the gap
	next := len(v.files)
	for i := next + 1; i < min(next+lookAhead, maxVolumes); i++ {
		if exists(volumePath(v.path, i)) {
			return missingVolumeError(volumePath(v.path, next))
		}
	}
	in, err := readInventoryFile(inventoryPath(v.path))
	if err == nil && len(in.Volumes) > next && in.Volumes[0].Size == v.files[0].size {
		return missingVolumeError(volumePath(v.path, next))
	}
	return nil
}

// openNext opens the next file.
func (v *volumes) openNext(name string) error {
	f, err := openRegular(name)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	v.files = append(v.files, volume{f, v.size, info.Size()})
	v.size += info.Size()
	return nil
}

// checkSizes checks that all volumes have the same size, and that the last one is not larger.
func (v *volumes) checkSizes() error {
	first := v.files[0].size
	for i, f := range v.files {
		if f.size == first || i == len(v.files)-1 && f.size < first {
			continue
		}
		if err := v.checkInventory(); err != nil {
			return err
		}
		reason := fmt.Sprintf("this volume has %d bytes, and the first has %d: one of them is not as it was written",
			f.size, first)
		return &ArchiveError{Path: f.Name(), Kind: ErrVolume, Reason: reason}
	}
	return nil
}

// checkInventory compares the volumes with FILE.json, if there is one.
func (v *volumes) checkInventory() error {
	in, err := readInventoryFile(inventoryPath(v.path))
	if err != nil {
		return nil // the caller then returns an error of its own
	}
	for i, want := range in.Volumes {
		if i >= len(v.files) {
			return missingVolumeError(volumePath(v.path, i))
		}
		if err := v.checkSize(i, want.Size); err != nil {
			return err
		}
	}
	return nil
}

// checkSize returns an error if the i-th file does not have the size it was written with.
func (v *volumes) checkSize(i int, size int64) error {
	f := v.files[i]
	if f.size == size {
		return nil
	}
	kind := ErrVolume
	if !v.isSplit() {
		kind = ErrDamaged // it is a single file
	}
	return &ArchiveError{Path: f.Name(), Kind: kind, Reason: fmt.Sprintf("want %d bytes, got %d", size, f.size)}
}

// truncatedError returns the error of a tar that continues behind the last byte there is.
func (v *volumes) truncatedError(member string) error {
	if err := v.checkInventory(); err != nil {
		return err
	}
	last := v.files[len(v.files)-1]
	switch {
	case !v.isSplit():
		return &ArchiveError{Path: v.path, Member: member, Kind: ErrDamaged, Reason: "the file is cut short"}
	case last.size == v.files[0].size:
		return missingVolumeError(volumePath(v.path, len(v.files)))
	}
	reason := "this volume is cut short, or one after it is missing"
	return &ArchiveError{Path: last.Name(), Member: member, Kind: ErrVolume, Reason: reason}
}
