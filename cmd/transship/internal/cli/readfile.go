package cli

import (
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
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if kind := info.Mode().Type(); kind&^fs.ModeNamedPipe != 0 {
		return "", &UsageError{Message: path + " is neither a file nor a pipe"}
	}
	// A pipe that nobody writes to is empty. Without O_NONBLOCK opening it would wait for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info.Mode().IsRegular() {
		return readLimited(file, path, limit)
	}
	return until(ctx, func() (string, error) { return readLimited(file, path, limit) })
}

// readLimited reads to the end of r. name is what r is in the error.
func readLimited(r io.Reader, name string, limit int64) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = &UsageError{Message: fmt.Sprintf("%s is larger than %s", name, FormatBytes(limit))}
	}
	return string(text), err
}
