package audit

import (
	"bufio"
	"io"
)

// Result is what [Verify] has found.
type Result struct {
	Format  Format
	Run     Run   // zero where the file does not say
	Entries int64 // entries read
	// Chained is false of a HAR without a chain, as other tools write it. Such a
	// file is sound JSON when there is no problem; nothing shows whether it was
	// changed.
	Chained bool
	// Complete tells that the run has written its end. Without it the run was
	// killed, is still going on, or the end was taken away, which cannot be told
	// apart.
	Complete bool
	// Last is the hash of the last record, which stands for all of the file.
	Last string
	// Problems are where the chain is broken, in the order of the file, at most
	// MaxProblems of them.
	Problems []Problem
}

// MaxProblems is how many problems Verify tells of before it gives up.
const MaxProblems = 20

// Flaw is what is wrong at one place of a chain.
type Flaw string

// The flaws.
const (
	Changed   Flaw = "changed"    // the record is not the one that was written
	Removed   Flaw = "removed"    // records are missing before this one
	Inserted  Flaw = "inserted"   // the record does not belong here
	NoGenesis Flaw = "no genesis" // the first record, the Run, is missing
	Cut       Flaw = "cut"        // the last record is not whole: the run was killed, or the disk was full
)

// Problem is one place where a chain is broken.
type Problem struct {
	Flaw Flaw
	Text string // one line for people, with the place: the line of a JSONL file, or the entry of a HAR
}

// Sound tells that nothing is wrong with what is there.
func (r Result) Sound() bool { return len(r.Problems) == 0 }

// Verify checks the chain of an audit, in bounded memory. The error is of
// reading, or of a file that is no audit at all.
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
			return c.broken(err)
		}
		if len(c.result.Problems) >= MaxProblems {
			break
		}
	}
	return c.finish(), nil
}
