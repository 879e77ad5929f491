package inspect

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// listing prints names as they come, so that a list of any length needs no memory: one a line, or
// as the array in a JSON document, which is the run's document.
type listing struct {
	out    io.Writer
	asJSON bool
	of     jsonMember // what has the names
	member string     // the array's name in the document
	prefix string     // precedes each name
	n      int        // names printed
	cli.Outcome
}

// jsonMember is a member of a JSON document whose value is a string.
type jsonMember struct{ name, value string }

// add prints a name.
func (l *listing) add(name string) error {
	name = l.prefix + name
	l.n++
	if !l.asJSON {
		_, err := fmt.Fprintln(l.out, name)
		return err
	}
	separator := ","
	if l.n == 1 {
		separator = l.opening()
	}
	_, err := fmt.Fprintf(l.out, "%s\n    %s", separator, quoteJSON(name))
	return err
}

// opening returns the document up to the first name.
func (l *listing) opening() string {
	return fmt.Sprintf("{\n  %s: %s,\n  %s: [", quoteJSON(l.of.name), quoteJSON(l.of.value), quoteJSON(l.member))
}

// End completes a JSON document with how the run ended. Without any name a failure is all that the
// document has.
func (l *listing) End() error {
	text := "\n  ],\n"
	switch {
	case l.n == 0 && !l.OK:
		return cli.PrintJSON(l.out, l.Outcome)
	case l.n == 0:
		text = l.opening() + "],\n"
	}
	if _, err := io.WriteString(l.out, text); err != nil {
		return err
	}
	var outcome strings.Builder
	_ = cli.PrintJSON(&outcome, l.Outcome) // no text fails
	_, err := io.WriteString(l.out, strings.TrimPrefix(outcome.String(), "{\n"))
	return err
}

// quoteJSON returns a string of JSON, as [cli.PrintJSON] writes it.
func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // no string fails
	return strings.TrimSuffix(b.String(), "\n")
}
