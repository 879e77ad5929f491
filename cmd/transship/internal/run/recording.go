package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/wire"
	"github.com/hczjl/transship/manifest/signature"
)

// recording is a run's audit file, and the Record that all of its transports report to.
type recording struct {
	user   context.Context // that of the user, which a refused call does not end
	file   string          // "" without --audit
	signer *NoteKey
	writer *audit.Writer
	stop   func()      // ends the run's context
	failed atomic.Bool // a call could not be written

	once   sync.Once
	record *wire.Recorder
}

// AuditFlags registers the flags that record and restrict the calls of a command: --audit and the
// policies.
func (r *Run) AuditFlags(fs *flag.FlagSet) {
	defer r.group(fs, policyFlags)()
	r.AuditFlag(fs, "call")
	fs.Func("audit-key", "sign the end of --audit with the Ed25519 key in this `file` (PEM): the signature is beside the audit, "+
		"in FILE"+audit.NoteSuffix, r.recording.setKey)
	r.policyFlags(fs)
}

// RecordFlags registers the flags of a command that records the calls of other programs.
func (r *Run) RecordFlags(fs *flag.FlagSet) {
	r.QuietFlag(fs)
	r.VerboseFlag(fs)
	func() {
		defer r.group(fs, connectionFlags)()
		fs.BoolVar(&r.transports.http1, "http1", false, "do not use HTTP/2 (large blobs never use it)")
	}()
	r.AuditFlags(fs)
}

// Records reports whether the calls are written to a file or printed.
func (r *Run) Records() bool { return r.reporter() != nil }

// RecordAnswers returns what records requests of other programs that do not go out: answers has their
// responses.
func (r *Run) RecordAnswers(answers http.RoundTripper) http.RoundTripper {
	return r.recorder().Over(answers)
}

// AuditFlag registers --audit alone. what is what it records: calls, or the requests to a server.
func (r *Run) AuditFlag(fs *flag.FlagSet, what string) {
	fs.Func("audit", "record every "+what+" in this `file`: .har (for browsers' developer tools) or "+
		".jsonl (a hash-chained line for each "+what+"); an existing file is replaced", r.recording.setFile)
}

// AuditServed returns what records a request to a server in the file of --audit, nil without the
// flag. If that fails it ends the run, so that no request goes unrecorded.
func (r *Run) AuditServed() func(wire.Call) {
	if r.recording.writer == nil {
		return nil
	}
	return r.recording.write
}

func (r *recording) setFile(name string) error {
	if _, ok := audit.FormatOf(name); !ok {
		return fmt.Errorf("%q must end in .har or .jsonl", name)
	}
	r.file = name
	return nil
}

func (r *recording) setKey(name string) (err error) {
	r.signer, err = ReadNoteKey(name)
	return err
}

// withAudit runs a command with its audit file open and under its policies.
func (r *Run) withAudit(ctx context.Context, fs *flag.FlagSet, args []string, run func(context.Context) error) error {
	rec := &r.recording
	rec.user = ctx
	ctx, cancel := context.WithCancelCause(wire.WithPurpose(ctx, wire.Purpose{Command: r.Command}))
	defer cancel(nil)
	rec.stop = func() { cancel(errStopped) }
	r.rules.OnRefusal = func(*wire.PolicyError) { rec.stop() }
	if err := rec.open(r.Command, fs, args); err != nil {
		return err
	}
	return r.closeAudit(r.verdict(run(ctx)))
}

// OnInterrupt has stop run when the user stops the run, also after a refused call or a failed audit has ended the context
// of the command. The function that it returns is to be called at the end.
func (r *Run) OnInterrupt(stop func()) (release func() bool) {
	user := r.recording.user
	return context.AfterFunc(user, func() {
		if errors.Is(context.Cause(user), cli.ErrInterrupted) {
			stop()
		}
	})
}

// open creates the file. It comes before the first call.
func (r *recording) open(command string, fs *flag.FlagSet, args []string) (err error) {
	if r.file == "" && r.signer != nil {
		return &cli.UsageError{Message: "--audit-key needs --audit FILE", Advice: "leave it out, or add --audit FILE"}
	}
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

// closeAudit closes the audit of a run that ended with err, and returns the error of the run: err,
// or that of the audit if err is nil or a consequence of it.
func (r *Run) closeAudit(err error) error {
	rec := &r.recording
	if rec.record != nil {
		rec.record.Close()
	}
	if rec.writer == nil {
		return err
	}
	closeErr := rec.close()
	switch {
	case closeErr == nil:
		return err
	case err == nil || rec.failed.Load():
		return closeErr
	}
	r.Note("warning: %v", closeErr)
	return err
}

// close closes the file, and signs it if there is a key.
func (r *recording) close() error {
	if err := r.writer.Close(); err != nil || r.signer == nil {
		return err
	}
	return r.signer.Sign(r.file, r.writer.Checkpoint(), nil)
}

// write adds a call. If that fails it ends the run.
func (r *recording) write(c wire.Call) {
	if err := r.writer.Write(audit.FromCall(c)); err != nil {
		r.failed.Store(true)
		r.stop()
	}
}

// AddVerdict adds what the policy of --require-signature says of an image to the audit and the plan.
func (r *Run) AddVerdict(v signature.Verdict) {
	if r.recording.writer != nil {
		r.recording.writer.AddVerdict(v)
	}
	r.Plan.AddVerdict(v)
}

// recorder returns the run's Record.
func (r *Run) recorder() *wire.Recorder {
	rec := &r.recording
	rec.once.Do(func() { rec.record = &wire.Recorder{OnCall: r.reporter()} })
	return rec.record
}
