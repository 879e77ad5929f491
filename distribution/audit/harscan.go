package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

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
