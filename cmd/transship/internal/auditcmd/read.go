package auditcmd

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/trace"
)

// The audit commands read what --audit has written, and HARs of any other tool.

// readAudit reads an audit as far as that goes. A file may be written to meanwhile: what it had when it was opened is
// read. One of which nothing can be read is an *auditError.
func readAudit(r *run.Run, name string, read func(*audit.Reader) (broken *audit.RecordError, err error)) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	var from io.Reader = file
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		from = io.LimitReader(file, info.Size())
	}
	reader, err := audit.NewReader(from)
	if err != nil {
		return &auditError{fmt.Sprintf("%s: %v", name, err)}
	}
	broken, err := read(reader)
	if err != nil {
		return &auditError{fmt.Sprintf("%s: %v", name, err)}
	}
	if broken != nil {
		r.Note("warning: %s: %v", name, brokenText(broken))
	}
	return nil
}

// brokenText says why not all of an audit is shown.
func brokenText(broken *audit.RecordError) string {
	if errors.Is(broken, audit.ErrCut) {
		return fmt.Sprintf("%v, as a run leaves it that is still going on or was killed; what comes before is used", broken)
	}
	return fmt.Sprintf("%v; what comes before is used, and nothing after it", broken)
}

// readTrace reads what the reports about a run's time need.
func readTrace(r *run.Run, name string) (t *trace.Trace, err error) {
	err = readAudit(r, name, func(from *audit.Reader) (*audit.RecordError, error) {
		if t, err = trace.Read(from); err != nil {
			return nil, err
		}
		return t.Broken, nil
	})
	return t, err
}

// auditError is an audit that is not as it was written.
type auditError struct{ message string }

// Error says what is wrong with which file.
func (e *auditError) Error() string { return e.message }

// ExitCode implements [coded].
func (*auditError) ExitCode() int { return cli.ExitIntegrity }

// Hint implements [hinted].
func (*auditError) Hint() string { return "" }
