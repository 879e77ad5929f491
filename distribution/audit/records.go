package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxRecord limits a single record, in bytes. Entries of other tools may contain bodies.
const maxRecord = 64 << 20

// rawRecord is a record as it stands in the file.
type rawRecord struct {
	kind recordKind
	at   int64 // line of a JSONL file, or number of an entry, from 1
	text []byte
}

// recordKind is what the position of a record in the file says about it.
type recordKind int

const (
	lineRecord    recordKind = iota // of JSONL: its members say what it is
	entryRecord                     // of HAR
	runRecord                       // of HAR
	endRecord                       // of HAR
	creatorRecord                   // of HAR: the creator, which every HAR has
)

// RecordError is a record that cannot be read.
type RecordError struct {
	Format Format
	At     int64 // line of a JSONL file, entry of a HAR, from 1
	Err    error
}

// Error names the position and the cause.
func (e *RecordError) Error() string { return fmt.Sprintf("%s: %v", position(e.Format, e.At), e.Err) }

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// position is a record's position in a message.
func position(f Format, at int64) string {
	if f == HAR {
		return fmt.Sprintf("entry %d", at)
	}
	return fmt.Sprintf("line %d", at)
}

// ErrTruncated is the cause of a [RecordError] whose record is truncated, as a killed run or a full
// disk leaves it.
var ErrTruncated = errors.New("it is cut off")

var (
	errTooLong = errors.New("it is too long for a record")
	errFormat  = errors.New("it is neither an audit of JSON lines nor a HAR")
)

// detect recognizes the format by the beginning of the file; the file's name does not matter.
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

// records yields the records of a file. It ends after the first error, a *[RecordError].
func records(f Format, b *bufio.Reader) iter.Seq2[rawRecord, error] {
	if f == HAR {
		return harRecords(b, maxRecord)
	}
	return lines(b, maxRecord)
}

// lines yields the lines of a JSONL file, and ErrTruncated for a last line without a newline.
func lines(b *bufio.Reader, limit int) iter.Seq2[rawRecord, error] {
	return func(yield func(rawRecord, error) bool) {
		for at := int64(1); ; at++ {
			text, err := readLine(b, limit)
			switch {
			case err == io.EOF && len(text) == 0:
				return
			case err == io.EOF:
				err = ErrTruncated
			}
			if err != nil {
				yield(rawRecord{at: at, text: text}, &RecordError{JSONL, at, err})
				return
			}
			if !yield(rawRecord{lineRecord, at, text}, nil) {
				return
			}
		}
	}
}

// readLine returns a line without its newline, and io.EOF with text that has none.
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
