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

// Member is one member of a JSON object that the typed structs do not know.
type Member struct {
	Name  string
	Value json.RawMessage
}

// field ties a member's name to the Go value it is read into and written from.
type field struct {
	name  string
	value any  // a pointer
	empty bool // written even when empty
}

// decodeObject reads one JSON object into fields, by exact name, and returns the members it does not know, in order.
// encoding/json takes "Digest" for "digest" and the last of two equal names; two readers of one document could so see
// two images. Such names are refused.
func decodeObject(b []byte, fields []field) ([]Member, error) {
	members, err := readMembers(b)
	if err != nil {
		return nil, err
	}
	var extra []Member
	for _, m := range members {
		f, err := find(fields, m.Name)
		if err != nil {
			return nil, err
		}
		if f == nil {
			extra = append(extra, m)
			continue
		}
		if err := json.Unmarshal(m.Value, f.value); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return extra, nil
}

// find returns the field of that name, nil when there is none, and an error for a name that differs only in case.
func find(fields []field, name string) (*field, error) {
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

// readMembers splits an object into its members, in order, and refuses a name that comes twice.
func readMembers(b []byte) ([]Member, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := expect(dec, '{'); err != nil {
		return nil, err
	}
	var members []Member
	err := eachMember(dec, func(name string) error {
		var value json.RawMessage
		err := dec.Decode(&value)
		members = append(members, Member{name, value})
		return err
	})
	return members, err
}

// eachMember reads an object behind its opening brace up to its end, and calls f where each member's value comes.
func eachMember(dec *json.Decoder, f func(name string) error) error {
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

// encodeObject writes the fields in their order, leaving out the empty ones, and after them the unknown members.
// The result is compact JSON, escaped as encoding/json does it.
func encodeObject(fields []field, extra []Member) ([]byte, error) {
	out := []byte{'{'}
	for _, f := range fields {
		v := reflect.ValueOf(f.value).Elem()
		if !f.empty && isEmpty(v) {
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

// isEmpty is encoding/json's rule for omitempty, except that a struct without content is empty too.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String:
		return v.Len() == 0
	default:
		return v.IsZero()
	}
}

// checkDuplicates refuses a document in which any object has the same name twice, at whatever depth.
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

// maxDepth bounds the nesting of a document; real ones stay below ten.
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
		return eachMember(dec, func(string) error { return checkValue(dec, depth+1) })
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
