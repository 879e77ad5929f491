package audit

import (
	"bufio"
	"io"
)

// Result is the outcome of [Verify].
type Result struct {
	Format  Format
	Run     Run   // zero if the file has none
	Entries int64 // entries read
	Records int64 // records of the chain: the Run, the entries and the End
	// Chained is false for a HAR without a chain, as other tools write it. Without problems it is
	// valid JSON, but nothing shows whether it was changed.
	Chained bool
	// Complete reports whether the file has an [End]. Without one the run was killed, is still
	// running, or the End was removed; the file cannot show which.
	Complete bool
	// Last is the hash of the last record. Because of the chain it stands for the whole file.
	Last string
	// Problems are the breaks of the chain in the order of the file, at most MaxProblems.
	Problems []Problem
}

// MaxProblems is how many problems Verify reports before it stops.
const MaxProblems = 20

// Flaw is a kind of [Problem].
type Flaw string

// The flaws.
const (
	Changed     Flaw = "changed"    // the record is not the one that was written
	Removed     Flaw = "removed"    // records are missing before this one
	Inserted    Flaw = "inserted"   // the record does not belong here
	NoBeginning Flaw = "no genesis" // the first record, the Run, is missing
	Truncated   Flaw = "cut"        // the last record is truncated: the run was killed, or the disk was full
)

// Problem is one break of a chain.
type Problem struct {
	Flaw Flaw
	Text string // one line for people, with the position: line of a JSONL file, entry of a HAR
}

// Sound reports whether there are no problems.
func (r Result) Sound() bool { return len(r.Problems) == 0 }

// Verify checks the chain of an audit. It needs a bounded amount of memory. The error is a read
// error, or says that the file is not an audit at all.
func Verify(r io.Reader) (Result, error) {
	from := bufio.NewReaderSize(r, 64<<10)
	format, err := detect(from)
	if err != nil {
		return Result{}, err
	}
	c := newChecker(format)
	for record, err := range records(format, from) {
		if err == nil {
			err = c.check(record)
		}
		if err != nil {
			return c.unreadable(err)
		}
		if len(c.result.Problems) >= MaxProblems {
			break
		}
	}
	return c.finish(), nil
}
