package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ReadFile returns the content of a file that the user has named, or of a pipe, as a shell makes one
// of <(COMMAND). A device, which may have no end, and more than limit bytes are a *[UsageError]. A
// pipe is waited for until ctx ends.
func ReadFile(ctx context.Context, path string, limit int64) (string, error) {
	file, err := OpenFile(ctx, path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := readLimited(file, path, limit)
	if err != nil && ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return text, err
}

// OpenFile opens a file that the user has named, or a pipe, to read it as a stream. Anything else,
// such as a device other than /dev/null, is a *[UsageError]. A pipe without a writer is empty. A
// pipe is closed when ctx ends, which ends a read that waits for its writer.
func OpenFile(ctx context.Context, path string) (*os.File, error) {
	if info, err := os.Stat(path); err != nil || !isReadable(info, path) {
		return nil, cmp.Or(err, error(&UsageError{Message: path + " is neither a file nor a pipe"}))
	}
	// Without O_NONBLOCK, opening a pipe waits for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat() // the name may be another file's by now
	if err != nil || !isReadable(info, path) {
		file.Close()
		return nil, cmp.Or(err, error(&UsageError{Message: path + " is neither a file nor a pipe any more"}))
	}
	if !info.Mode().IsRegular() {
		context.AfterFunc(ctx, func() { file.Close() })
	}
	return file, nil
}

// isReadable reports whether a file is one that the user may name.
func isReadable(info fs.FileInfo, path string) bool {
	return info.Mode().Type()&^fs.ModeNamedPipe == 0 || path == os.DevNull
}

// readLimited reads to the end of r. name is what r is in the error.
func readLimited(r io.Reader, name string, limit int64) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = &UsageError{Message: fmt.Sprintf("%s is larger than %s", name, FormatBytes(limit))}
	}
	return string(text), err
}
