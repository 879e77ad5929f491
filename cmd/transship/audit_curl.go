package main

import (
	"context"
	"flag"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/audit/curl"
)

func auditCurlCommand() command {
	return command{
		name: "audit curl", args: "FILE", min: 1, max: 1,
		short: "print a run's calls as a shell script of curl commands",
		long: `FILE is an audit, .jsonl or .har, or a HAR of another tool. The script makes each call that was sent once more, in the
same order; blobs and manifests are files in blobs/ below the folder that it runs in. Hosts are variables, so that others
can be called. What the record does not have, passwords above all, is a variable that has to be set: the script's top
names them.`,
		example: "transship audit curl run.jsonl | tee run.sh",
		setup: func(*flag.FlagSet, *app) action {
			return func(_ context.Context, a *app, args []string) error {
				var script *curl.Script
				err := readAudit(a, args[0], func(from *audit.Reader) (_ *audit.RecordError, err error) {
					if script, err = curl.Read(from); err != nil {
						return nil, err
					}
					return script.Broken, nil
				})
				if err != nil {
					return err
				}
				return curl.Write(a.stdout, script)
			}
		},
	}
}
