package main

import (
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
)

// commands is the table, in the order of the overview.
func commands() []command {
	return []command{
		copyCommand(),
		manifestCreateCommand(),
		manifestAnnotateCommand(),
		manifestPushCommand(),
		manifestInspectCommand(),
		manifestRmCommand(),
		pullCommand(),
		imagesCommand(),
		tagCommand(),
		pushCommand(),
		rmiCommand(),
		pruneCommand(),
		saveCommand(),
		loadCommand(),
		verifyCommand(),
		syncCommand(),
		serveCommand(),
		inspectCommand(),
		tagsCommand(),
		digestCommand(),
		benchCommand(bench.Push),
		benchCommand(bench.Pull),
		benchCommand(bench.Copy),
		benchCommand(bench.Mount),
		benchCommand(bench.Resolve),
		auditVerifyCommand(),
		auditShowCommand(),
		auditWaterfallCommand(),
		auditCurlCommand(),
		auditDiffCommand(),
		loginCommand(),
		logoutCommand(),
		demoCommand(),
		versionCommand(),
	}
}
