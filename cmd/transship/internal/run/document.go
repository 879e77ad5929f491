package run

import (
	"flag"
	"slices"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// Document is what a command prints under --json: a struct that embeds [cli.Outcome]. A document
// that is printed while it comes has a method End() error, which prints the rest.
type Document interface{ SetOutcome(cli.Outcome) }

// JSONFlag registers --json. A command that has it gives its result to [Run.SetDocument]. What it
// prints to r.Stdout is dropped under --json, so that the document is all that is there.
func (r *Run) JSONFlag(fs *flag.FlagSet) {
	fs.BoolVar(&r.JSON, "json", false, "print JSON for scripts")
}

// SetDocument sets what --json prints at the end, when the exit code is known. A command sets it
// before it does what may fail, and fills it in as it goes on: the document then says what was done
// before the failure. Without --json it does nothing.
func (r *Run) SetDocument(d Document) {
	if r.JSON {
		r.document = d
	}
}

// StreamDocument is SetDocument for a document that the command prints while it comes.
func (r *Run) StreamDocument(d Document) {
	r.SetDocument(d)
	r.Stdout.Discard = false
}

// PrintDocument prints the document of --json, or of --plan=json, for a run that ended with err. A
// command that failed before it had one gets a document of its error alone.
func (r *Run) PrintDocument(err error) error {
	if !r.JSON {
		return nil
	}
	r.Stdout.Discard = false
	if r.document == nil {
		r.document = &cli.Outcome{}
	}
	r.document.SetOutcome(cli.Outcome{OK: err == nil, Failure: r.Failure(err)})
	if streamed, ok := r.document.(interface{ End() error }); ok {
		return streamed.End()
	}
	return cli.PrintJSON(r.Stdout, r.document)
}

// Failure returns an error as documents have it, the zero value for nil.
func (r *Run) Failure(err error) cli.Failure {
	if err == nil {
		return cli.Failure{}
	}
	return cli.Failure{Error: cli.OneLine(err.Error()), ExitCode: ExitCode(err), Hint: r.Hint(err)}
}

// wantsJSON reports whether a command line that cannot be parsed asks for JSON.
func wantsJSON(fs *flag.FlagSet, args []string) bool {
	asks := func(arg string) bool { return arg == "--json" || arg == "-json" }
	return fs.Lookup("json") != nil && slices.ContainsFunc(args, asks)
}
