package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"iter"
)

// Reader reads an audit entry by entry, in bounded memory whatever its length.
type Reader struct {
	// Run is what the audit is of. It is known once the first entry has been
	// read, of another tool's HAR its tool and version perhaps later.
	Run Run
	// End is the last record, nil as long as it has not been read. A run that
	// was killed has none, nor has another tool's HAR.
	End *End

	format Format
	from   *bufio.Reader
}

// NewReader reads an audit in either format, which its beginning tells. The
// error is of reading, or of a file that is neither.
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

// Entries yields the entries in the order of the file, once. The sequence ends
// with the first error, a *[RecordError], which is [ErrCut] where the file
// breaks off. A HAR of another tool may lack much of an entry: sequence and
// row are made up, as the entry's number and by [endpoint.ID]; its URLs and
// headers are redacted. The chain is not looked at; [Verify] does that.
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

// records yields the records of a file.
func records(f Format, b *bufio.Reader) iter.Seq2[raw, error] {
	if f == HAR {
		return harRecords(b, maxRecord)
	}
	return lines(b, maxRecord)
}

// read returns the entry that a record is, and keeps any other record.
func (r *Reader) read(record raw) (*Entry, error) {
	e, err := r.decode(record)
	if err != nil {
		return nil, &RecordError{r.format, record.at, err}
	}
	return e, nil
}

func (r *Reader) decode(record raw) (*Entry, error) {
	switch record.kind {
	case lineRecord:
		return r.line(record.text)
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

// errNoRecord is of a line that is JSON and no record.
var errNoRecord = errors.New("it is no record of an audit")

func (r *Reader) line(text []byte) (*Entry, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, err
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
