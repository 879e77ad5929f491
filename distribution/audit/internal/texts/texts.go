// Package texts has what the reports of an audit do with its texts: it keeps each distinct text
// once, and makes texts safe to print.
package texts

import (
	"strings"
	"unicode"
)

// Printable returns text with U+FFFD for every character that is not printable, so that nothing in
// a file can end a line or move a terminal's cursor.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// Table keeps each text once, under a number. Number 0 is the empty text. The zero value is ready
// to use, by one goroutine at a time.
type Table struct {
	texts   []string
	numbers map[string]int32
}

// Number returns the number of a text. It adds a new text.
func (t *Table) Number(text string) int32 {
	if t.numbers == nil {
		t.texts, t.numbers = []string{""}, map[string]int32{"": 0}
	}
	n, ok := t.numbers[text]
	if !ok {
		n = int32(len(t.texts))
		t.texts = append(t.texts, text)
		t.numbers[text] = n
	}
	return n
}

// Text returns text n. n must be 0, or come from [Table.Number].
func (t *Table) Text(n int32) string {
	if n == 0 {
		return ""
	}
	return t.texts[n]
}

// Intern returns the copy of text that the table keeps.
func (t *Table) Intern(text string) string { return t.Text(t.Number(text)) }

// Len returns the number of texts, with the empty one.
func (t *Table) Len() int { return max(len(t.texts), 1) }
