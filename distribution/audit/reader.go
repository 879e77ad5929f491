package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"iter"
)

// Reader reads an audit entry by entry. It needs a bounded amount of memory, whatever the length of
// the audit.
type Reader struct {
	// Run describes the run. It is set once the first entry has been read. In a HAR of another tool
	// only Tool and Version are known, and they may come after the entries.
	Run Run
	// End is nil until the last record has been read, and stays nil if the run was killed, or if
	// another tool wrote the HAR.
	End *End

	format Format
	from   *bufio.Reader
}

// NewReader reads an audit in either format, which it recognizes by the beginning. The error is a
// read error, or says that it is neither format.
func NewReader(r io.Reader) (*Reader, error) {
	from := bufio.NewReaderSize(r, 64<<10)
	format, err := detect(from)
	if err != nil {
		return nil, err
	}
	return &Reader{format: format, from: from}, nil
}

// Format returns the file's format.
func (r *Reader) Format() Format { return r.format }

// Entries yields the entries in the order of the file, once. The sequence ends with the first
// error, a *[RecordError], which wraps [ErrTruncated] for a truncated file. An entry of another
// tool's HAR may lack much: its Sequence is then its number, its Row comes from [endpoint.ID], and
// its URL and headers are redacted. Entries does not check the chain; see [Verify].
func (r *Reader) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for record, err := range records(r.format, r.from) {
			var e *Entry
			if err == nil {
				e, err = r.read(record)
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if e != nil && !yield(*e, nil) {
				return
			}
		}
	}
}

// ReadAll calls each with every entry of an audit. If the rest of the file cannot be read, because
// a run is still writing it, was killed, or the file is damaged, broken says where; the entries
// before that have been passed to each. The error is that of a file with no usable record.
func ReadAll(r *Reader, each func(Entry)) (broken *RecordError, err error) {
	read := false
	for e, err := range r.Entries() {
		if err == nil {
			read = true
			each(e)
			continue
		}
		if syntax := (*json.SyntaxError)(nil); !read && r.Run.Tool == "" && errors.As(err, &syntax) {
			return nil, errFormat // another document begins as a line does
		}
		if !errors.As(err, &broken) || !read && r.Run.Tool == "" {
			return nil, err
		}
	}
	return broken, nil
}

// read returns the entry in a record, and nil for any other record, which it keeps.
func (r *Reader) read(record rawRecord) (*Entry, error) {
	e, err := r.decode(record)
	if err != nil {
		return nil, &RecordError{r.format, record.at, err}
	}
	return e, nil
}

func (r *Reader) decode(record rawRecord) (*Entry, error) {
	switch record.kind {
	case lineRecord:
		return r.decodeLine(record.text)
	case entryRecord:
		return fromHAR(record)
	case runRecord:
		return nil, json.Unmarshal(record.text, &r.Run)
	case endRecord:
		return nil, json.Unmarshal(record.text, &r.End)
	}
	var creator harCreator
	if json.Unmarshal(record.text, &creator) == nil && r.Run.Tool == "" {
		r.Run.Tool, r.Run.Version = creator.Name, creator.Version
	}
	return nil, nil
}

// errNoRecord is the error of a line that is JSON, but not a record.
var errNoRecord = errors.New("it is no record of an audit")

func (r *Reader) decodeLine(text []byte) (*Entry, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, wrongType(err)
	}
	switch {
	case l.Run != nil:
		r.Run = *l.Run
	case l.End != nil:
		r.End = l.End
	case l.Entry == nil || l.Method == "":
		return nil, errNoRecord
	default:
		return l.Entry, nil
	}
	return nil, nil
}
