package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// listEntry is a line of a list of images, as the user wrote it.
type listEntry struct {
	Line    int      `json:"-"`
	Source  string   `json:"source"`
	Targets []string `json:"targets"`
	Latest  int      `json:"latest"` // of the tags that Source selects only so many; 0 is all
}

// maxList is the largest list that is read, in bytes.
const maxList = 64 << 20

// readList reads a list from a file, or from standard input where that is "-".
func (a *app) readList(ctx context.Context, path string) ([]listEntry, error) {
	if path == "-" {
		text, err := a.stdin.all(ctx)
		if err != nil {
			return nil, err
		}
		return parseList(path, []byte(text))
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxList {
		return nil, fmt.Errorf("%s has more than %s", path, formatBytes(maxList))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseList(path, text)
}

// parseList reads a list: text with SRC [DST...] on each line and comments behind #, or a JSON array of strings and of
// objects {"source", "targets", "latest"}. Errors are usage errors that begin with the file and the line.
func parseList(file string, text []byte) ([]listEntry, error) {
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		return parseJSONList(file, text)
	}
	var out []listEntry
	line := 0
	for words := range bytes.Lines(text) {
		line++
		fields := strings.Fields(withoutComment(string(words)))
		if len(fields) > 0 {
			out = append(out, listEntry{Line: line, Source: fields[0], Targets: fields[1:]})
		}
	}
	return out, nil
}

// withoutComment cuts what follows a # that begins a word.
func withoutComment(line string) string {
	for i, c := range line {
		if c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

func parseJSONList(file string, text []byte) ([]listEntry, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	var out []listEntry
	at := func() int { return 1 + bytes.Count(text[:min(int(d.InputOffset()), len(text))], []byte("\n")) }
	if _, err := d.Token(); err != nil {
		return nil, badList(file, at(), err)
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, badList(file, at(), err)
		}
		e, err := parseJSONEntry(raw)
		if err != nil {
			return nil, badList(file, at(), err)
		}
		e.Line = at()
		out = append(out, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, badList(file, at(), err)
	}
	if d.More() {
		return nil, badList(file, at(), errors.New("there is something behind the end of the array"))
	}
	return out, nil
}

func parseJSONEntry(raw json.RawMessage) (listEntry, error) {
	var e listEntry
	if raw[0] == '"' {
		return e, json.Unmarshal(raw, &e.Source)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return e, err
	}
	switch {
	case e.Source == "":
		return e, errors.New("source is missing")
	case e.Latest < 0:
		return e, errors.New("latest is less than 0")
	}
	return e, nil
}

// badList is an error in a list, which is "-" on standard input. What is wrong with a reference is said as it is said of an argument.
func badList(file string, line int, err error) error {
	if file == "-" {
		file = "standard input"
	}
	hint := ""
	var usage *usageError
	if errors.As(err, &usage) {
		hint = usage.hint
	}
	return &usageError{message: fmt.Sprintf("%s: line %d: %v", file, line, err), hint: hint}
}
