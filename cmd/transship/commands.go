package main

import (
	"github.com/hczjl/transship/cmd/transship/internal/auditcmd"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/bundle"
	"github.com/hczjl/transship/cmd/transship/internal/deletecmd"
	"github.com/hczjl/transship/cmd/transship/internal/demo"
	"github.com/hczjl/transship/cmd/transship/internal/imagesin"
	"github.com/hczjl/transship/cmd/transship/internal/inspect"
	"github.com/hczjl/transship/cmd/transship/internal/lists"
	"github.com/hczjl/transship/cmd/transship/internal/login"
	"github.com/hczjl/transship/cmd/transship/internal/mirror"
	"github.com/hczjl/transship/cmd/transship/internal/rawcall"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/serve"
	"github.com/hczjl/transship/cmd/transship/internal/store"
)

// commands returns the table of commands, in the order of the overview.
func commands() []run.Command {
	return []run.Command{
		mirror.Copy(),
		lists.Create(),
		lists.Annotate(),
		lists.Push(),
		lists.Inspect(),
		lists.Rm(),
		store.Pull(),
		store.Images(),
		store.Tag(),
		store.Push(),
		store.Rmi(),
		store.Prune(),
		bundle.Save(),
		bundle.Load(),
		bundle.Verify(),
		mirror.Sync(),
		serve.Serve(),
		inspect.Inspect(),
		inspect.Repos(),
		inspect.Tags(),
		inspect.Digest(),
		deletecmd.Delete(),
		rawcall.Call(),
		imagesin.ImagesIn(),
		benchcmd.Bench(bench.Push),
		benchcmd.Bench(bench.Pull),
		benchcmd.Bench(bench.Copy),
		benchcmd.Bench(bench.Mount),
		benchcmd.Bench(bench.Resolve),
		auditcmd.Verify(),
		auditcmd.Show(),
		auditcmd.Waterfall(),
		auditcmd.Curl(),
		auditcmd.Diff(),
		login.Login(),
		login.Logout(),
		demo.Demo(),
		versionCommand(),
	}
}
