package layout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// folder is the path of a folder whose content may be foreign, such as an image layout. Its methods
// take names below it, with slashes, and never leave it (os.Root). They follow no link, not even one
// that stays inside, and open only regular files: opening a pipe would block, and a device may have
// no end. What is in the way is an *[ArchiveError] with [ErrIrregular].
type folder struct {
	dir  string // its path
	kept keptDirs
}

// within calls do with the folder that name is in, and the last part of name.
func (f *folder) within(name string, do func(in *os.Root, base string) error) error {
	return f.at(path.Dir(name), func(in *os.Root) error { return do(in, path.Base(name)) })
}

// at calls do with the folder at dir, if it and everything above it is a folder. The paths in errors of
// do are relative to it.
func (f *folder) at(dir string, do func(in *os.Root) error) error {
	k, err := f.keep(dir)
	if err != nil {
		return err
	}
	defer f.kept.release(k)
	return f.fileError(dir, do(k.root))
}

// openDir opens the folder at dir in the one above it, so that no part of the path is a link. info is what was there
// before it was opened.
func (f *folder) openDir(dir string) (opened *os.Root, info fs.FileInfo, err error) {
	if dir == "." {
		if info, err = os.Stat(f.dir); err == nil {
			opened, err = os.OpenRoot(f.dir)
		}
		return opened, info, err
	}
	err = f.within(dir, func(in *os.Root, base string) error {
		if info, err = in.Lstat(base); err != nil {
			return err
		}
		if err := f.checkDir(dir, info); err != nil {
			return err
		}
		opened, err = in.OpenRoot(base)
		return err
	})
	return opened, info, err
}

// fileError adds the folder to the paths in an error of os.Root, which are relative to dir.
func (f *folder) fileError(dir string, err error) error {
	if err == nil {
		return nil
	}
	var file *fs.PathError
	var link *os.LinkError
	full := func(name string) string {
		if filepath.IsAbs(name) || strings.HasPrefix(name, f.dir+string(filepath.Separator)) {
			return name // that of an open file, or what at has made one
		}
		return f.path(path.Join(dir, filepath.ToSlash(name)))
	}
	switch {
	case errors.As(err, &file):
		return &fs.PathError{Op: strings.TrimSuffix(file.Op, "at"), Path: full(file.Path), Err: file.Err}
	case errors.As(err, &link):
		return &os.LinkError{Op: strings.TrimSuffix(link.Op, "at"), Old: full(link.Old), New: full(link.New), Err: link.Err}
	}
	return err
}

// path returns the path of a file of the folder.
func (f *folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// checkDir returns an error if what is at name is no folder.
func (f *folder) checkDir(name string, info fs.FileInfo) error {
	if info.IsDir() {
		return nil
	}
	return irregularError(f.path(name), info, "a folder")
}

// checkRegular returns an error if what is at name is no regular file.
func (f *folder) checkRegular(name string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return irregularError(f.path(name), info, "a regular file")
}

// irregularError says that there is something else at path than what has to be there.
func irregularError(path string, info fs.FileInfo, want string) error {
	reason := fmt.Sprintf("it is %s, not %s", kindOf(info.Mode()), want)
	return &ArchiveError{Path: path, Kind: ErrIrregular, Reason: reason}
}

// kindOf names the type of a file for a message.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a regular file"
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "something else"
}

// checkDirAt returns an error if there is something at name that is no folder.
func (f *folder) checkDirAt(name string) error {
	err := f.within(name, func(in *os.Root, base string) error {
		info, err := in.Lstat(base)
		if err != nil {
			return err
		}
		return f.checkDir(name, info)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// stat returns the size and time of a regular file.
func (f *folder) stat(name string) (info fs.FileInfo, err error) {
	if path.Dir(name) == "." { // no folder is on the way there, and each call about a tag looks at index.json
		if info, err = os.Lstat(f.path(name)); err != nil {
			return nil, err
		}
		return info, f.checkRegular(name, info)
	}
	err = f.within(name, func(in *os.Root, base string) error {
		info, err = f.statIn(in, name, base)
		return err
	})
	return info, err
}

// statIn is stat of the file that is called base in a folder.
func (f *folder) statIn(in *os.Root, name, base string) (fs.FileInfo, error) {
	info, err := in.Lstat(base)
	if err != nil {
		return nil, err
	}
	return info, f.checkRegular(name, info)
}

// setTime sets the time of the last change of a regular file.
func (f *folder) setTime(name string, t time.Time) error {
	return f.within(name, func(in *os.Root, base string) error {
		if _, err := f.statIn(in, name, base); err != nil {
			return err
		}
		return in.Chtimes(base, time.Time{}, t)
	})
}

// exists reports whether there is a regular file.
func (f *folder) exists(name string) bool {
	_, err := f.stat(name)
	return err == nil
}

// open opens a regular file as os.OpenFile does.
func (f *folder) open(name string, flag int) (file *os.File, err error) {
	err = f.within(name, func(in *os.Root, base string) error {
		if flag&os.O_EXCL == 0 { // with it nothing that is there is opened
			if _, err := f.statIn(in, name, base); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		file, err = openIn(in, base, flag)
		return err
	})
	return file, err
}

// openIn opens a file or folder by a flag that means nothing to them, on systems that have it: without it, package
// os sets and clears it by four system calls, to find out whether it can wait for the file.
func openIn(in *os.Root, base string, flag int) (*os.File, error) {
	if runtime.GOOS != "windows" {
		flag |= syscall.O_NONBLOCK
	}
	return in.OpenFile(base, flag, 0o666)
}

// isAt reports whether an open file is the one at name: it has not been removed or replaced.
func (f *folder) isAt(file *os.File, name string) bool {
	a, errA := file.Stat()
	b, errB := f.stat(name)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// hasEntries reports whether a folder is there and not empty.
func (f *folder) hasEntries(name string) (found bool) {
	if f.checkDirAt(name) != nil {
		return false
	}
	_ = f.within(name, func(in *os.Root, base string) error {
		dir, err := in.Open(base)
		if err != nil {
			return err
		}
		defer dir.Close()
		names, err := dir.Readdirnames(1)
		found = len(names) > 0
		return err
	})
	return found
}

// openAt opens a file at an offset in bytes.
func (f *folder) openAt(name string, offset int64) (io.ReadCloser, error) {
	file, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// readFile reads a file of at most limit bytes.
func (f *folder) readFile(name string, limit int64) ([]byte, error) {
	file, err := f.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file, limit)
}

// writeFile writes a file, and replaces its content if there is one. It is neither atomic nor
// durable.
func (f *folder) writeFile(name string, content []byte) error {
	file, err := f.open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// readDir returns the entries of a folder, sorted; none if it does not exist.
func (f *folder) readDir(name string) (entries []fs.DirEntry, err error) {
	if err := f.checkDirAt(name); err != nil {
		return nil, err
	}
	err = f.within(name, func(in *os.Root, base string) error {
		entries, err = fs.ReadDir(in.FS(), base)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return entries, err
}

// walk calls visit with the folder at name and everything below it, as fs.WalkDir does. If there is
// no such folder it does nothing. A link ends it with an error.
func (f *folder) walk(name string, visit func(name string, e fs.DirEntry) error) error {
	if err := f.checkDirAt(name); err != nil {
		return err
	}
	err := f.at(".", func(root *os.Root) error {
		return fs.WalkDir(root.FS(), name, func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.Type()&fs.ModeSymlink != 0 {
				return &ArchiveError{Path: f.path(name), Kind: ErrIrregular, Reason: "it is a symbolic link"}
			}
			return visit(name, e)
		})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// makeDir creates a folder and those above it, durably.
func (f *folder) makeDir(name string) error {
	if name == "." {
		return nil
	}
	err := f.mkdir(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.makeDir(path.Dir(name)); err != nil {
			return err
		}
		err = f.mkdir(name)
	}
	if errors.Is(err, fs.ErrExist) {
		return f.checkDirAt(name)
	}
	if err != nil {
		return err
	}
	return f.syncDir(path.Dir(name))
}

// mkdir creates a folder.
func (f *folder) mkdir(name string) error {
	return f.within(name, func(in *os.Root, base string) error { return in.Mkdir(base, 0o777) })
}

// removeDir removes a folder if it is empty.
func (f *folder) removeDir(name string) error {
	if err := f.checkDirAt(name); err != nil {
		return err
	}
	err := f.within(name, func(in *os.Root, base string) error { return in.Remove(base) })
	if errors.Is(err, fs.ErrExist) {
		return nil // it is not empty
	}
	return err
}

// rename moves a file, and replaces what is at to. A link there is not followed.
func (f *folder) rename(from, to string) error {
	out, err := f.keep(path.Dir(from))
	if err != nil {
		return err
	}
	defer f.kept.release(out)
	in, err := f.keep(path.Dir(to))
	if err != nil {
		return err
	}
	defer f.kept.release(in)
	return f.fileError(".", f.renameBetween(out, in, from, to))
}

// remove removes a regular file.
func (f *folder) remove(name string) error {
	return f.within(name, func(in *os.Root, base string) error {
		if _, err := f.statIn(in, name, base); err != nil {
			return err
		}
		return in.Remove(base)
	})
}

// removeAll removes files in this order. It skips those that do not exist.
func (f *folder) removeAll(names []string) error {
	for _, name := range names {
		if err := f.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a folder durable. Windows needs and allows no such call.
func (f *folder) syncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	k, err := f.keep(name)
	if err != nil {
		return err
	}
	defer f.kept.release(k)
	return f.fileError(name, k.sync())
}

// syncDirs makes the names of files durable.
func (f *folder) syncDirs(names iter.Seq[string]) error {
	synced := map[string]bool{}
	for name := range names {
		dir := path.Dir(name)
		if synced[dir] {
			continue
		}
		synced[dir] = true
		if err := f.syncDir(dir); err != nil {
			return err
		}
	}
	return nil
}
