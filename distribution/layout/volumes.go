package layout

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"

	"github.com/hczjl/transship/blob"
)

// maxVolumes is the maximum number of volumes. Their numbers have three digits, so that a shell
// sorts them, and all volumes are open at the same time.
const maxVolumes = 999

// volumes is one tar in one file or in several. All files but the last have the same size.
type volumes struct {
	path  string // of the bundle, without the number of a volume
	files []volume
	size  int64 // in bytes, of all files

	temporary string                // the path of the one file, unpacked from path, that Close removes; else ""
	hashed    map[int64]blob.Digest // by offset: members of it that were hashed and not kept
}

// isSplit reports whether the tar was written in several files, or may have been.
func (v *volumes) isSplit() bool { return v.temporary == "" && v.files[0].Name() != v.path }

// volume is one of the files. start is the offset in the tar of its first byte.
type volume struct {
	*os.File
	start, size int64
}

// volumePath returns the path of the i-th volume of a bundle, counted from 0.
func volumePath(path string, i int) string { return fmt.Sprintf("%s.%03d", path, i+1) }

// inventoryPath returns the path of FILE.json of a bundle.
func inventoryPath(path string) string { return path + ".json" }

var volumePattern = regexp.MustCompile(`^(.+)\.([0-9]{3})$`)

// volumeAt returns the index of the volume that has the byte at offset.
func (v *volumes) volumeAt(offset int64) int {
	return sort.Search(len(v.files)-1, func(i int) bool { return offset < v.files[i+1].start })
}

// describe names the volumes that hold size bytes from offset, for a message. It is "" for a single
// file.
func (v *volumes) describe(offset, size int64) string {
	if !v.isSplit() {
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

// WriteAt implements io.WriterAt. It writes nothing behind the size of the volumes.
func (v *volumes) WriteAt(p []byte, offset int64) (int, error) {
	return v.forEachVolume(p, offset, func(f volume, p []byte, at int64) (int, error) { return f.WriteAt(p, at) })
}

// forEachVolume calls do for each volume with the bytes of p that are in it. p begins at offset in
// the tar. It stops at an error.
func (v *volumes) forEachVolume(
	p []byte, offset int64, do func(f volume, p []byte, at int64) (int, error),
) (n int, err error) {
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
	if v.temporary != "" {
		os.Remove(v.temporary) // most systems have removed it already
	}
	return errors.Join(errs...)
}
