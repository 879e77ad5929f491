package run

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/wire"
)

// recording is the record of a run's calls.
type recording struct {
	file   string // "" for none
	writer *audit.Writer
	stop   func()      // ends the run
	failed atomic.Bool // to be written

	once   sync.Once
	record *wire.Record
}

// AuditFlags registers what every command with a registry can be told about its calls: to record them, and which ones it
// may make.
func (r *Run) AuditFlags(fs *flag.FlagSet) {
	fs.Func("audit", "write every call to this `file`, .har (opens in a browser's developer tools) or .jsonl (a chained line a call); one that is there is replaced",
		r.recording.setFile)
	r.policyFlags(fs)
}

func (r *recording) setFile(name string) error {
	if _, ok := audit.FormatOf(name); !ok {
		return fmt.Errorf("%q ends neither in .har nor in .jsonl", name)
	}
	r.file = name
	return nil
}

// withAudit runs a command whose flags are set, keeps its audit and holds it to its policies.
func (r *Run) withAudit(ctx context.Context, fs *flag.FlagSet, args []string, run func(context.Context) error) error {
	rec := &r.recording
	ctx, cancel := context.WithCancelCause(wire.With(ctx, wire.Why{Command: r.Command}))
	defer cancel(nil)
	rec.stop = func() { cancel(stopped{}) }
	r.rules.OnRefusal = func(*wire.PolicyError) { rec.stop() }
	if err := rec.open(r.Command, fs, args); err != nil {
		return err
	}
	return r.closeAudit(r.verdict(run(ctx)))
}

// open makes the file, before any call is made.
func (r *recording) open(command string, fs *flag.FlagSet, args []string) (err error) {
	if r.file == "" {
		return nil
	}
	line := append([]string{"transship"}, strings.Fields(command)...)
	r.writer, err = audit.Create(r.file, audit.Run{
		Tool:    "transship",
		Version: cli.Version,
		Command: append(line, cli.RedactArgs(fs, args)...),
		Start:   time.Now().UTC(),
	})
	return err
}

// closeAudit ends the audit of a run that has ended with an error or nil. What has kept the audit from being written has
// ended the run, so that it is the error to tell of.
func (r *Run) closeAudit(err error) error {
	rec := &r.recording
	if rec.record != nil {
		rec.record.Close()
	}
	if rec.writer == nil {
		return err
	}
	unwritten := rec.writer.Close()
	if unwritten == nil {
		return err
	}
	if err == nil || rec.failed.Load() {
		return unwritten
	}
	r.Note("warning: %v", unwritten)
	return err
}

// write adds a call. A run that cannot be recorded does not go on.
func (r *recording) write(c wire.Call) {
	if err := r.writer.Write(audit.FromCall(c)); err != nil {
		r.failed.Store(true)
		r.stop()
	}
}

// recorder returns the run's Record, which all of its chains report to.
func (r *Run) recorder() *wire.Record {
	rec := &r.recording
	rec.once.Do(func() { rec.record = &wire.Record{OnCall: r.callReports()} })
	return rec.record
}
