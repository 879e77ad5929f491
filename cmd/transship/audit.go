package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/wire"
)

// auditing is the record of a run's calls.
type auditing struct {
	file   string // "" for none
	writer *audit.Writer
	stop   func()      // ends the run
	failed atomic.Bool // to be written

	once   sync.Once
	record *wire.Record
}

// auditFlags registers what every command with a registry can be told about its calls: to record them, and which ones it
// may make.
func (a *app) auditFlags(fs *flag.FlagSet) {
	fs.Func("audit", "write every call to this `file`, .har (opens in a browser's developer tools) or .jsonl (a chained line a call); one that is there is replaced",
		a.shared.audit.setFile)
	a.policyFlags(fs)
}

func (r *auditing) setFile(name string) error {
	if _, ok := audit.FormatOf(name); !ok {
		return fmt.Errorf("%q ends neither in .har nor in .jsonl", name)
	}
	r.file = name
	return nil
}

// recorded runs a command whose flags are set, keeps its audit and holds it to its policies.
func (a *app) recorded(ctx context.Context, fs *flag.FlagSet, args []string, run func(context.Context) error) error {
	r := &a.shared.audit
	ctx, cancel := context.WithCancelCause(wire.With(ctx, wire.Why{Command: a.command}))
	defer cancel(nil)
	r.stop = func() { cancel(stopped{}) }
	a.shared.rules.OnRefusal = func(*wire.PolicyError) { r.stop() }
	if err := r.open(a.command, fs, args); err != nil {
		return err
	}
	return a.closeAudit(a.held(run(ctx)))
}

// open makes the file, before any call is made.
func (r *auditing) open(command string, fs *flag.FlagSet, args []string) (err error) {
	if r.file == "" {
		return nil
	}
	line := append([]string{"transship"}, strings.Fields(command)...)
	r.writer, err = audit.Create(r.file, audit.Run{
		Tool:    "transship",
		Version: version,
		Command: append(line, withoutSecrets(fs, args)...),
		Start:   time.Now().UTC(),
	})
	return err
}

// closeAudit ends the audit of a run that has ended with an error or nil. What has kept the audit from being written has
// ended the run, so that it is the error to tell of.
func (a *app) closeAudit(err error) error {
	r := &a.shared.audit
	if r.record != nil {
		r.record.Close()
	}
	if r.writer == nil {
		return err
	}
	unwritten := r.writer.Close()
	if unwritten == nil {
		return err
	}
	if err == nil || r.failed.Load() {
		return unwritten
	}
	a.note("warning: %v", unwritten)
	return err
}

// write adds a call. A run that cannot be recorded does not go on.
func (r *auditing) write(c wire.Call) {
	if err := r.writer.Write(audit.FromCall(c)); err != nil {
		r.failed.Store(true)
		r.stop()
	}
}

// recorder returns the run's Record, which all of its chains report to.
func (a *app) recorder() *wire.Record {
	r := &a.shared.audit
	r.once.Do(func() { r.record = &wire.Record{OnCall: a.onCall()} })
	return r.record
}

// redactedValue stands where a secret was on the command line.
const redactedValue = "REDACTED"

// withoutSecrets is a command line fit to be kept. The flags in it are known to be right.
func withoutSecrets(fs *flag.FlagSet, args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		typed, value, given := strings.Cut(arg, "=")
		f := fs.Lookup(strings.TrimLeft(typed, "-"))
		switch {
		case arg == "--":
			fs = flag.NewFlagSet("", flag.ContinueOnError) // there are no more
			out = append(out, arg)
		case !strings.HasPrefix(arg, "-") || f == nil:
			out = append(out, withoutPassword(arg))
		case !isSecret(f):
			out = append(out, arg)
		case given:
			out = append(out, typed+"="+secretValue(value))
		case i+1 < len(args):
			i++
			out = append(out, arg, secretValue(args[i]))
		}
	}
	return out
}

// isSecret tells whether a flag's value is one.
func isSecret(f *flag.Flag) bool {
	return !isBool(f) && (f.Name == "p" || f.Name == "password" || strings.HasSuffix(f.Name, "creds"))
}

// secretValue is what is kept of one. A dash says that it comes on standard input.
func secretValue(value string) string {
	if value == "-" {
		return value
	}
	return redactedValue
}

// withoutPassword is an argument without what may have been typed into it as if it were a URL. What stands before a
// digest is a name.
func withoutPassword(arg string) string {
	if u, err := url.Parse(arg); err == nil && u.Host != "" {
		return wire.Redact(u)
	}
	before, after, ok := cutLast(arg, "@")
	if !ok || strings.HasPrefix(after, "sha") || !strings.Contains(before, ":") {
		return arg
	}
	return redactedValue + "@" + after
}

// cutLast is strings.Cut around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
