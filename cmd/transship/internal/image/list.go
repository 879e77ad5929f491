package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/tagselect"
	"github.com/hczjl/transship/manifest"
)

// ListEntry is an image or a selection of images in a list, as the user wrote it.
type ListEntry struct {
	Line    int      `json:"-"`
	Source  string   `json:"source"`
	Targets []string `json:"targets"`
	Include []string `json:"include"` // patterns of tags, one of which must match
	Exclude []string `json:"exclude"` // patterns and ranges, none of which may match
	Semver  string   `json:"semver"`  // a range of versions
	Latest  int      `json:"latest"`  // take only so many of the selected tags, the highest; 0 for all
	Minimum int      `json:"minimum"` // fail if fewer tags are selected, before Latest
}

// words returns what selects tags in an entry.
func (e *ListEntry) words() tagselect.Words {
	return tagselect.Words{Include: e.Include, Exclude: e.Exclude, Semver: e.Semver}
}

// addSelector adds a word that selects tags to an entry.
func (e *ListEntry) addSelector(word string) {
	w := e.words()
	w.Add(word)
	e.Include, e.Exclude, e.Semver = w.Include, w.Exclude, w.Semver
}

// Maximum sizes of a list and of an image with its targets in it, in bytes. A reference has less
// than 1 KiB.
const (
	maxList  = 64 << 20
	maxEntry = 64 << 10
)

// ListAdvice is the hint of errors for a list that is missing or empty.
const ListAdvice = "a list has SRC [DST] on each line; transship help lists describes all of it"

// ReadList reads a list from a file, or from standard input if path is "-". A list without images
// is an error.
func ReadList(ctx context.Context, stdin *cli.LineReader, path string) ([]ListEntry, error) {
	text, err := listText(ctx, stdin, path)
	if err != nil {
		return nil, err
	}
	entries, err := parseList(path, []byte(text))
	if err == nil && len(entries) == 0 {
		err = &cli.UsageError{Message: listName(path) + " names no image", Advice: ListAdvice}
	}
	return entries, err
}

// listText returns the content of a list.
func listText(ctx context.Context, stdin *cli.LineReader, path string) (text string, err error) {
	if path == "-" {
		text, err = stdin.ReadAll(ctx, maxList)
	} else {
		text, err = cli.ReadFile(ctx, path, maxList)
	}
	return text, err
}

// checkEntrySize returns an error for an entry of a list that no image and its targets can need.
func checkEntrySize(n int) error {
	if n > maxEntry {
		return fmt.Errorf("it has more than %s", cli.FormatBytes(maxEntry))
	}
	return nil
}

// parseList parses a list: text with SRC [PATTERN...] [DST...] on each line and comments after #, or a
// JSON array of strings and of objects as [ListEntry]. Errors are usage errors that begin with the file
// and the line.
func parseList(file string, text []byte) ([]ListEntry, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors write it
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		return parseJSONList(file, text)
	} else if len(trimmed) > 0 && trimmed[0] == '{' {
		return nil, ListError(file, 1, errors.New("a list in JSON is an array: [{...}, ...]"))
	}
	var out []ListEntry
	line := 0
	for l := range bytes.Lines(text) {
		line++
		if err := checkEntrySize(len(l)); err != nil {
			return nil, ListError(file, line, err)
		}
		fields := strings.Fields(withoutComment(string(l)))
		if len(fields) == 0 {
			continue
		}
		e := ListEntry{Line: line, Source: fields[0]}
		if err := e.addWords(fields[1:]); err != nil {
			return nil, ListError(file, line, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// addWords adds what follows the source in a line: words that select tags, then targets.
func (e *ListEntry) addWords(words []string) error {
	for _, word := range words {
		switch {
		case !tagselect.IsWord(word):
			e.Targets = append(e.Targets, word)
		case len(e.Targets) > 0:
			return &cli.UsageError{
				Message: fmt.Sprintf("%s selects tags, and stands after the target %s", word, e.Targets[0]),
				Advice:  "the order of a line is SRC [PATTERN...] [DST...]",
			}
		default:
			e.addSelector(word)
		}
	}
	return nil
}

// withoutComment cuts a line at a # that begins a word.
func withoutComment(line string) string {
	for i, c := range line {
		if c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// jsonList decodes the array value by value, so that errors can name the line.
type jsonList struct {
	*json.Decoder
	text    []byte
	counted int // bytes of text whose newlines are in lines
	lines   int
}

// line returns the line of the next value, or of a syntax error.
func (l *jsonList) line(err error) int {
	offset := int(l.InputOffset())
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = int(syntax.Offset)
	}
	offset = min(offset, len(l.text))
	offset += len(l.text[offset:]) - len(bytes.TrimLeft(l.text[offset:], " \t\r\n,"))
	if offset < l.counted {
		l.counted, l.lines = 0, 0
	}
	l.lines += bytes.Count(l.text[l.counted:offset], []byte("\n"))
	l.counted = offset
	return 1 + l.lines
}

func parseJSONList(file string, text []byte) ([]ListEntry, error) {
	l := &jsonList{Decoder: json.NewDecoder(bytes.NewReader(text)), text: text}
	var out []ListEntry
	if _, err := l.Token(); err != nil {
		return nil, ListError(file, l.line(err), err)
	}
	for l.More() {
		line := l.line(nil)
		var raw json.RawMessage
		if err := l.Decode(&raw); err != nil {
			return nil, ListError(file, l.line(err), err)
		}
		e, err := parseJSONEntry(raw)
		if err != nil {
			return nil, ListError(file, line, err)
		}
		e.Line = line
		out = append(out, e)
	}
	if _, err := l.Token(); err != nil {
		return nil, ListError(file, l.line(err), err)
	}
	if l.More() {
		return nil, ListError(file, l.line(nil), errors.New("there is more after the end of the array"))
	}
	return out, nil
}

func parseJSONEntry(raw json.RawMessage) (ListEntry, error) {
	var e ListEntry
	if err := checkEntrySize(len(raw)); err != nil {
		return e, err
	}
	if raw[0] == '"' {
		_ = json.Unmarshal(raw, &e.Source) // a string is one
		return e, e.checkSource()
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(&e)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "":
		return e, fmt.Errorf("want a string or an object, got %s", withArticle(wrong.Value))
	case errors.As(err, &wrong):
		return e, fmt.Errorf("%s is %s", wrong.Field, withArticle(wrong.Value))
	case err != nil:
		return e, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	case e.checkSource() != nil:
		return e, e.checkSource()
	case e.Latest < 0:
		return e, errors.New("latest is less than 0")
	case e.Minimum < 0:
		return e, errors.New("minimum is less than 0")
	}
	return e, manifest.Decode(raw, new(ListEntry)) // json takes the last of two members with one name
}

// checkSource refuses a source in JSON that is a line of a text list: patterns and targets are members
// there, and a path may have spaces.
func (e *ListEntry) checkSource() error {
	switch {
	case e.Source == "":
		return errors.New("source is missing")
	case IsRegistryRef(e.Source) && strings.ContainsAny(e.Source, " \t"):
		return &cli.UsageError{
			Message: fmt.Sprintf("%q is more than one name", e.Source),
			Advice: `in JSON patterns and targets are members: ` +
				`{"source": NAME, "include": ["3.*"], "exclude": ["*-rc*"], "targets": [...]}`,
		}
	}
	return nil
}

// withArticle returns a type of JSON with its article.
func withArticle(kind string) string {
	if strings.HasPrefix(kind, "array") || strings.HasPrefix(kind, "object") {
		return "an " + kind
	}
	return "a " + kind
}

// ListError returns err as a usage error that names the list and the line. It keeps the advice of a
// usage error. Line 0 is of no list: err is that of an argument.
func ListError(file string, line int, err error) error {
	if line == 0 {
		return err
	}
	advice := ""
	var usage *cli.UsageError
	if errors.As(err, &usage) {
		advice = usage.Advice
	}
	return &cli.UsageError{Message: fmt.Sprintf("%s: line %d: %v", listName(file), line, err), Advice: advice}
}

// listName returns a list's name in messages.
func listName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// ListErrors are the errors of a list's lines.
type ListErrors struct {
	File    string
	Streams *cli.Streams
	errs    []error
}

// Add adds the error of a line, if there is one.
func (l *ListErrors) Add(line int, err error) {
	if err != nil {
		l.errs = append(l.errs, ListError(l.File, line, err))
	}
}

// maxListErrors is how many errors of a list are printed.
const maxListErrors = 20

// Err returns nil without errors, and the error if there is one. Several errors are printed.
func (l *ListErrors) Err() error {
	switch len(l.errs) {
	case 0:
		return nil
	case 1:
		return l.errs[0]
	}
	for _, err := range l.errs[:min(len(l.errs), maxListErrors)] {
		l.Streams.Stderr.Line("failed: %s", cli.OneLine(err.Error()))
	}
	return &cli.UsageError{
		Message: fmt.Sprintf("%d lines of %s cannot be understood", len(l.errs), listName(l.File)),
		Advice:  ListAdvice,
	}
}
