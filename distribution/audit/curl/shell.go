package curl

import (
	"fmt"
	"strings"
)

// quoted is a text as one word of a POSIX shell in which nothing stands for
// something else.
func quoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// variable is a shell variable's value as a word, or a part of one.
func variable(name string) string { return `"$` + name + `"` }

// word is a shell word in pieces: texts and variables.
type word struct {
	b    strings.Builder
	text string // what is not written yet
}

func (w *word) add(text string) { w.text += text }

func (w *word) addVariable(name string) {
	w.flush()
	w.b.WriteString(variable(name))
}

func (w *word) flush() {
	if w.text != "" {
		w.b.WriteString(quoted(w.text))
	}
	w.text = ""
}

// String returns the word as a POSIX shell reads it: each text in single quotes, each variable in double quotes.
func (w *word) String() string {
	w.flush()
	return w.b.String()
}

// variableName is a name of a shell variable made of words.
func variableName(words ...string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, strings.Join(words, "_"))
	return name
}

// variables gives each thing a variable of its own.
type variables struct {
	byThing map[string]string
	taken   map[string]bool
}

// of returns the name of a thing's variable, such as HOST_EXAMPLE_COM, with a
// number where another thing has that name.
func (v *variables) of(thing string, words ...string) (name string, isNew bool) {
	if v.byThing == nil {
		v.byThing, v.taken = map[string]string{}, map[string]bool{}
	}
	if name, ok := v.byThing[thing]; ok {
		return name, false
	}
	base := variableName(words...)
	name = base
	for i := 2; v.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	v.byThing[thing], v.taken[name] = name, true
	return name, true
}
