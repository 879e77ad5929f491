package auditcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit"
)

// Sign returns the command audit sign.
func Sign() run.Command {
	return run.Command{
		Name: "audit sign", Args: "FILE", Min: 1, Max: 1,
		Short: "sign the audit of a run, or add a signature to it",
		Long: `FILE is an audit of --audit, which is checked as audit verify does. Its number of records and its last hash,
which stand for all of it, are signed in FILE.note. Where that is there already, such as from --audit-key, a signature is
added: several people or services can vouch for one audit. The note is a C2SP signed note with a checkpoint in it
(c2sp.org/signed-note). The key's name in it is that of its file, without the extension.

openssl genpkey -algorithm ed25519 makes a key, and openssl pkey -pubout the public key for audit verify --key.`,
		Example: `transship audit sign --key team.pem run.jsonl`,
		Setup: func(fs *flag.FlagSet, r *run.Run) run.Action {
			name := fs.String("key", "", "sign with the Ed25519 private key in this `file` (PEM); required")
			return func(ctx context.Context, r *run.Run, args []string) error {
				if *name == "" {
					return &cli.UsageError{Message: "--key is missing", Advice: "give the private key: --key team.pem"}
				}
				key, err := run.ReadNoteKey(*name)
				if err != nil {
					return fmt.Errorf("--key: %w", err)
				}
				return signAudit(ctx, r, args[0], key)
			}
		},
	}
}

func signAudit(ctx context.Context, r *run.Run, file string, key *run.NoteKey) error {
	found, err := checkAudit(ctx, file)
	if err != nil {
		return err
	}
	problem := (&verifyCommand{}).problemText(found)
	if problem == "" && !found.Chained {
		problem = "it has no chain that a signature could stand for"
	}
	if problem != "" {
		return &auditError{file + ": " + problem}
	}
	earlier, err := readNote(ctx, file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := key.Sign(file, audit.Checkpoint{Records: found.Records, Last: found.Last}, earlier); err != nil {
		err = fmt.Errorf("%s%s: %w", file, audit.NoteSuffix, err)
		if errors.Is(err, audit.ErrOtherState) {
			return cli.WithHint(err, "remove the note to sign the audit as it is now")
		}
		return err
	}
	r.Note("signed %s, %d records with the last hash %s, as %s in %[1]s%[5]s", file, found.Records, found.Last, key.Name(),
		audit.NoteSuffix)
	return nil
}

// readNote reads the note of an audit's file.
func readNote(ctx context.Context, file string) (*audit.Note, error) {
	name := file + audit.NoteSuffix
	content, err := cli.ReadFile(ctx, name, audit.MaxNote)
	if err != nil {
		return nil, err
	}
	note, err := audit.ParseNote([]byte(content))
	if err != nil {
		return nil, &auditError{fmt.Sprintf("%s: %v", name, err)}
	}
	return note, nil
}
