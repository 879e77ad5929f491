package run

import (
	"flag"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// flagGroup is where help lists a flag. The groups from connectionFlags on are those of all commands:
// the help of a command names their flags, and "help flags" explains them.
type flagGroup int

const (
	ownFlags flagGroup = iota // of the command itself: no helper of Run has registered them
	registryFlags
	speedFlags
	connectionFlags
	outputFlags
	policyFlags
)

// group marks the flags that are registered until end is called as those of a group, unless they
// have one by then.
func (r *Run) group(fs *flag.FlagSet, g flagGroup) (end func()) {
	before := map[string]bool{}
	fs.VisitAll(func(f *flag.Flag) { before[f.Name] = true })
	return func() {
		fs.VisitAll(func(f *flag.Flag) {
			if _, marked := r.groups[f.Name]; !marked && !before[f.Name] {
				r.groups[f.Name] = g
			}
		})
	}
}

// flagsIn returns the rows of a group.
func (r *Run) flagsIn(fs *flag.FlagSet, g flagGroup) []cli.FlagRow {
	var rows []cli.FlagRow
	for _, row := range cli.FlagRows(fs) {
		if r.groups[row.Name] == g {
			rows = append(rows, row)
		}
	}
	return rows
}

// mergeSides makes one row of two flags that differ in their remote alone: --src-X and --dst-X of a
// command with a source and a target.
func (r *Run) mergeSides(rows []cli.FlagRow) []cli.FlagRow {
	if len(r.remotes) != 2 || r.remotes[0].prefix == "" {
		return rows
	}
	src, dst := r.remotes[0], r.remotes[1]
	byName := map[string]cli.FlagRow{}
	for _, row := range rows {
		byName[row.Name] = row
	}
	var out []cli.FlagRow
	for _, row := range rows {
		if base, ok := strings.CutPrefix(row.Name, src.flag("")); ok && byName[dst.flag(base)].Name != "" {
			row.Names += ", " + byName[dst.flag(base)].Names
			row.Usage = strings.ReplaceAll(row.Usage, src.whose, src.whose+" or "+dst.whose)
		}
		if base, ok := strings.CutPrefix(row.Name, dst.flag("")); ok && byName[src.flag(base)].Name != "" {
			continue
		}
		out = append(out, row)
	}
	return out
}

// flagHelp returns the sections of a command's flags: its own, those that say how its registry is
// reached, those of speed, and the names of those that all commands have.
func (r *Run) flagHelp(fs *flag.FlagSet) []string {
	var out []string
	for _, section := range []struct {
		title string
		rows  []cli.FlagRow
	}{
		{"Flags", r.flagsIn(fs, ownFlags)},
		{"Registry", r.mergeSides(r.flagsIn(fs, registryFlags))},
		{"Speed", r.flagsIn(fs, speedFlags)},
	} {
		if len(section.rows) > 0 {
			out = append(out, r.flagSection(section.title+":", section.rows))
		}
	}
	var common []string
	for g := connectionFlags; g <= policyFlags; g++ {
		for _, row := range r.flagsIn(fs, g) {
			common = append(common, row.Names)
		}
	}
	if len(common) > 0 {
		out = append(out, cli.Reflow("Common flags, which transship help flags explains: "+
			strings.Join(common, ", "), r.Width()))
	}
	return out
}

// flagSection returns a title and the flags below it.
func (r *Run) flagSection(title string, rows []cli.FlagRow) string {
	b := new(strings.Builder)
	b.WriteString(cli.Reflow(title, r.Width()))
	cli.WriteFlags(b, rows, r.Width())
	return b.String()
}

// FlagsPage returns what "transship help flags" prints: the flags that commands share.
func FlagsPage(s *cli.Streams) string {
	blobs, every := New(s), New(s)
	fs, common := flag.NewFlagSet("", flag.ContinueOnError), flag.NewFlagSet("", flag.ContinueOnError)
	blobs.SendFlags(fs, blobs.RemoteFlags(fs, "", "the registry"), new(cli.Count), "transfer")
	blobs.RangesFlag(fs)
	every.CommonFlags(common)
	every.MetricsFlag(common)
	return strings.Join([]string{
		cli.Reflow(flagsIntro, s.Width()),
		blobs.flagSection("Registry: the account, the certificates and the protocol. In copy and sync each but "+
			"--authfile has a side: --src-creds for the source, --dst-creds for the target, and so on.", blobs.flagsIn(fs, registryFlags)),
		blobs.flagSection("Speed, in commands that transfer blobs:", blobs.flagsIn(fs, speedFlags)),
		every.flagSection("Connections:", every.flagsIn(common, connectionFlags)),
		every.flagSection("Output:", every.flagsIn(common, outputFlags)),
		every.flagSection("Policy and audit. A call that a policy refuses is not sent, and ends the run with exit "+
			"code 9:", every.flagsIn(common, policyFlags)),
	}, "\n")
}

// flagsIntro is the beginning of the page of flags.
const flagsIntro = `the flags that commands have in common

Flags may come before, between and after arguments, with one dash or two, and with their value after a space or
after =. What follows -- is an argument. A flag without a value takes =true or =false too.

The help of each command, transship COMMAND -h, explains its own flags and names the common ones that it has.`
