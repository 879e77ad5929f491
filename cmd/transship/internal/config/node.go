package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// node is a value of a JSON document with its place.
type node struct {
	path    string // such as hosts.docker.io.mirrors
	line    int    // from 1
	value   any    // string, json.Number, bool or nil; json.Delim('{') or json.Delim('[')
	members []member
	items   []node
}

type member struct {
	name string
	node node
}

// parse reads one JSON document as strictly as manifest.Decode, and keeps where each value is. The
// error has the line.
func parse(text []byte) (node, error) {
	if !utf8.Valid(text) {
		return node{}, &problem{line: 1, text: "the text is not UTF-8"}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return node{}, &problem{line: 1, text: "the file is empty"}
	}
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, new(json.RawMessage)); errors.As(err, &syntax) {
		return node{}, &problem{line: lineAt(text, syntax.Offset), text: syntax.Error()}
	} else if err != nil {
		return node{}, &problem{line: 1, text: err.Error()}
	}
	r := &nodeReader{text: text, tokens: json.NewDecoder(bytes.NewReader(text))}
	r.tokens.UseNumber()
	return r.read("")
}

// lineAt returns the line of a byte's offset, from 1.
func lineAt(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int(offset), len(text))], []byte("\n"))
}

// nodeReader reads the tokens of a valid document.
type nodeReader struct {
	text   []byte
	tokens *json.Decoder
}

func (r *nodeReader) read(path string) (node, error) {
	token, err := r.tokens.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		return node{}, err
	}
	n := node{path: path, line: lineAt(r.text, r.tokens.InputOffset()), value: token}
	switch token {
	case json.Delim('{'):
		err = r.readMembers(&n)
	case json.Delim('['):
		err = r.readItems(&n)
	default:
		return n, nil
	}
	if err == nil {
		_, err = r.tokens.Token() // the closing bracket
	}
	return n, err
}

func (r *nodeReader) readMembers(n *node) error {
	seen := map[string]bool{}
	for r.tokens.More() {
		token, err := r.tokens.Token()
		if err != nil {
			return err
		}
		name, line := fmt.Sprint(token), lineAt(r.text, r.tokens.InputOffset())
		if seen[name] {
			return &problem{path: join(n.path, name), line: line, text: "the member comes twice"}
		}
		seen[name] = true
		value, err := r.read(join(n.path, name))
		if err != nil {
			return err
		}
		n.members = append(n.members, member{name, value})
	}
	return nil
}

func (r *nodeReader) readItems(n *node) error {
	for r.tokens.More() {
		item, err := r.read(fmt.Sprintf("%s[%d]", n.path, len(n.items)+1))
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	return nil
}

func join(path, name string) string {
	name = printable(name)
	if path == "" {
		return name
	}
	return path + "." + name
}

// printable returns a name of the document as messages show it.
func printable(name string) string {
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "") + "..."
	}
	return name
}

// problem is what is wrong with a value.
type problem struct {
	path string
	line int
	text string
}

// Error returns the value's path and what is wrong.
func (p *problem) Error() string {
	if p.path == "" {
		return p.text
	}
	return p.path + ": " + p.text
}

func (n node) problem(format string, args ...any) error {
	return &problem{n.path, n.line, fmt.Sprintf(format, args...)}
}

// kind returns what a value is.
func (n node) kind() string {
	switch n.value.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	case nil:
		return "null"
	}
	if n.value == json.Delim('[') {
		return "a list"
	}
	return "an object"
}

// text sets a value that must be a string that is not empty.
func (n node) text(to *string) error {
	s, ok := n.value.(string)
	if !ok {
		return n.problem("want a string, not %s", n.kind())
	}
	if s == "" {
		return n.problem("the string is empty")
	}
	*to = s
	return nil
}

// flag sets a value that must be true or false.
func (n node) flag(to *bool) error {
	b, ok := n.value.(bool)
	if !ok {
		return n.problem("want true or false, not %s", n.kind())
	}
	*to = b
	return nil
}

// object calls the function of each member. A member without one is a problem.
func (n node) object(members map[string]func(node) error) error {
	return n.eachMember(func(name string, value node) error {
		set, known := members[name]
		if !known {
			return value.unknown(name, slices.Sorted(maps.Keys(members)))
		}
		return set(value)
	})
}

// unknown says that there is no member of a name, and which one is nearest.
func (n node) unknown(name string, known []string) error {
	if nearest := cli.Nearest(strings.ToLower(name), known); nearest != "" {
		return n.problem("there is no such member; did you mean %q?", nearest)
	}
	return n.problem("there is no such member; there are: %s", strings.Join(known, ", "))
}

// eachMember calls f for each member of a value that must be an object.
func (n node) eachMember(f func(name string, value node) error) error {
	if n.value != json.Delim('{') {
		return n.problem("want an object, not %s", n.kind())
	}
	for _, m := range n.members {
		if err := f(m.name, m.node); err != nil {
			return err
		}
	}
	return nil
}

// list calls f for each item of a value that must be a list.
func (n node) list(f func(node) error) error {
	if n.value != json.Delim('[') {
		return n.problem("want a list, not %s", n.kind())
	}
	for _, item := range n.items {
		if err := f(item); err != nil {
			return err
		}
	}
	return nil
}
