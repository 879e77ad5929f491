// Package completion completes command lines in a shell. A script that the shell loads asks the
// program for the candidates of a word; the program has them from the table of commands and their
// flags, the local store and the credentials files. It makes no call.
package completion

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
	"github.com/hczjl/transship/cmd/transship/internal/store"
)

//go:embed scripts
var scripts embed.FS

// shells are the files of the shells' scripts.
func shells() map[string]string {
	return map[string]string{
		"bash": "transship.bash", "zsh": "transship.zsh", "fish": "transship.fish", "powershell": "transship.ps1",
	}
}

// Completion returns the command completion. commands is the table of commands.
func Completion(commands func() []run.Command) run.Command {
	return run.Command{
		Name: "completion", Args: "SHELL [WORD...]", Min: 1, Max: -1,
		Short: "print a script that completes command lines in a shell",
		Long: `SHELL is bash, zsh, fish or powershell. Load the script in the shell's start file, or put it where the
shell looks for completions:

  bash        source <(transship completion bash)
              or as transship in a folder of bash-completion
  zsh         source <(transship completion zsh), after compinit
              or as _transship in a folder of $fpath
  fish        transship completion fish > ~/.config/fish/completions/transship.fish
  powershell  transship completion powershell | Out-String | Invoke-Expression

The scripts ask the program itself: with WORD it prints what may stand in place of the last one, a candidate a
line. No call to a registry is made.`,
		Example: `transship completion bash
transship completion bash -- copy --pla`,
		Setup: func(_ *flag.FlagSet, _ *run.Run) run.Action {
			return func(_ context.Context, r *run.Run, args []string) error {
				return complete(r, commands(), args[0], args[1:])
			}
		},
	}
}

// complete prints a shell's script, or the candidates for the last word.
func complete(r *run.Run, commands []run.Command, shell string, words []string) error {
	file, ok := shells()[shell]
	if !ok {
		return &cli.UsageError{
			Message: fmt.Sprintf("there is no script for %q", shell),
			Advice:  "the shells are " + strings.Join(slices.Sorted(maps.Keys(shells())), ", "),
		}
	}
	if len(words) == 0 {
		script, err := scripts.ReadFile("scripts/" + file)
		if err != nil {
			return err
		}
		_, err = r.Stdout.Write(script)
		return err
	}
	c := completer{
		run:    r,
		images: func() []string { return store.Names(r.Env) },
		hosts:  func() []string { return r.AuthConfig().Hosts() },
	}
	for _, command := range commands {
		c.commands = append(c.commands, command.Spellings()...)
	}
	print(r.Stdout, c.complete(words))
	return nil
}

// print prints candidates, a line each: the word, and after a tab what it is. The line ":files" at
// the end asks the shell for names of files too.
func print(w io.Writer, result result) {
	for _, c := range result.candidates {
		fmt.Fprintln(w, strings.TrimSuffix(c.word+"\t"+c.about, "\t"))
	}
	if result.files {
		fmt.Fprintln(w, ":files")
	}
}
