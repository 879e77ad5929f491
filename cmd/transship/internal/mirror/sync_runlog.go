package mirror

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"

	"github.com/hczjl/transship/distribution/filelock"
	"github.com/hczjl/transship/manifest"
)

// resumeWithin is how soon after its last image a run that did not end is resumed: the images that it
// has finished are then not even asked for at their source. Later they are what any earlier run
// copied.
const resumeWithin = time.Hour

// maxLogLine is the maximum size in bytes of a line of a log. An image takes some 300.
const maxLogLine = 64 << 10

// runLogSuffix is appended to the name of --state's file for the log of a run.
const runLogSuffix = ".run"

// runLog is a file beside that of --state to which a run appends a line for each image that it
// finishes, so that a run that is killed loses nothing. It has a line of JSON as [stateHead], then one
// for each image as [syncedImage]; one without a digest is to be forgotten. A run that ends writes the
// state and removes the log. It has the log locked: of two runs each would cut off the other's lines.
type runLog struct {
	path string
	file *os.File // nil in a plan if there is none
}

// errRunLogInUse is the error of a log that another run has locked.
var errRunLogInUse = errors.New("another run is using it")

// open opens and locks the log to read it and append to it, or opens it for a plan to read it if there is
// one.
func (l *runLog) open(plan bool) (err error) {
	if plan {
		l.file, err = os.Open(l.path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	for {
		l.file, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		if !filelock.Try(l.file) && filelock.Available {
			return errors.Join(errRunLogInUse, l.file.Close())
		}
		if l.isAtPath() {
			return nil
		}
		_ = l.file.Close() // a run that has ended removed it before it was locked
	}
}

// isAtPath reports whether the open log is still the one at its path.
func (l *runLog) isAtPath() bool {
	mine, err := l.file.Stat()
	there, errThere := os.Stat(l.path)
	return err == nil && errThere == nil && os.SameFile(mine, there)
}

// begin cuts the log after size bytes. An empty one gets its first line, and is removed if that cannot
// be written.
func (l *runLog) begin(size int64, head stateHead) error {
	err := l.file.Truncate(size)
	if err == nil && size == 0 {
		err = writeLine(l.file, head)
	}
	if err != nil {
		_ = l.close(size == 0)
	}
	return err
}

// readLog gives the images of a log up to a line that was not written whole to add, and returns their
// number and the length in bytes of their lines.
func readLog(r io.Reader, add addImage) (head stateHead, n int, size int64, err error) {
	in := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return head, n, size, nil
		}
		var im syncedImage
		if size == 0 {
			err = decodeHead(line, &head)
		} else if err = manifest.Decode(line, &im); err == nil && im.Digest != "" {
			err = im.Digest.Validate()
		}
		switch {
		case errors.Is(err, errStateVersion):
			return head, n, size, err
		case err != nil: // a machine that lost its power leaves anything behind
			return head, n, size, nil
		case size > 0:
			if err := add(im, size); err != nil {
				return head, n, size, err
			}
			n++
		}
		size += int64(len(line))
	}
}

// writeLine writes a line of a log.
func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	return err
}

// close closes the log, and removes it unless the run is to be resumed. It stays locked until then, so that it is
// not another run's, except on Windows, which removes no open file.
func (l *runLog) close(remove bool) error {
	var err error
	if runtime.GOOS == "windows" {
		err = l.file.Close()
	}
	if remove {
		if removeErr := os.Remove(l.path); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	if runtime.GOOS != "windows" {
		err = errors.Join(err, l.file.Close())
	}
	return err
}

// leave closes a log that this run does not use after all, and removes it if this run has made it.
func (l *runLog) leave(plan bool) {
	if l.file == nil {
		return
	}
	info, err := l.file.Stat()
	_ = l.close(!plan && err == nil && info.Size() == 0)
}

// isFresh reports whether the log's run did not end so long ago that it is not to be resumed.
func (l *runLog) isFresh() bool {
	info, err := os.Stat(l.path)
	return err == nil && time.Since(info.ModTime()) < resumeWithin
}
