package main

import (
	"context"
	"flag"
	"fmt"
)

func auditShowCommand() command {
	return command{
		name: "audit show", args: "FILE", min: 1, max: 1,
		short: "say what a run has called, how long it took and what it waited for",
		long: `FILE is an audit, .jsonl or .har, or a HAR that a browser or a proxy has written. What it waited for is the critical
path: back from the end, always the call that had ended last before the next one began.`,
		example: "transship audit show run.jsonl\ntransship audit show --json run.har",
		setup: func(fs *flag.FlagSet, a *app) action {
			most := count(10)
			fs.Var(&most, "top", fmt.Sprintf("list the `N` blobs and calls that took longest (default %d)", most))
			asJSON := fs.Bool("json", false, "print JSON for scripts; times are milliseconds")
			return func(_ context.Context, a *app, args []string) error {
				t, err := readTrace(a, args[0])
				if err != nil {
					return err
				}
				report := t.Report(int(most))
				if *asJSON {
					return printJSON(a.stdout, report)
				}
				return (&reportText{Report: report, most: int(most)}).print(a.stdout)
			}
		},
	}
}
