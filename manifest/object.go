package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Member is one member of a JSON object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// field is a member that a type has.
type field struct {
	name   string
	value  any  // a pointer to the Go value
	always bool // it is encoded even if it is empty
}

// decodeObject decodes one JSON object into fields, by exact name, and returns its other members in
// order. encoding/json takes "Digest" for "digest" and the last of two equal names, so two readers
// of one document could see two images. Here both are errors.
func decodeObject(b []byte, fields []field) ([]Member, error) {
	members, err := readMembers(b)
	if err != nil {
		return nil, err
	}
	var extra []Member
	for _, m := range members {
		f, err := findField(fields, m.Name)
		if err != nil {
			return nil, err
		}
		if f == nil {
			extra = append(extra, Member{m.Name, bytes.Clone(m.Value)})
			continue
		}
		if err := json.Unmarshal(m.Value, f.value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return extra, nil
}

// findField returns the field with a name, nil if there is none, and an error if the name differs
// only in case.
func findField(fields []field, name string) (*field, error) {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i], nil
		}
		if strings.EqualFold(fields[i].name, name) {
			return nil, fmt.Errorf("member %q differs from %q only in case", name, fields[i].name)
		}
	}
	return nil, nil
}

// readMembers returns the members of an object in order. Their values are parts of b. A json.Decoder that
// reads them one by one scans each value twice, and allocates more than all else that a registry does with a
// manifest.
func readMembers(b []byte) ([]Member, error) {
	rest := bytes.TrimLeft(b, jsonSpace)
	if !bytes.HasPrefix(rest, []byte("{")) {
		return nil, expect(json.NewDecoder(bytes.NewReader(b)), '{')
	}
	if !json.Valid(b) { // what follows relies on it
		return nil, json.Unmarshal(b, new(json.RawMessage))
	}
	var members []Member
	seen := map[string]bool{}
	rest = bytes.TrimLeft(rest[1:], jsonSpace)
	for rest[0] != '}' {
		var m Member
		quoted := rest[:valueEnd(rest)]
		if err := json.Unmarshal(quoted, &m.Name); err != nil {
			return nil, err
		}
		if seen[m.Name] {
			return nil, fmt.Errorf("member %q comes twice", m.Name)
		}
		seen[m.Name] = true
		rest = bytes.TrimLeft(rest[len(quoted):], jsonSpace+":")
		m.Value = rest[:valueEnd(rest)]
		rest = bytes.TrimLeft(rest[len(m.Value):], jsonSpace+",")
		members = append(members, m)
	}
	return members, nil
}

// jsonSpace is what may be between the tokens of JSON (RFC 8259, section 2).
const jsonSpace = " \t\r\n"

// valueEnd returns where the value ends that valid JSON begins with.
func valueEnd(b []byte) int {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++ // what is escaped ends no string
		case c == '"':
			if inString = !inString; !inString && depth == 0 {
				return i + 1
			}
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 {
				return i // of a number or a word, by the end of what it is in
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case depth == 0 && strings.IndexByte(jsonSpace+",:", c) >= 0:
			return i
		}
	}
	return len(b)
}

// forEachMember reads an object whose opening brace has been read, up to its end. It calls f with
// each member's name; f reads the value. A name that comes twice is an error.
func forEachMember(dec *json.Decoder, f func(name string) error) error {
	seen := map[string]bool{}
	for dec.More() {
		name, err := memberName(dec)
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("member %q comes twice", name)
		}
		seen[name] = true
		if err := f(name); err != nil {
			return err
		}
	}
	return expect(dec, '}')
}

func memberName(dec *json.Decoder) (string, error) {
	tok, err := dec.Token()
	if err != nil {
		return "", err
	}
	name, ok := tok.(string)
	if !ok {
		return "", fmt.Errorf("found %v where a member's name belongs", tok)
	}
	return name, nil
}

func expect(dec *json.Decoder, want json.Delim) error {
	tok, err := dec.Token()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if tok != want {
		return fmt.Errorf("found %v where %q belongs", tok, want)
	}
	return nil
}

// encodeObject encodes the fields that are not empty in their order, and extra after them. The
// result is compact JSON, escaped as encoding/json does it.
func encodeObject(fields []field, extra []Member) ([]byte, error) {
	out := []byte{'{'}
	for _, f := range fields {
		v := reflect.ValueOf(f.value).Elem()
		if !f.always && isEmpty(v) {
			continue
		}
		var err error
		if out, err = appendMember(out, f.name, v.Interface()); err != nil {
			return nil, err
		}
	}
	for _, m := range extra {
		var err error
		if out, err = appendMember(out, m.Name, m.Value); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func appendMember(out []byte, name string, value any) ([]byte, error) {
	key, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	val, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(out) > 1 {
		out = append(out, ',')
	}
	out = append(out, key...)
	out = append(out, ':')
	return append(out, val...), nil
}

// isEmpty is encoding/json's rule for omitempty, except that a zero struct is empty too.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

// checkDuplicates returns an error if any object of the document, at any depth, has a name twice.
func checkDuplicates(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := checkValue(dec, 0); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more text after the document's end")
	}
	return nil
}

// maxDepth limits the nesting of a document. Real ones have less than ten levels.
const maxDepth = 100

func checkValue(dec *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	switch tok {
	case json.Delim('{'):
		return forEachMember(dec, func(string) error { return checkValue(dec, depth+1) })
	case json.Delim('['):
		for dec.More() {
			if err := checkValue(dec, depth+1); err != nil {
				return err
			}
		}
		return expect(dec, ']')
	}
	return nil
}
