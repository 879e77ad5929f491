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

	"github.com/hczjl/transship/manifest/signature"
)

// Format is a file format of audits.
type Format string

// The formats.
const (
	JSONL Format = "jsonl" // one JSON object a line
	HAR   Format = "har"   // HTTP Archive 1.2
)

// FormatOf returns the format of a file's extension, and false if it is neither .jsonl nor .har.
func FormatOf(name string) (Format, bool) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jsonl":
		return JSONL, true
	case ".har":
		return HAR, true
	}
	return "", false
}

// encoder encodes the records of a file, each with its place in the chain, and the trailer that
// closes the document after it.
type encoder interface {
	begin(*chain, Run) (head, trailer []byte, err error)
	entry(*chain, Entry) (record, trailer []byte, err error)
	end(*chain, End) (record, trailer []byte, err error)
}

// FileError is an audit file that cannot be created or written.
type FileError struct {
	Name string
	Err  error
}

// Error names the file and the cause.
func (e *FileError) Error() string { return fmt.Sprintf("audit file %s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// fileError wraps an error of a file. It drops the name in an *fs.PathError, so that the message
// has the name once.
func fileError(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &FileError{name, err}
}

// errNotRegular is the error of a file that cannot be written at an offset, or that opening might
// block on until there is a reader.
var errNotRegular = errors.New("it is not a regular file")

// Writer writes an audit. Its methods may be called concurrently.
type Writer struct {
	name string

	mu      sync.Mutex
	journal journal
	chain   chain
	encoder encoder
	calls   int64
	signed  []signature.Verdict // for the End
	err     error               // sticky
}

// Create creates the file with mode 0600, or truncates it, and writes its first record. The format
// is that of the file's extension, see [FormatOf]. The error is a *[FileError].
func Create(name string, run Run) (*Writer, error) {
	file, err := createFile(name)
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

func createFile(name string) (*os.File, error) {
	if _, ok := FormatOf(name); !ok {
		return nil, errors.New("its name ends neither in .jsonl nor in .har")
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := prepare(file); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// ErrInUse is the error of a file that another run is writing to, on systems with flock(2).
var ErrInUse = errors.New("another run is writing to it")

// prepare locks and empties a file.
func prepare(file *os.File) error {
	if err := tryLock(file); err != nil {
		return err
	}
	if err := file.Chmod(0o600); err != nil { // an older file may have another mode
		return err
	}
	return file.Truncate(0)
}

func newWriter(name string, file storage, format Format, run Run) (*Writer, error) {
	w := &Writer{name: name, journal: journal{file: file}, encoder: jsonlEncoder{}}
	if format == HAR {
		w.encoder = &harEncoder{}
	}
	return w, w.append(w.encoder.begin(&w.chain, run))
}

// append writes an encoded record, unless encoding it has failed.
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

// Write appends an entry. After the first failure it writes nothing more and returns that failure,
// a *[FileError].
func (w *Writer) Write(e Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.calls++
	return w.append(w.encoder.entry(&w.chain, e))
}

// AddVerdict adds what a policy says of an image's signatures to the [End].
func (w *Writer) AddVerdict(v signature.Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signed = append(w.signed, v)
}

// Checkpoint returns the state of the chain, after Close that of the whole audit.
func (w *Writer) Checkpoint() Checkpoint {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Checkpoint{Records: w.chain.last.Record, Last: w.chain.last.Previous}
}

// Close writes the [End], unless a write has failed before, and closes the file. It returns the
// first failure of the writer, a *[FileError].
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		_ = w.append(w.encoder.end(&w.chain, End{Calls: w.calls, Time: time.Now().UTC(), Signatures: w.signed}))
	}
	if err := w.journal.close(); err != nil && w.err == nil {
		w.err = fileError(w.name, err)
	}
	return w.err
}
