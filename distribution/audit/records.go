package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxRecord bounds a single record, in bytes. Other tools' entries may hold
// the bodies.
const maxRecord = 64 << 20

// raw is a record as it stands in the file.
type raw struct {
	kind kind
	at   int64 // line of a JSONL file, or number of an entry, from 1
	text []byte
}

// kind is what a record is, as far as its place in the file says.
type kind int

const (
	lineRecord    kind = iota // of JSONL: its members say what it is
	entryRecord               // of HAR
	runRecord                 // of HAR
	endRecord                 // of HAR
	creatorRecord             // of HAR, the creator that every HAR has
)

// RecordError is a record that cannot be read.
type RecordError struct {
	Format Format
	At     int64 // line of a JSONL file, entry of a HAR, from 1
	Err    error
}

// Error says where it is and what is wrong.
func (e *RecordError) Error() string { return fmt.Sprintf("%s: %v", place(e.Format, e.At), e.Err) }

// Unwrap returns what is wrong.
func (e *RecordError) Unwrap() error { return e.Err }

// place is a record's place for people.
func place(f Format, at int64) string {
	if f == HAR {
		return fmt.Sprintf("entry %d", at)
	}
	return fmt.Sprintf("line %d", at)
}

// ErrCut is of an audit whose last record is not whole, as a killed or full
// machine leaves it.
var ErrCut = errors.New("it is cut off")

var (
	errTooLong = errors.New("it is too long for a record")
	errFormat  = errors.New("it is neither an audit of JSON lines nor a HAR")
)

// detect tells the format by the beginning, whatever the file's name is.
func detect(b *bufio.Reader) (Format, error) {
	if mark, _ := b.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = b.Discard(len(mark))
	}
	start, err := b.Peek(512)
	if err != nil && err != io.EOF {
		return "", err
	}
	name, ok := bytes.CutPrefix(bytes.TrimSpace(start), []byte("{"))
	if !ok {
		return "", errFormat
	}
	if bytes.HasPrefix(bytes.TrimSpace(name), []byte(`"log"`)) {
		return HAR, nil
	}
	return JSONL, nil
}

// lines yields the lines of a JSONL file, ErrCut for a last one without end.
func lines(b *bufio.Reader, limit int) iter.Seq2[raw, error] {
	return func(yield func(raw, error) bool) {
		for at := int64(1); ; at++ {
			text, err := readLine(b, limit)
			switch {
			case err == io.EOF && len(text) == 0:
				return
			case err == io.EOF:
				err = ErrCut
			}
			if err != nil {
				yield(raw{at: at, text: text}, &RecordError{JSONL, at, err})
				return
			}
			if !yield(raw{lineRecord, at, text}, nil) {
				return
			}
		}
	}
}

// readLine returns a line without its end. io.EOF comes with what has none.
func readLine(b *bufio.Reader, limit int) ([]byte, error) {
	var text []byte
	for {
		part, err := b.ReadSlice('\n')
		text = append(text, part...)
		if len(text) > limit {
			return nil, errTooLong
		}
		if err != bufio.ErrBufferFull {
			return bytes.TrimSuffix(text, []byte("\n")), err
		}
	}
}
