// Package journal keeps the uploads of large blobs in the user's state folder, where the next run of
// the program finds them: a file for each upload, which is locked while a process has it.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution"
	"github.com/hczjl/transship/distribution/filelock"
)

const (
	// version of the files. It goes up with a change that an older reader must not ignore.
	version = 1
	// keptFor is how long an upload can be resumed. CNCF distribution purges sessions of that age.
	keptFor = 7 * 24 * time.Hour
	// blockSize is what the size of a file is a multiple of: a write that changes no size is one of data
	// alone.
	blockSize = 4096
	// maxSize is the maximum size of a file in bytes. One has some two thousand.
	maxSize = 64 << 10
	// suffix of the files' names
	suffix = ".json"
)

// Folder returns the folder of the journal, "" if there is none: transship/uploads in the state
// folder of the XDG Base Directory Specification, or what the system has in its place.
func Folder(env func(string) string) string {
	state := env("XDG_STATE_HOME")
	switch home := env("HOME"); {
	case filepath.IsAbs(state):
	case runtime.GOOS == "windows":
		state = env("LocalAppData")
	case home == "":
		return ""
	case runtime.GOOS == "darwin":
		state = filepath.Join(home, "Library", "Application Support")
	default:
		state = filepath.Join(home, ".local", "state")
	}
	if !filepath.IsAbs(state) {
		return ""
	}
	return filepath.Join(state, "transship", "uploads")
}

// Journal implements [distribution.Journal] in a folder. It must not be copied.
type Journal struct {
	Folder string // "" for none: nothing is noted
	// Warn gets the reason, once, if uploads cannot be noted.
	Warn func(reason string)

	mu      sync.Mutex
	ready   bool // the folder is there and swept
	warned  bool
	entries map[distribution.UploadKey]*file
}

// file is an open file of the journal.
type file struct {
	*os.File
	location string // that is on the disk
	syncs    sync.WaitGroup
	syncing  atomic.Bool
}

// entry is the content of a file.
type entry struct {
	Version     int          `json:"version"`
	Registry    string       `json:"registry"`
	Repository  string       `json:"repository"`
	Digest      blob.Digest  `json:"digest"`
	Size        int64        `json:"size"`
	Location    string       `json:"location"`
	MinChunk    int64        `json:"minChunk,omitempty"`
	Offset      int64        `json:"offset"`
	Time        time.Time    `json:"time"`
	Checkpoints []checkpoint `json:"checkpoints,omitempty"`
}

// checkpoint is a blob.Checkpoint.
type checkpoint struct {
	Offset int64  `json:"offset"`
	State  []byte `json:"state"`
}

// errNewer is the reason not to touch the file of a newer program.
var errNewer = errors.New("it was written by a newer transship")

// Take implements [distribution.Journal].
func (j *Journal) Take(k distribution.UploadKey) (distribution.UploadNote, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.Folder == "" || j.entries[k] != nil {
		return distribution.UploadNote{}, false
	}
	if err := j.prepare(); err != nil {
		j.warn(err)
		return distribution.UploadNote{}, false
	}
	f, err := open(filepath.Join(j.Folder, fileName(k)))
	if err != nil || f == nil {
		j.warn(err)
		return distribution.UploadNote{}, false
	}
	e, err := read(f)
	if errors.Is(err, errNewer) { // which may still need it
		f.Close()
		j.warn(&fs.PathError{Op: "read", Path: f.Name(), Err: err})
		return distribution.UploadNote{}, false
	}
	if j.entries == nil {
		j.entries = map[distribution.UploadKey]*file{}
	}
	j.entries[k] = &file{File: f}
	if err != nil || e.key() != k || time.Since(e.Time) > keptFor {
		return distribution.UploadNote{}, true
	}
	return e.note(), true
}

// prepare creates the folder and removes what is too old.
func (j *Journal) prepare() error {
	if j.ready {
		return nil
	}
	if err := os.MkdirAll(j.Folder, 0o700); err != nil {
		return err
	}
	j.ready = true
	_, _ = sweep(j.Folder, keptFor) // what stays is not used: it is too old
	return nil
}

// warn reports the first reason why uploads are not noted.
func (j *Journal) warn(err error) {
	if err == nil || j.warned || j.Warn == nil {
		return
	}
	j.warned = true
	j.Warn(err.Error())
}

// Save implements [distribution.Journal]. The file is written in place, in one call: its lock is on
// it, so it is not replaced. A process that is killed has made the call or not. A machine that loses its
// power has the session, which is synced here; what follows there fits into the same block and is synced
// in the background, so that the disk has it or what it was before.
func (j *Journal) Save(k distribution.UploadKey, n distribution.UploadNote) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.entries[k]
	if f == nil {
		return
	}
	raw, err := json.Marshal(newEntry(k, n))
	if err == nil {
		raw = append(raw, bytes.Repeat([]byte(" "), blockSize-1-len(raw)%blockSize)...)
		raw = append(raw, '\n')
		_, err = f.WriteAt(raw, 0)
	}
	if err != nil {
		raw = nil // half an entry is none
	}
	err = errors.Join(err, f.Truncate(int64(len(raw))))
	switch {
	case err != nil:
	case f.location != n.Location:
		f.location, err = n.Location, f.Sync()
	case f.syncing.CompareAndSwap(false, true):
		f.syncs.Go(func() { j.sync(f) })
	}
	j.warn(err)
}

// sync writes a file to the disk.
func (j *Journal) sync(f *file) {
	err := f.Sync()
	f.syncing.Store(false)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.warn(err)
}

// Release implements [distribution.Journal].
func (j *Journal) Release(k distribution.UploadKey, keep bool) {
	j.mu.Lock()
	f := j.entries[k]
	delete(j.entries, k) // what a goroutine that still reads a body saves from now on is dropped
	j.mu.Unlock()
	if f == nil {
		return
	}
	f.syncs.Wait() // the lock ends with the last use of the file
	if !keep {
		remove(f.File)
	}
	f.Close()
}

// Clear removes all uploads but those that a process has, and returns how many it has removed.
func Clear(folder string) (int, error) {
	if folder == "" {
		return 0, nil
	}
	return sweep(folder, 0)
}

// sweep removes the files that were written at least that long ago and that no process has.
func sweep(folder string, age time.Duration) (removed int, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, e := range entries {
		info, infoErr := e.Info()
		if infoErr != nil || filepath.Ext(e.Name()) != suffix || !e.Type().IsRegular() || time.Since(info.ModTime()) < age {
			continue
		}
		f, openErr := open(filepath.Join(folder, e.Name()))
		err = errors.Join(err, openErr)
		if f != nil {
			if removeErr := remove(f); removeErr == nil {
				removed++
			} else {
				err = errors.Join(err, removeErr)
			}
			f.Close()
		}
	}
	return removed, err
}

// remove removes a locked file. Windows removes no open file.
func remove(f *os.File) error {
	if runtime.GOOS == "windows" {
		f.Close()
	}
	return os.Remove(f.Name())
}

// open opens and locks a file, and creates it if there is none. It returns nil if another process has
// it.
func open(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("it is not a regular file")}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if !filelock.Try(f) || !isAt(f, path) {
		f.Close()
		return nil, nil
	}
	return f, nil
}

// isAt reports whether an open file is still the one at path.
func isAt(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Lstat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// read reads an entry. What cannot be read is an error, errNewer for the file of a newer program.
func read(f *os.File) (entry, error) {
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, maxSize))
	if err != nil {
		return entry{}, err
	}
	var head struct{ Version int }
	if json.Unmarshal(raw, &head) == nil && head.Version > version {
		return entry{}, errNewer
	}
	var e entry
	err = json.Unmarshal(raw, &e)
	return e, err
}

// fileName returns the name of an upload's file: not the digest alone, which may go to several places.
func fileName(k distribution.UploadKey) string {
	sum := sha256.Sum256([]byte(k.Registry + "\n" + k.Repository + "\n" + string(k.Digest)))
	return hex.EncodeToString(sum[:16]) + suffix
}

func newEntry(k distribution.UploadKey, n distribution.UploadNote) entry {
	e := entry{
		Version: version, Registry: k.Registry, Repository: k.Repository, Digest: k.Digest, Size: k.Size,
		Location: n.Location, MinChunk: n.MinChunk, Offset: n.Offset, Time: time.Now().UTC().Truncate(time.Second),
	}
	for _, c := range n.Checkpoints {
		e.Checkpoints = append(e.Checkpoints, checkpoint(c))
	}
	return e
}

func (e entry) key() distribution.UploadKey {
	return distribution.UploadKey{Registry: e.Registry, Repository: e.Repository, Digest: e.Digest, Size: e.Size}
}

func (e entry) note() distribution.UploadNote {
	n := distribution.UploadNote{Location: e.Location, MinChunk: e.MinChunk, Offset: e.Offset}
	for _, c := range e.Checkpoints {
		n.Checkpoints = append(n.Checkpoints, blob.Checkpoint(c))
	}
	return n
}
