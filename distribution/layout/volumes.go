package layout

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
)

// maxVolumes is how many volumes a bundle may have: their numbers have three digits, so that a shell sorts them, and all
// of them are open at a time.
const maxVolumes = 999

// volumes are one tar in one file or in several, of which all but the last have the same size.
type volumes struct {
	path  string // of the bundle: the file, or what stands before the volumes' numbers
	files []volume
	size  int64 // bytes of all together
}

type volume struct {
	*os.File
	start, size int64 // bytes; where it begins in the whole
}

// volumeName returns the name of the i-th volume, counted from 0, of a bundle.
func volumePath(path string, i int) string { return fmt.Sprintf("%s.%03d", path, i+1) }

// inventoryName returns the name of the inventory beside a bundle.
func inventoryPath(path string) string { return path + ".json" }

var volumePattern = regexp.MustCompile(`^(.+)\.([0-9]{3})$`)

// at returns the index of the volume with the byte at offset.
func (v *volumes) volumeAt(offset int64) int {
	return sort.Search(len(v.files)-1, func(i int) bool { return offset < v.files[i+1].start })
}

// where returns the volumes in which size bytes from offset on lie, for a message: "" where there is only one file.
func (v *volumes) describe(offset, size int64) string {
	if v.files[0].Name() == v.path {
		return ""
	}
	first, last := v.volumeAt(offset), v.volumeAt(max(offset, offset+size-1))
	if first == last {
		return filepath.Base(v.files[first].Name())
	}
	return filepath.Base(v.files[first].Name()) + " to " + filepath.Base(v.files[last].Name())
}

// ReadAt implements io.ReaderAt.
func (v *volumes) ReadAt(p []byte, offset int64) (int, error) {
	return v.forEachVolume(p, offset, func(f volume, p []byte, at int64) (int, error) { return f.ReadAt(p, at) })
}

// WriteAt implements io.WriterAt. It writes nothing behind the volumes' size.
func (v *volumes) WriteAt(p []byte, offset int64) (int, error) {
	return v.forEachVolume(p, offset, func(f volume, p []byte, at int64) (int, error) { return f.WriteAt(p, at) })
}

// each does something to p volume by volume.
func (v *volumes) forEachVolume(p []byte, offset int64, do func(f volume, p []byte, at int64) (int, error)) (n int, err error) {
	for i := v.volumeAt(offset); n < len(p); i++ {
		if offset >= v.size {
			return n, io.EOF
		}
		f := v.files[i]
		at := offset - f.start
		some := p[n : n+int(min(int64(len(p)-n), f.size-at))]
		m, err := do(f, some, at)
		n += m
		offset += int64(m)
		if m < len(some) {
			return n, err
		}
	}
	return n, nil
}

// Close closes all files.
func (v *volumes) Close() error {
	var errs []error
	for _, f := range v.files {
		if f.File != nil {
			errs = append(errs, f.File.Close())
		}
	}
	return errors.Join(errs...)
}
