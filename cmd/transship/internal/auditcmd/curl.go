package auditcmd

import (
	"context"
	"flag"

	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/curl"
)

// Curl returns the command audit curl.
func Curl() run.Command {
	return run.Command{
		Name: "audit curl", Args: "FILE", Min: 1, Max: 1,
		Short: "print a run's calls as a shell script of curl commands",
		Long: `FILE is an audit, the .jsonl or .har that --audit has written, or a HAR of another tool. The script
repeats each call that was sent, in the same order; blobs and manifests are files in blobs/ below the folder that it
runs in. Hosts are variables, so that it can call others. What the record does not have, passwords above all, is a
variable that must be set, and what no call fetches, such as an index that was cut down to some platforms, a file that
must be there: the top of the script lists them.`,
		Example: "transship audit curl run.jsonl | tee run.sh",
		Setup: func(*flag.FlagSet, *run.Run) run.Action {
			return func(ctx context.Context, r *run.Run, args []string) error {
				broken := func(s *curl.Script) *audit.RecordError { return s.Broken }
				script, err := readAudit(ctx, r, args[0], curl.Read, broken)
				if err != nil {
					return err
				}
				return curl.Write(r.Stdout, script)
			}
		},
	}
}
