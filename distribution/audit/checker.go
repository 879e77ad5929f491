package audit

import (
	"encoding/json"
	"errors"
	"fmt"
)

// checker goes along a chain, record by record.
type checker struct {
	result Result
	reader Reader // reads what the result tells of the records
	member string // the name of a record's hash

	last, before mark     // the record before, and the one before that
	held         *Problem // of the last record; the next one may show it in another light
	bare         string   // the first entry of a HAR that has no hash
}

// mark is a record on the way. The zero mark stands before the first one.
type mark struct {
	number  int64
	hash    string
	garbled bool // its hash is not known
	place   string
}

func newChecker(f Format) *checker {
	c := &checker{result: Result{Format: f}, reader: Reader{format: f}, member: hashMember}
	if f == HAR {
		c.member = harHashMember
	}
	return c
}

// check looks at the next record. The error is of an entry of another tool's
// HAR that cannot be read.
func (c *checker) check(record raw) error {
	if record.kind == creatorRecord {
		return nil
	}
	hash, intact, sealed := unseal(record.text, c.member)
	l, err := linkOf(record)
	m := mark{number: l.Record, hash: hash, place: c.place(record)}
	if !sealed && record.kind == entryRecord && !c.result.Chained {
		return c.foreign(record, m.place)
	}
	c.result.Chained = true
	if intact = intact && err == nil; !intact {
		m.number, m.garbled = c.last.number+1, true
	}
	ended := c.reader.End != nil
	c.read(record)
	if !c.inserted(l, m) {
		c.release()
		c.judge(l, m, intact, ended)
	}
	c.before, c.last = c.last, m
	return nil
}

// place is where a record stands, for people.
func (c *checker) place(record raw) string {
	switch record.kind {
	case runRecord:
		return "_run"
	case endRecord:
		return "_end"
	}
	return place(c.result.Format, record.at)
}

// linkOf reads a record's place in the chain.
func linkOf(record raw) (link, error) {
	if record.kind == lineRecord {
		var l struct{ link }
		err := json.Unmarshal(record.text, &l)
		return l.link, err
	}
	var l harLink
	err := json.Unmarshal(record.text, &l)
	return link(l), err
}

// foreign takes an entry of a HAR that has no chain so far.
func (c *checker) foreign(record raw, place string) error {
	if c.bare == "" {
		c.bare = place
	}
	c.result.Entries++
	_, err := c.reader.read(record)
	return err
}

// read keeps what the result tells of the file. What cannot be read does not
// have its hash either.
func (c *checker) read(record raw) {
	if e, _ := c.reader.read(record); e != nil {
		c.result.Entries++
	}
}

// follows tells whether a record with the link comes right after m.
func (l link) follows(m mark) bool {
	return l.Record == m.number+1 && (m.garbled || l.Previous == m.hash)
}

// inserted tells whether a record shows that the last one does not belong
// there, since it follows the one before that. Then the last one is forgotten.
func (c *checker) inserted(l link, m mark) bool {
	if c.last.place == "" || m.garbled || c.before.garbled || l.follows(c.last) || !l.follows(c.before) {
		return false
	}
	c.held = &Problem{Inserted, c.last.place + " was inserted: the record after it follows the one before it"}
	c.release()
	c.last = c.before
	return true
}

// judge compares a record with the one before it and with its own hash.
func (c *checker) judge(l link, m mark, intact, ended bool) {
	missing := l.Record - c.last.number - 1
	first := c.last.place == ""
	switch {
	case first && c.reader.Run.Tool == "", first && intact && !l.follows(mark{}):
		c.hold(NoGenesis, "%s is not the beginning of an audit: the record that says what was run is missing", m.place)
	case !intact:
		c.hold(Changed, "%s was changed: it does not have the hash that it was written with", m.place)
	case ended:
		c.hold(Inserted, "%s was inserted: it comes after the end of the run", m.place)
	case l.follows(c.last):
	case missing > 0:
		c.hold(Removed, "before %s records are missing: %d", m.place, missing)
	case missing < 0:
		c.hold(Inserted, "%s was inserted or moved: it is record %d and comes after record %d", m.place, l.Record, c.last.number)
	default:
		c.hold(Changed, "%s was changed: %s was written after another record", c.last.place, m.place)
	}
}

func (c *checker) hold(f Flaw, format string, args ...any) {
	c.held = &Problem{f, fmt.Sprintf(format, args...)}
}

// release tells of the problem that is held back.
func (c *checker) release() {
	if c.held != nil {
		c.result.Problems = append(c.result.Problems, *c.held)
		c.held = nil
	}
}

// broken ends the check at a record that cannot be read.
func (c *checker) broken(err error) (Result, error) {
	var at *RecordError
	if !errors.As(err, &at) || !errors.Is(err, ErrCut) && !c.result.Chained {
		return c.finish(), err
	}
	result := c.finish()
	flaw, where := Changed, place(at.Format, at.At)
	if errors.Is(err, ErrCut) {
		flaw = Cut
	}
	result.Problems = append(result.Problems, Problem{flaw, fmt.Sprintf("%s: %v", where, at.Err)})
	return result, nil
}

// finish completes the result.
func (c *checker) finish() Result {
	c.release()
	if c.bare != "" && c.result.Chained {
		c.result.Problems = append(c.result.Problems, Problem{Inserted, c.bare + " was inserted: it is not part of the chain"})
	}
	c.result.Run, c.result.Complete, c.result.Last = c.reader.Run, c.reader.End != nil, c.last.hash
	return c.result
}
