package curl

import (
	"fmt"
	"strings"
)

// quote returns text as one literal word of a POSIX shell.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// expand returns the value of a shell variable as one word, or as a part of one.
func expand(name string) string { return `"$` + name + `"` }

// word is a shell word made of texts and variables.
type word struct {
	out     strings.Builder
	literal string // not written yet
}

func (w *word) add(text string) { w.literal += text }

func (w *word) addVariable(name string) {
	w.flush()
	w.out.WriteString(expand(name))
}

func (w *word) flush() {
	if w.literal != "" {
		w.out.WriteString(quote(w.literal))
	}
	w.literal = ""
}

// String returns the word, with texts in single quotes and variables in double quotes.
func (w *word) String() string {
	w.flush()
	return w.out.String()
}

// variableName joins words to the name of a shell variable.
func variableName(words ...string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, strings.Join(words, "_"))
}

// variables gives each thing a variable of its own.
type variables struct {
	names map[string]string // by thing
	taken map[string]bool
}

// name returns the name of a thing's variable, such as HOST_EXAMPLE_COM, and whether it is new. It
// appends a number if another thing has the name.
func (v *variables) name(thing string, words ...string) (name string, isNew bool) {
	if v.names == nil {
		v.names, v.taken = map[string]string{}, map[string]bool{}
	}
	if name, ok := v.names[thing]; ok {
		return name, false
	}
	base := variableName(words...)
	name = base
	for i := 2; v.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	v.names[thing], v.taken[name] = name, true
	return name, true
}
