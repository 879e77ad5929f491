package completion

import (
	"flag"
	"slices"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// candidate is a word that may stand at a place, and what it is.
type candidate struct{ word, about string }

// result is what may stand at a place.
type result struct {
	candidates []candidate
	files      bool // names of files too
}

// add adds those words that begin with prefix.
func (r *result) add(prefix, about string, words ...string) {
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			r.candidates = append(r.candidates, candidate{w, about})
		}
	}
}

// completer finds candidates.
type completer struct {
	commands []run.Command // under all their names
	run      *run.Run
	images   func() []string // of the local store
	hosts    func() []string // of the credentials files
}

// complete returns the candidates for the last of the words after the program's name.
func (c completer) complete(words []string) result {
	typed, last := words[:len(words)-1], words[len(words)-1]
	if len(typed) > 0 && typed[0] == "help" {
		typed = typed[1:]
		return c.commandNames(typed, last)
	}
	command, after, ok := c.find(typed)
	if !ok {
		out := c.commandNames(typed, last)
		if len(typed) == 0 {
			out.add(last, "show help", "help")
		}
		return out
	}
	fs := flag.NewFlagSet(command.Name, flag.ContinueOnError)
	command.Setup(fs, c.run)
	return c.completeArgument(command, fs, after, last)
}

// find returns the command that the words begin with, and the words after it.
func (c completer) find(words []string) (run.Command, []string, bool) {
	for _, command := range c.commands {
		name := strings.Fields(command.Name)
		if len(words) >= len(name) && slices.Equal(words[:len(name)], name) {
			return command, words[len(name):], true
		}
	}
	return run.Command{}, nil, false
}

// commandNames returns the next words of the commands that begin with the typed words. Of a family
// it is the family's name.
func (c completer) commandNames(typed []string, last string) (out result) {
	seen := map[string]bool{}
	for _, command := range c.commands {
		name := strings.Fields(command.Name)
		if len(name) <= len(typed) || !slices.Equal(name[:len(typed)], typed) || seen[name[len(typed)]] {
			continue
		}
		next, about := name[len(typed)], command.Short
		if len(name) > len(typed)+1 {
			about = "commands of " + next
		}
		seen[next] = true
		out.add(last, about, next)
	}
	return out
}

// completeArgument returns the candidates for a flag, a flag's value or an argument of a command.
func (c completer) completeArgument(command run.Command, fs *flag.FlagSet, typed []string, last string) result {
	arguments, open, ended := splitTyped(fs, typed)
	name, value, hasValue := strings.Cut(last, "=")
	switch {
	case open != nil:
		return c.values(valueName(open), last)
	case ended || last == "-" && strings.Contains(command.Args, "|-"):
	case strings.HasPrefix(last, "-") && hasValue:
		f := fs.Lookup(strings.TrimLeft(name, "-"))
		if f == nil {
			return result{}
		}
		out := c.values(valueName(f), value)
		for i := range out.candidates {
			out.candidates[i].word = name + "=" + out.candidates[i].word
		}
		return out
	case strings.HasPrefix(last, "-"):
		return flagNames(fs, last)
	}
	return c.values(argumentName(command.Args, arguments), last)
}

// splitTyped returns how many arguments stand among the typed words, the flag that waits for its
// value, and whether "--" has ended the flags.
func splitTyped(fs *flag.FlagSet, typed []string) (arguments int, open *flag.Flag, ended bool) {
	for _, word := range typed {
		switch {
		case open != nil:
			open = nil
		case ended || word == "-" || !strings.HasPrefix(word, "-"):
			arguments++
		case word == "--":
			ended = true
		case !strings.Contains(word, "="):
			if f := fs.Lookup(strings.TrimLeft(word, "-")); f != nil && !cli.IsBool(f) {
				open = f
			}
		}
	}
	return arguments, open, ended
}

// flagNames returns the flags that begin with what is typed, with two dashes.
func flagNames(fs *flag.FlagSet, last string) (out result) {
	prefix := strings.TrimLeft(last, "-")
	fs.VisitAll(func(f *flag.Flag) {
		if len(f.Name) > 1 && strings.HasPrefix(f.Name, prefix) {
			_, usage := flag.UnquoteUsage(f)
			out.candidates = append(out.candidates, candidate{"--" + f.Name, firstSentence(usage)})
		}
	})
	return out
}

// firstSentence returns a text up to its first semicolon, parenthesis or full stop.
func firstSentence(s string) string {
	for _, end := range []string{"; ", " (", ". "} {
		s, _, _ = strings.Cut(s, end)
	}
	return strings.ReplaceAll(s, "\n", " ")
}

// valueName returns what help calls the value of a flag: "file", "dir", "host".
func valueName(f *flag.Flag) string {
	name, _ := flag.UnquoteUsage(f)
	return name
}

// argumentName returns what the usage line calls the argument after so many others.
func argumentName(usage string, before int) string {
	names := strings.Fields(strings.NewReplacer("[", "", "]", "", "...", "").Replace(usage))
	if len(names) == 0 {
		return ""
	}
	return names[min(before, len(names)-1)]
}

// values returns candidates for a value by its name in help. An argument such as FILE|DIR|REF may be
// one of several.
func (c completer) values(name, last string) (out result) {
	for kind := range strings.SplitSeq(strings.ToLower(name), "|") {
		kind, _, _ = strings.Cut(kind, "/")
		kind, _, _ = strings.Cut(kind, ":")
		switch kind {
		case "file", "dir", "folder", "bundle", "a", "b", "-":
			out.files = true
		case "src", "dst", "ref", "image", "new":
			c.references(&out, last)
		case "repository", "id":
			out.add(last, "image of the local store", c.images()...)
		case "host", "registry":
			out.add(last, "registry", c.hosts()...)
		case "platform", "platforms":
			out.add(last, "platform", platforms()...)
		case "shell":
			out.add(last, "shell", "bash", "fish", "powershell", "zsh")
		case "method":
			out.add(last, "method", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
			out.add(last, "registry", c.hosts()...)
		}
	}
	return out
}

// references adds what a reference may be: an image of the local store, a host, or a file behind its
// prefix.
func (c completer) references(out *result, last string) {
	for _, prefix := range []string{"oci:", "oci-archive:", "docker-archive:"} {
		if strings.HasPrefix(last, prefix) {
			out.files = true
			return
		}
	}
	out.add(last, "image of the local store", c.images()...)
	for _, host := range c.hosts() {
		out.add(last, "registry", host+"/")
	}
	out.add(last, "folder with an OCI image layout", "oci:")
	out.add(last, "tar with an OCI image layout", "oci-archive:")
	out.add(last, "tar of docker save", "docker-archive:")
}

// platforms returns the platforms that images usually have.
func platforms() []string {
	return []string{"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386", "linux/ppc64le",
		"linux/s390x", "linux/riscv64", "linux/loong64", "windows/amd64"}
}
