package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// Completion in the shells themselves, with their own ways of splitting words: bash and fish are
// asked for the candidates of a line; zsh has a line typed into it, in a terminal of its own.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	writeFile(t, dir, "monday.tar", "")
	shells := map[string]func(t testing.TB, line string) []string{
		"bash": func(t testing.TB, line string) []string {
			script := `source <(transship completion bash); COMP_LINE=$1 COMP_POINT=${#1}; _transship; printf '%s\n' "${COMPREPLY[@]}"`
			return shellLines(t, transship, dir, servers.Find(t, "bash", "bash"), "-c", script, "-", line)
		},
		"zsh": func(t testing.TB, line string) []string {
			return shellLines(t, transship, dir, servers.Find(t, "zsh", "zsh"), "-f", "-c", zshTerminal, "-", line)
		},
		"fish": func(t testing.TB, line string) []string {
			script := `transship completion fish | source; complete -C "$argv[1]"`
			return shellLines(t, transship, dir, servers.Find(t, "fish", "fish"), "--no-config", "-c", script, line)
		},
	}
	tests := []struct{ line, want, absent string }{
		{"transship completi", "completion", "copy"},
		{"transship manifest an", "annotate", "create"},
		{"transship copy --flatt", "--flatten", "--platform"},
		{"transship copy --platform linux/s3", "linux/s390x", "linux/386"},
		{"transship load mon", "monday.tar", "copy"},
	}
	for name, complete := range shells {
		t.Run(name, func(t *testing.T) {
			for _, tt := range tests {
				got := complete(t, tt.line)
				if !slices.Contains(got, tt.want) || slices.Contains(got, tt.absent) {
					t.Errorf("%q: %q, want %s and not %s", tt.line, got, tt.want, tt.absent)
				}
			}
		})
	}
}

// zshTerminal types a line and a tab into a zsh and prints the words of the line as it is then.
const zshTerminal = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1= RPS1=; autoload -Uz compinit; compinit -D -u; source <(transship completion zsh)'
zpty -w z 'show() { print -r -- "<$BUFFER>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show; print ready-$((1+1))'
zpty -r z out '*ready-2*'
zpty -w -n z "$1"$'\t\x18'
zpty -r z out '*<*>*'
print -r -- ${${out##*\<}%%\>*}
zpty -d z
`

// shellLines runs a shell that finds the program on its path, and returns the first words of the
// lines it prints, of the last line all words.
func shellLines(t testing.TB, transship servers.Program, dir, shell string, args ...string) []string {
	t.Helper()
	p := servers.Program{Path: shell, Env: slices.Clone(transship.Env), Dir: dir}
	for i, v := range p.Env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			p.Env[i] = "PATH=" + filepath.Dir(transship.Path) + ":" + path
		}
	}
	var out []string
	for line := range strings.Lines(p.Output(t, args...)) {
		out = append(out, strings.Fields(line)...)
	}
	return out
}
