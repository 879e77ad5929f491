package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// object is a JSON object that keeps the order of its members and the bytes of their values, so
// that a file can be changed in one place.
type object []member

type member struct {
	key   string
	value json.RawMessage
}

// parseObject parses a JSON object. Empty data and null give an empty object.
func parseObject(data []byte) (object, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "null" {
		return nil, nil
	}
	if err := checkSyntax(data); err != nil {
		return nil, err
	}
	if data[0] != '{' {
		return nil, errors.New("expected a JSON object")
	}
	return decodeMembers(json.NewDecoder(bytes.NewReader(data)))
}

func checkSyntax(data []byte) error {
	var syntax *json.SyntaxError
	err := json.Unmarshal(data, new(json.RawMessage))
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		return fmt.Errorf("invalid JSON on line %d: %w", line, err)
	}
	return err
}

func decodeMembers(dec *json.Decoder) (object, error) {
	var o object
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil && err != io.EOF {
			return nil, err
		}
		o = append(o, member{key.(string), value})
	}
	return o, nil
}

// get returns the value of key, or the last of several, as encoding/json does.
func (o object) get(key string) json.RawMessage {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].key == key {
			return o[i].value
		}
	}
	return nil
}

// set returns o with one member for key, in the position of the first that o has.
func (o object) set(key string, value json.RawMessage) object {
	changed, done := make(object, 0, len(o)+1), false
	for _, m := range o {
		if m.key != key {
			changed = append(changed, m)
		} else if !done {
			changed, done = append(changed, member{key, value}), true
		}
	}
	if !done {
		changed = append(changed, member{key, value})
	}
	return changed
}

// without returns o without the members for which drop returns true.
func (o object) without(drop func(key string) bool) object {
	var rest object
	for _, m := range o {
		if !drop(m.key) {
			rest = append(rest, m)
		}
	}
	return rest
}

// encode encodes o on one line and keeps the bytes of the values.
func (o object) encode() json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encodeString(m.key))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// encodeString encodes text as JSON without escaping & < >.
func encodeString(text string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return json.RawMessage(`""`) // cannot happen: every string has an encoding
	}
	return bytes.TrimSpace(b.Bytes())
}
