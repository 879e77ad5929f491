package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
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

// meter lets a decoder read no more than limit for one value.
type meter struct {
	from        io.Reader
	limit, left int
}

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errTooLong
	}
	n, err := m.from.Read(p[:min(len(p), m.left)])
	m.left -= n
	return n, err
}

// harScan walks through a HAR.
type harScan struct {
	meter   *meter
	decoder *json.Decoder
	entries int64
	yield   func(raw, error) bool
	stopped bool
}

// harRecords yields the creator, the own records and the entries of a HAR, one
// at a time, in the order of the file.
func harRecords(r io.Reader, limit int) iter.Seq2[raw, error] {
	return func(yield func(raw, error) bool) {
		m := &meter{from: r, limit: limit, left: limit}
		s := &harScan{meter: m, decoder: json.NewDecoder(m), yield: yield}
		err := s.object(func(name string) error {
			if name == "log" {
				return s.object(s.member)
			}
			return s.skip()
		})
		if err == nil && !s.stopped {
			err = s.ended()
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrCut
		}
		if err != nil && !s.stopped {
			yield(raw{at: s.entries}, &RecordError{HAR, s.entries, err})
		}
	}
}

// errStopped ends the walk when nobody wants more.
var errStopped = errors.New("stopped")

// object calls do with the name of each member of the object that comes next.
func (s *harScan) object(do func(name string) error) error {
	if err := s.delimiter('{'); err != nil {
		return err
	}
	for s.more() {
		name, err := s.decoder.Token()
		if err != nil {
			return err
		}
		if err := do(name.(string)); err != nil { // the name of a member is a string
			return err
		}
	}
	return s.delimiter('}')
}

// member reads a member of log.
func (s *harScan) member(name string) error {
	switch name {
	case "entries":
		return s.list()
	case "creator":
		return s.record(creatorRecord)
	case "_run":
		return s.record(runRecord)
	case "_end":
		return s.record(endRecord)
	}
	return s.skip()
}

// list reads the entries.
func (s *harScan) list() error {
	if err := s.delimiter('['); err != nil {
		return err
	}
	for s.more() {
		s.entries++
		if err := s.record(entryRecord); err != nil {
			return err
		}
	}
	return s.delimiter(']')
}

// more tells whether the list or object goes on, and gives the next value its
// measure.
func (s *harScan) more() bool {
	s.meter.left = s.meter.limit
	return s.decoder.More()
}

func (s *harScan) record(k kind) error {
	var text json.RawMessage
	if err := s.decoder.Decode(&text); err != nil {
		return err
	}
	if !s.yield(raw{k, s.entries, text}, nil) {
		s.stopped = true
		return errStopped
	}
	return nil
}

func (s *harScan) skip() error {
	var nothing json.RawMessage
	return s.decoder.Decode(&nothing)
}

func (s *harScan) delimiter(want json.Delim) error {
	got, err := s.decoder.Token()
	if err == nil && got != want {
		return fmt.Errorf("want %v, got %v", want, got)
	}
	return err
}

// ended makes sure that nothing comes after the document.
func (s *harScan) ended() error {
	s.meter.left = s.meter.limit
	if _, err := s.decoder.Token(); err != io.EOF {
		return errors.New("there is something after the end of the HAR")
	}
	return nil
}
