package auditcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/trace"
)

// readAudit opens an audit and reads it with read, up to its first broken record, which is a
// warning: broken returns it. Of a file that another run is writing to, it reads what was there
// when it was opened. If nothing can be read the error is an *auditError.
func readAudit[T any](ctx context.Context, r *run.Run, name string, read func(*audit.Reader) (T, error),
	broken func(T) *audit.RecordError) (found T, err error) {
	file, err := openAudit(ctx, name)
	if err != nil {
		return found, err
	}
	defer file.Close()
	var from io.Reader = file
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		from = io.LimitReader(file, info.Size())
	}
	reader, err := audit.NewReader(from)
	if err == nil {
		found, err = read(reader)
	}
	if ctx.Err() != nil {
		return found, context.Cause(ctx)
	}
	if err != nil {
		return found, &auditError{fmt.Sprintf("%s: %v", name, err)}
	}
	if b := broken(found); b != nil {
		r.Note("warning: %s: %v", name, brokenText(b))
	}
	return found, nil
}

// openAudit opens an audit, which may be a pipe. What can be none, such as a folder, is an
// *auditError.
func openAudit(ctx context.Context, name string) (*os.File, error) {
	file, err := cli.OpenFile(ctx, name)
	var usage *cli.UsageError
	if errors.As(err, &usage) {
		return nil, &auditError{usage.Error()}
	}
	return file, err
}

// brokenText says why an audit is not shown to its end.
func brokenText(broken *audit.RecordError) string {
	if errors.Is(broken, audit.ErrTruncated) {
		return fmt.Sprintf("%v, as if the run was killed or is still going on; what comes before is used", broken)
	}
	return fmt.Sprintf("%v; what comes before is used, and nothing after it", broken)
}

func readTrace(ctx context.Context, r *run.Run, name string) (*trace.Trace, error) {
	return readAudit(ctx, r, name, trace.Read, func(t *trace.Trace) *audit.RecordError { return t.Broken })
}

// auditError says that an audit is not as it was written, or no audit.
type auditError struct{ message string }

// Error names the file and what is wrong with it.
func (e *auditError) Error() string { return e.message }

// ExitCode returns [cli.ExitIntegrity].
func (*auditError) ExitCode() int { return cli.ExitIntegrity }

// Hint is empty.
func (*auditError) Hint() string { return "" }
