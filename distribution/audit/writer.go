package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Format is a file format of audits.
type Format string

// The formats.
const (
	JSONL Format = "jsonl" // one JSON object a line
	HAR   Format = "har"   // HTTP Archive 1.2
)

// FormatOf returns the format that a file's extension stands for, false where
// it is neither .jsonl nor .har.
func FormatOf(name string) (Format, bool) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jsonl":
		return JSONL, true
	case ".har":
		return HAR, true
	}
	return "", false
}

// encoding makes a file of records.
type encoding interface {
	begin(*chain, Run) (head, trailer []byte, err error)
	entry(*chain, Entry) (record, trailer []byte, err error)
	end(*chain, End) (record, trailer []byte, err error)
}

// FileError is an audit file that cannot be made, written or read.
type FileError struct {
	Name string
	Err  error
}

// Error names the file and what is wrong.
func (e *FileError) Error() string { return fmt.Sprintf("audit file %s: %v", e.Name, e.Err) }

// Unwrap returns what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

// fileError says the file's name once: that in an *fs.PathError is dropped.
func fileError(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &FileError{name, err}
}

// errNotRegular is of a file that cannot be written at an offset, or whose
// opening might wait for a reader.
var errNotRegular = errors.New("it is not a regular file")

// Writer writes an audit. Its methods may be called concurrently.
type Writer struct {
	name string

	mu      sync.Mutex
	journal journal
	chain   chain
	format  encoding
	calls   int64
	err     error // sticky
}

// Create makes the file, readable and writable by its owner only (mode 0600),
// and writes its first record. One that is there already is replaced. Its
// extension says which format; another than FormatOf knows is an error, as is
// a file that cannot be written, with a *[FileError].
func Create(name string, run Run) (*Writer, error) {
	file, err := create(name)
	if err != nil {
		return nil, fileError(name, err)
	}
	format, _ := FormatOf(name)
	w, err := newWriter(name, file, format, run)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return w, nil
}

// create opens an empty file.
func create(name string) (*os.File, error) {
	if _, ok := FormatOf(name); !ok {
		return nil, errors.New("its name ends neither in .jsonl nor in .har")
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Chmod(0o600); err != nil { // it may have been there with another mode
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func newWriter(name string, file storage, format Format, run Run) (*Writer, error) {
	w := &Writer{name: name, journal: journal{file: file}, format: jsonlEncoding{}}
	if format == HAR {
		w.format = &harEncoding{}
	}
	return w, w.append(w.format.begin(&w.chain, run))
}

// append writes what the format has made of a record.
func (w *Writer) append(record, trailer []byte, err error) error {
	if w.err != nil {
		return w.err
	}
	if err == nil {
		err = w.journal.append(record, trailer)
	}
	if err != nil {
		w.err = fileError(w.name, err)
	}
	return w.err
}

// Write adds an entry. After the first failure nothing more is written, and
// each call returns that failure, a *[FileError].
func (w *Writer) Write(e Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.calls++
	return w.append(w.format.entry(&w.chain, e))
}

// Close writes the [End], if all has been written before it, and closes the
// file. It returns the first failure of all, a *[FileError].
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		_ = w.append(w.format.end(&w.chain, End{Calls: w.calls, Time: time.Now().UTC()}))
	}
	if err := w.journal.close(); err != nil && w.err == nil {
		w.err = fileError(w.name, err)
	}
	return w.err
}
