package audit

import (
	"encoding/json"
	"errors"
	"fmt"
)

// checker checks a chain record by record.
type checker struct {
	result Result
	reader Reader // decodes the records
	member string // name of the member with a record's hash

	last, beforeLast checked
	pending          *Problem // of the last record; the next record may explain it otherwise
	firstUnchained   string   // position of the first HAR entry without a hash
}

// checked is a record that has been checked. The zero value stands before the first record.
type checked struct {
	number      int64
	hash        string
	unknownHash bool
	position    string // empty before the first record
}

func newChecker(f Format) *checker {
	c := &checker{result: Result{Format: f}, reader: Reader{format: f}, member: hashMember}
	if f == HAR {
		c.member = harHashMember
	}
	return c
}

// check checks the next record. The error is that of an unreadable entry of another tool's HAR.
func (c *checker) check(record rawRecord) error {
	if record.kind == creatorRecord {
		return nil
	}
	hash, intact, sealed := unseal(record.text, c.member)
	l, err := linkOf(record)
	now := checked{number: l.Record, hash: hash, position: c.position(record)}
	if !sealed && record.kind == entryRecord && !c.result.Chained {
		return c.unchained(record, now.position)
	}
	c.result.Chained = true
	if intact = intact && err == nil; !intact {
		now.number, now.unknownHash = c.last.number+1, true
	}
	ended := c.reader.End != nil
	c.decode(record)
	if !c.dropInserted(l, now) {
		c.reportPending()
		c.compare(l, now, intact, ended)
	}
	c.beforeLast, c.last = c.last, now
	return nil
}

// position is the position of a record in a message.
func (c *checker) position(record rawRecord) string {
	switch record.kind {
	case runRecord:
		return "_run"
	case endRecord:
		return "_end"
	}
	return position(c.result.Format, record.at)
}

// linkOf decodes a record's place in the chain.
func linkOf(record rawRecord) (link, error) {
	if record.kind == lineRecord {
		var l struct{ link }
		err := json.Unmarshal(record.text, &l)
		return l.link, err
	}
	var l harLink
	err := json.Unmarshal(record.text, &l)
	return link(l), err
}

// unchained counts an entry of a HAR that has had no chain so far.
func (c *checker) unchained(record rawRecord, position string) error {
	if c.firstUnchained == "" {
		c.firstUnchained = position
	}
	c.result.Entries++
	_, err := c.reader.read(record)
	return err
}

// decode counts entries, and keeps the Run and the End. It ignores errors: a record that cannot be
// decoded does not have its hash either.
func (c *checker) decode(record rawRecord) {
	if e, _ := c.reader.read(record); e != nil {
		c.result.Entries++
	}
}

// follows reports whether a record with this link is the successor of another record.
func (l link) follows(other checked) bool {
	return l.Record == other.number+1 && (other.unknownHash || l.Previous == other.hash)
}

// dropInserted reports whether the last record was inserted, which shows when the current one
// follows the record before it. It then removes the last record from the chain.
func (c *checker) dropInserted(l link, now checked) bool {
	if c.last.position == "" || now.unknownHash || c.beforeLast.unknownHash ||
		l.follows(c.last) || !l.follows(c.beforeLast) {
		return false
	}
	c.pending = &Problem{Inserted, c.last.position + " was inserted: the record after it follows the one before it"}
	c.reportPending()
	c.last = c.beforeLast
	return true
}

// compare compares a record with the one before it and with its own hash.
func (c *checker) compare(l link, now checked, intact, ended bool) {
	missing := l.Record - c.last.number - 1
	first := c.last.position == ""
	switch {
	case first && c.reader.Run.Tool == "", first && intact && !l.follows(checked{}):
		c.suspect(NoBeginning, "%s is not the beginning of an audit: the record that says what was run is missing",
			now.position)
	case !intact:
		c.suspect(Changed, "%s was changed: it does not have the hash that it was written with", now.position)
	case ended:
		c.suspect(Inserted, "%s was inserted: it comes after the end of the run", now.position)
	case l.follows(c.last):
	case missing > 0:
		c.suspect(Removed, "before %s records are missing: %d", now.position, missing)
	case missing < 0:
		c.suspect(Inserted, "%s was inserted or moved: it is record %d and comes after record %d",
			now.position, l.Record, c.last.number)
	default:
		c.suspect(Changed, "%s was changed: %s was written after another record", c.last.position, now.position)
	}
}

// suspect sets the pending problem.
func (c *checker) suspect(f Flaw, format string, args ...any) {
	c.pending = &Problem{f, fmt.Sprintf(format, args...)}
}

// reportPending adds the pending problem to the result.
func (c *checker) reportPending() {
	if c.pending != nil {
		c.result.Problems = append(c.result.Problems, *c.pending)
		c.pending = nil
	}
}

// unreadable ends the check at a record that cannot be read.
func (c *checker) unreadable(err error) (Result, error) {
	var at *RecordError
	if !errors.As(err, &at) || !errors.Is(err, ErrTruncated) && !c.result.Chained {
		return c.finish(), err
	}
	result := c.finish()
	flaw := Changed
	if errors.Is(err, ErrTruncated) {
		flaw = Truncated
	}
	result.Problems = append(result.Problems, Problem{flaw, at.Error()})
	return result, nil
}

// finish completes the result.
func (c *checker) finish() Result {
	c.reportPending()
	if c.firstUnchained != "" && c.result.Chained {
		c.suspect(Inserted, "%s was inserted: it is not part of the chain", c.firstUnchained)
		c.reportPending()
	}
	c.result.Run, c.result.Complete, c.result.Last = c.reader.Run, c.reader.End != nil, c.last.hash
	c.result.Records = c.last.number
	return c.result
}
