package auditcmd

import (
	"context"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit"
)

// verifyCommand is audit verify and its flags.
type verifyCommand struct {
	last string
	keys []string // files
}

// Verify returns the command audit verify.
func Verify() run.Command {
	return run.Command{
		Name: "audit verify", Args: "FILE", Min: 1, Max: 1,
		Short: "check that the audit of a run is unchanged and complete",
		Long: `FILE is an audit, the .jsonl or .har that --audit has written. Its records are chained by hashes. If
one was changed, removed or inserted, the exit code is 7, and the error says which. It is 7 too if the end is missing:
the run was killed, is still going on, or lines were removed, which cannot be told apart. Otherwise one line is
printed, with the last hash, which stands for the whole file. Keep that hash elsewhere: a person who can write the
file can write another chain, but not one that ends with the same hash. A HAR of another program has no chain; only
its format is checked.

--key requires a signature of the whole audit in FILE.note, which --audit-key and audit sign write.`,
		Example: `transship audit verify audit.jsonl
transship audit verify --key team.pub audit.jsonl
transship audit verify --last 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 audit.har`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			c := &verifyCommand{}
			fs.StringVar(&c.last, "last", "", "the `hash` that the file must end with")
			fs.Func("key", "require a signature by this Ed25519 public `key`, a file in PEM, in FILE"+audit.NoteSuffix+
				"; may be repeated", func(file string) error {
				c.keys = append(c.keys, file)
				return nil
			})
			r.JSONFlag(fs)
			return c.run
		},
	}
}

// Verification is what audit verify --json prints.
type Verification struct {
	cli.Outcome
	File     string   `json:"file"`
	Tool     string   `json:"tool,omitempty"`    // that wrote it
	Version  string   `json:"version,omitempty"` // of the tool
	Calls    int64    `json:"calls"`
	Chained  bool     `json:"chained"`           // so that changes show
	Complete bool     `json:"complete"`          // it has its end
	Last     string   `json:"last,omitempty"`    // hash of the last record
	Signers  []string `json:"signers,omitempty"` // names under which the keys of --key have signed
	Problems []string `json:"problems"`          // at most [audit.MaxProblems]
}

// verification is the document of what was found in a file.
func verification(file string, found audit.Result) *Verification {
	v := &Verification{
		File: file, Tool: cli.OneLine(found.Run.Tool), Version: cli.OneLine(found.Run.Version),
		Calls: found.Entries, Chained: found.Chained, Complete: found.Complete, Last: found.Last, Problems: []string{},
	}
	for _, p := range found.Problems {
		v.Problems = append(v.Problems, p.Text)
	}
	return v
}

func (c *verifyCommand) run(ctx context.Context, r *run.Run, args []string) error {
	keys, err := c.readKeys()
	if err != nil {
		return err
	}
	found, err := checkAudit(ctx, args[0])
	if err != nil {
		return err
	}
	document := verification(args[0], found)
	r.SetDocument(document)
	if problem := c.problemText(found); problem != "" {
		if len(found.Problems) > 1 { // the error has a single one
			for _, p := range found.Problems {
				fmt.Fprintln(r.Stdout, p.Text)
			}
		}
		return &auditError{args[0] + ": " + problem}
	}
	if document.Signers, err = signers(ctx, args[0], found, keys); err != nil {
		return err
	}
	signed := ""
	if len(document.Signers) > 0 {
		signed = "; signed by " + strings.Join(document.Signers, ", ")
	}
	fmt.Fprintf(r.Stdout, "%s: %s%s\n", args[0], resultText(found), signed)
	return nil
}

// checkAudit checks the chain of a file.
func checkAudit(ctx context.Context, name string) (audit.Result, error) {
	file, err := openAudit(ctx, name)
	if err != nil {
		return audit.Result{}, err
	}
	defer file.Close()
	found, err := audit.Verify(file)
	if ctx.Err() != nil {
		return found, context.Cause(ctx)
	}
	if err != nil {
		return found, &auditError{fmt.Sprintf("%s: %v", name, err)}
	}
	return found, nil
}

func (c *verifyCommand) readKeys() (keys []ed25519.PublicKey, err error) {
	for _, file := range c.keys {
		key, err := run.ReadNotePublicKey(file)
		if err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// signers returns the names under which all keys have signed an audit.
func signers(ctx context.Context, file string, found audit.Result, keys []ed25519.PublicKey) (names []string, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	note, err := readNote(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &auditError{fmt.Sprintf("%s is not signed: there is no %[1]s%s", file, audit.NoteSuffix)}
	}
	if err != nil {
		return nil, err
	}
	if note.Checkpoint != (audit.Checkpoint{Records: found.Records, Last: found.Last}) {
		return nil, &auditError{fmt.Sprintf("%s%s is the note of another audit: of %d records with the last hash %s",
			file, audit.NoteSuffix, note.Checkpoint.Records, note.Checkpoint.Last)}
	}
	for _, key := range keys {
		name, err := note.SignedBy(key)
		if err != nil {
			return nil, &auditError{fmt.Sprintf("%s%s: %v; it is signed as %s", file, audit.NoteSuffix, err,
				cli.OneLine(strings.Join(note.Names(), ", ")))}
		}
		names = append(names, cli.OneLine(name))
	}
	return names, nil
}

// problemText sums up in one line what is wrong with an audit, "" if nothing is.
func (c *verifyCommand) problemText(r audit.Result) string {
	switch n := len(r.Problems); {
	case n >= audit.MaxProblems:
		return fmt.Sprintf("it is not as it was written in at least %d places", n)
	case n > 1:
		return fmt.Sprintf("it is not as it was written in %d places", n)
	case n == 1:
		return r.Problems[0].Text
	case r.Chained && !r.Complete:
		verb := "are"
		if r.Entries == 1 {
			verb = "is"
		}
		return fmt.Sprintf("its end is missing; the %d call%s before that %s as written, last hash %s",
			r.Entries, cli.Plural(int(r.Entries)), verb, r.Last)
	case c.last != "" && c.last != r.Last:
		return fmt.Sprintf("it ends with another hash than the one given: %s", r.Last)
	}
	return ""
}

// resultText says what was checked of an audit without problems.
func resultText(r audit.Result) string {
	calls := fmt.Sprintf("%d call%s", r.Entries, cli.Plural(int(r.Entries)))
	if !r.Chained {
		return fmt.Sprintf("a HAR with %s and no chain, so changes to it do not show", calls)
	}
	return fmt.Sprintf("%s, as they were written by %s %s; last hash %s",
		calls, cli.OneLine(r.Run.Tool), cli.OneLine(r.Run.Version), r.Last)
}
