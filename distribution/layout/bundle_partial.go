package layout

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/filelock"
)

// partialDir is the folder FILE.partial, in which a bundle is written. One process at a time has
// it.
//
//	lock       locked by that process
//	plan       the ID of the bundle, and the size of its volumes
//	filled     a line for each blob that is there: its digest; and lines for those of which the
//	           beginning is there: digest and bytes
//	001...     the volumes
//	inventory  the later FILE.json
//	signature  the later FILE.json.sig
type partialDir struct {
	files  *folder // the bundle's folder
	dir    string  // the name of the partial folder in it
	lock   *os.File
	filled *os.File // open for appending
	synced bool     // the folder is on the disk
}

// openPartial locks the folder for the bundle at path, and creates it if there is none. If another
// process has it, the error is ErrBusy. A link or a device in the place of the folder or of a file in
// it is ErrIrregular.
func openPartial(path string) (*partialDir, error) {
	p := newPartialDir(path)
	for {
		err := p.files.mkdir(p.dir)
		created := err == nil
		if errors.Is(err, fs.ErrExist) {
			err = p.checkOwned()
		}
		if err != nil {
			return nil, err
		}
		p.lock, err = p.files.open(p.name("lock"), os.O_RDWR|os.O_CREATE)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its process has just removed it
		}
		if err != nil {
			return nil, err
		}
		if !filelock.Try(p.lock) && (filelock.Available || !created) {
			p.lock.Close()
			return nil, p.busyError(path)
		}
		if p.files.isAt(p.lock, p.name("lock")) {
			return p, nil
		}
		p.lock.Close() // removed before it was locked
	}
}

// checkOwned returns an error if the folder has files but no lock file: no bundle is written there.
func (p *partialDir) checkOwned() error {
	entries, err := p.files.readDir(p.dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "lock" }) {
		return fmt.Errorf("%s is in the way: it is no unfinished bundle", p.files.path(p.dir))
	}
	return nil
}

func (p *partialDir) busyError(path string) error {
	reason := "another process is writing it"
	if !filelock.Available {
		reason += "; if there is none, remove the folder " + p.files.path(p.dir)
	}
	return &ArchiveError{Path: path, Kind: ErrBusy, Reason: reason}
}

// newPartialDir returns the partial folder of a bundle, which need not exist.
func newPartialDir(bundle string) *partialDir {
	return &partialDir{files: &folder{dir: filepath.Dir(bundle)}, dir: filepath.Base(bundle) + ".partial"}
}

// name returns the name in files of a file of the partial folder.
func (p *partialDir) name(file string) string { return p.dir + "/" + file }

// volumeName returns the name of the i-th volume, counted from 0.
func (p *partialDir) volumeName(i int) string { return p.name(fmt.Sprintf("%03d", i+1)) }

// open opens a file that is written in place. One that has another name too is refused: a hard link in
// a foreign folder would have a file outside of it overwritten.
func (p *partialDir) open(name string, flag int) (*os.File, error) {
	if info, err := p.files.stat(name); err == nil && hasOtherNames(info) {
		reason := "it is a hard link: the file has another name too"
		return nil, &ArchiveError{Path: p.files.path(name), Kind: ErrIrregular, Reason: reason}
	}
	return p.files.open(name, flag)
}

// partialPattern matches the names of the files that are written there, but for the lock.
var partialPattern = regexp.MustCompile(`^(plan|filled|inventory|signature|[0-9]{3})$`)

// prepare readies the folder for a bundle. key identifies the bundle and its volumes. If the folder
// was left with the same key, prepare keeps it and returns how many bytes of each blob were written,
// wholeBlob for all. If not, it clears it.
func (p *partialDir) prepare(key []byte) (filled map[blob.Digest]int64, err error) {
	if old, err := p.files.readFile(p.name("plan"), int64(len(key))); err == nil && bytes.Equal(old, key) {
		filled = p.readFilled()
	} else if err := p.clear(); err != nil {
		return nil, err
	}
	if err := p.files.writeFile(p.name("plan"), key); err != nil {
		return nil, err
	}
	p.filled, err = p.open(p.name("filled"), os.O_WRONLY|os.O_CREATE|os.O_APPEND)
	return filled, err
}

// wholeBlob stands for the size of a blob in the notes.
const wholeBlob = math.MaxInt64

// readFilled reads the notes about written bytes. A blob is verified before it counts, so incomplete
// or wrong notes do no harm.
func (p *partialDir) readFilled() map[blob.Digest]int64 {
	out := map[blob.Digest]int64{}
	notes, _ := p.files.readFile(p.name("filled"), maxDocument)
	for line := range bytes.Lines(notes) {
		digest, bytes, partly := strings.Cut(strings.TrimSpace(string(line)), " ")
		out[blob.Digest(digest)] = wholeBlob
		if partly {
			out[blob.Digest(digest)], _ = strconv.ParseInt(bytes, 10, 64)
		}
	}
	return out
}

// note notes that the first n bytes of a blob are there, or wholeBlob. If the note is lost, they are only
// fetched again.
func (p *partialDir) note(d blob.Digest, n int64) {
	line := fmt.Sprintln(d, n)
	if n == wholeBlob {
		line = string(d) + "\n"
	}
	_, _ = p.filled.WriteString(line)
}

// sync writes the notes to the disk, and what the next process needs in order to find them.
func (p *partialDir) sync() error {
	if err := p.filled.Sync(); err != nil || p.synced {
		return err
	}
	p.synced = true
	plan, err := p.open(p.name("plan"), os.O_RDWR)
	if err != nil {
		return err
	}
	return errors.Join(plan.Sync(), plan.Close(), p.files.syncDir(p.dir), p.files.syncDir("."))
}

// clear removes the files of a bundle but the lock. Other files stay.
func (p *partialDir) clear() error {
	entries, err := p.files.readDir(p.dir)
	for _, e := range entries {
		if partialPattern.MatchString(e.Name()) {
			err = errors.Join(err, p.files.remove(p.name(e.Name())))
		}
	}
	return err
}

// release unlocks the folder.
func (p *partialDir) release() {
	if p.filled != nil {
		p.filled.Close()
	}
	p.lock.Close()
}

// remove removes the folder, unless there are other files in it, and unlocks it. It stays locked
// meanwhile, except on Windows, which removes no open file.
func (p *partialDir) remove() error {
	if p.filled != nil {
		p.filled.Close()
	}
	if runtime.GOOS == "windows" {
		p.lock.Close()
	}
	// The lock last: checkOwned refuses a folder without it.
	err := errors.Join(p.clear(), p.files.remove(p.name("lock")), p.files.removeDir(p.dir))
	p.lock.Close()
	return err
}
