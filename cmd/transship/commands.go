package main

import (
	"github.com/hczjl/transship/cmd/transship/internal/auditcmd"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd"
	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/bundle"
	"github.com/hczjl/transship/cmd/transship/internal/bundlediff"
	"github.com/hczjl/transship/cmd/transship/internal/completion"
	"github.com/hczjl/transship/cmd/transship/internal/deletecmd"
	"github.com/hczjl/transship/cmd/transship/internal/demo"
	"github.com/hczjl/transship/cmd/transship/internal/imagesin"
	"github.com/hczjl/transship/cmd/transship/internal/inspect"
	"github.com/hczjl/transship/cmd/transship/internal/lists"
	"github.com/hczjl/transship/cmd/transship/internal/login"
	"github.com/hczjl/transship/cmd/transship/internal/mirror"
	"github.com/hczjl/transship/cmd/transship/internal/probe"
	"github.com/hczjl/transship/cmd/transship/internal/rawcall"
	"github.com/hczjl/transship/cmd/transship/internal/record"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/serve"
	"github.com/hczjl/transship/cmd/transship/internal/store"
)

// commandGroup is a part of the overview.
type commandGroup struct {
	title    string
	commands []run.Command
}

// commandGroups returns the table of commands, in the order of the overview.
func commandGroups() []commandGroup {
	return []commandGroup{
		{"Copy images, and lists of images", []run.Command{
			mirror.Copy(),
			mirror.Sync(),
			mirror.ReportMerge(),
			imagesin.ImagesIn(),
		}},
		{"Look at registries, and change them", []run.Command{
			inspect.Inspect(),
			inspect.Digest(),
			inspect.Tags(),
			inspect.Repos(),
			deletecmd.Delete(),
			rawcall.Call(),
			probe.Probe(),
		}},
		{"Bundles: images as files", []run.Command{
			bundle.Save(),
			bundle.Load(),
			bundle.Verify(),
			bundlediff.Diff(),
			serve.Serve(),
		}},
		{"The local store", []run.Command{
			store.Pull(),
			store.Images(),
			store.Tag(),
			store.Push(),
			store.Rmi(),
			store.Prune(),
			bundle.ImageSave(),
			store.Inspect(),
		}},
		{"Manifest lists, as docker manifest makes them", []run.Command{
			lists.Create(),
			lists.Annotate(),
			lists.Push(),
			lists.Inspect(),
			lists.Rm(),
		}},
		{"Audits of runs, and benchmarks", []run.Command{
			record.Record(),
			auditcmd.Verify(),
			auditcmd.Sign(),
			auditcmd.Show(),
			auditcmd.Waterfall(),
			auditcmd.Curl(),
			auditcmd.Diff(),
			auditcmd.Compare(),
			benchcmd.Bench(bench.Push),
			benchcmd.Bench(bench.Pull),
			benchcmd.Bench(bench.Copy),
			benchcmd.Bench(bench.Mount),
			benchcmd.Bench(bench.Resolve),
			benchcmd.Mix(),
			benchcmd.Report(),
		}},
		{"Accounts, and the program", []run.Command{
			login.Login(),
			login.Logout(),
			login.Config(),
			demo.Demo(),
			completion.Completion(commands),
			versionCommand(),
		}},
	}
}

// commands returns all commands.
func commands() []run.Command {
	var out []run.Command
	for _, g := range commandGroups() {
		out = append(out, g.commands...)
	}
	return out
}
