package mirror

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
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
// state and removes the log.
type runLog struct {
	path string
	file *os.File // nil if it cannot be written any more, or in a plan
}

// readRunLog gives the lines of a log up to one that was not written whole to set, and returns their
// number and length. A log that does not exist is empty.
func readRunLog(ctx context.Context, path string, set func(syncedImage)) (head stateHead, n int, size int64, err error) {
	file, err := cli.OpenFile(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return head, 0, 0, nil
	}
	if err != nil {
		return head, 0, 0, err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, maxLogLine)
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
			set(im)
			n++
		}
		size += int64(len(line))
	}
}

// open opens the log to append to it after size bytes. An empty one gets its first line, and is removed if
// that cannot be written.
func (l *runLog) open(size int64, head stateHead) error {
	file, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	l.file = file
	if err = file.Truncate(size); err == nil && size == 0 {
		err = l.write(head)
	}
	if err != nil {
		_ = l.close(size == 0)
	}
	return err
}

// write appends a line.
func (l *runLog) write(v any) error {
	if l.file == nil {
		return nil
	}
	line, err := json.Marshal(v)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	return err
}

// close closes the log, and removes it unless the run is to be resumed.
func (l *runLog) close(remove bool) error {
	var err error
	if l.file != nil {
		err = l.file.Close()
		l.file = nil
	}
	if remove {
		err = errors.Join(err, os.Remove(l.path))
	}
	return err
}

// isFresh reports whether the log's run did not end so long ago that it is not to be resumed.
func (l *runLog) isFresh() bool {
	info, err := os.Stat(l.path)
	return err == nil && time.Since(info.ModTime()) < resumeWithin
}
