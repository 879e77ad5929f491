package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// valueReader limits how many bytes a JSON decoder reads for one value.
type valueReader struct {
	from        io.Reader
	limit, left int
}

// Read implements io.Reader.
func (r *valueReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errTooLong
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// next starts a new value.
func (r *valueReader) next() { r.left = r.limit }

// harScanner walks through a HAR and yields its records.
type harScanner struct {
	reader  *valueReader
	decoder *json.Decoder
	entries int64 // read so far
	yield   func(rawRecord, error) bool
	stopped bool
}

// harRecords yields the creator, the custom records and the entries of a HAR, one at a time, in the
// order of the file. A record may have at most limit bytes.
func harRecords(r io.Reader, limit int) iter.Seq2[rawRecord, error] {
	return func(yield func(rawRecord, error) bool) {
		reader := &valueReader{from: r, limit: limit, left: limit}
		s := &harScanner{reader: reader, decoder: json.NewDecoder(reader), yield: yield}
		err := s.object(func(name string) error {
			if name == "log" {
				return s.object(s.logMember)
			}
			return s.skip()
		})
		if err == nil && !s.stopped {
			err = s.end()
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrTruncated
		}
		if err != nil && !s.stopped {
			yield(rawRecord{at: s.entries}, &RecordError{HAR, s.entries, err})
		}
	}
}

// errStopped ends the walk after the caller's loop has ended.
var errStopped = errors.New("stopped")

// object reads an object, and calls do with the name of each member, to read its value.
func (s *harScanner) object(do func(name string) error) error {
	if err := s.delimiter('{'); err != nil {
		return err
	}
	for s.more() {
		name, err := s.decoder.Token()
		if err != nil {
			return err
		}
		if err := do(name.(string)); err != nil { // the decoder refuses names that are no strings
			return err
		}
	}
	return s.delimiter('}')
}

// logMember reads the value of a member of log.
func (s *harScanner) logMember(name string) error {
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
func (s *harScanner) list() error {
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

// more reports whether the list or object has another value.
func (s *harScanner) more() bool {
	s.reader.next()
	return s.decoder.More()
}

func (s *harScanner) record(k recordKind) error {
	var text json.RawMessage
	if err := s.decoder.Decode(&text); err != nil {
		return err
	}
	if !s.yield(rawRecord{k, s.entries, text}, nil) {
		s.stopped = true
		return errStopped
	}
	return nil
}

func (s *harScanner) skip() error {
	var value json.RawMessage
	return s.decoder.Decode(&value)
}

func (s *harScanner) delimiter(want json.Delim) error {
	got, err := s.decoder.Token()
	if err == nil && got != want {
		return fmt.Errorf("want %v, got %v", want, got)
	}
	return err
}

// end fails if anything follows the document.
func (s *harScanner) end() error {
	s.reader.next()
	if _, err := s.decoder.Token(); err != io.EOF {
		return errors.New("there is something after the end of the HAR")
	}
	return nil
}
