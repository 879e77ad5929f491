package wire

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// ErrNotFile is the error of [ReadFile] for what has no content to read to an end, such as a device.
var ErrNotFile = errors.New("it is neither a file nor a pipe")

// pipeTime is how long ReadFile waits for the writer of a pipe.
const pipeTime = 10 * time.Second

// ReadFile returns the content of a small file that a user or a configuration names, or of a pipe,
// as a shell makes one of <(COMMAND). A pipe without a writer is empty. More than limit bytes are an
// error, and so is a pipe that sends nothing for 10 seconds.
func ReadFile(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Type()&^fs.ModeNamedPipe != 0 && name != os.DevNull {
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrNotFile}
	}
	// Without O_NONBLOCK, opening a pipe waits for a writer.
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	_ = file.SetReadDeadline(time.Now().Add(pipeTime)) // fails on regular files, which do not block
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("it has more than %d MiB", limit>>20)}
	}
	return data, err
}
