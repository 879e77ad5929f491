package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Decode reads one JSON document into v, a pointer, as strictly as [Parse] reads a manifest, so that
// no other reader sees another document in the same bytes. Errors are: a document that is null, text
// after it, a name that comes twice in any object, and a name that differs from one of v's structs
// only in case. It is for documents that name images, such as index.json and docker's manifest.json;
// members that v does not have are skipped.
func Decode(b []byte, v any) error {
	if err := json.Unmarshal(b, new(json.RawMessage)); err != nil {
		return err // with the words of encoding/json for wrong syntax
	}
	if err := checkDuplicates(b); err != nil {
		return err
	}
	if isNull(b) {
		return errors.New("the document is null")
	}
	if err := checkCase(b, reflect.TypeOf(v).Elem()); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func isNull(b []byte) bool { return string(bytes.TrimSpace(b)) == "null" }

// checkCase returns an error if an object of a valid document has a name that differs from one of
// t's only in case. A value of another kind than t is left to encoding/json, and one of a type with
// an UnmarshalJSON to that.
func checkCase(b []byte, t reflect.Type) error {
	switch {
	case isNull(b), reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return nil
	case t.Kind() == reflect.Pointer:
		return checkCase(b, t.Elem())
	case t.Kind() == reflect.Struct:
		return checkStructCase(b, t)
	case t.Kind() == reflect.Slice:
		return checkElementCase(b, t.Elem())
	}
	return nil
}

func checkStructCase(b []byte, t reflect.Type) error {
	members, err := readMembers(b)
	if err != nil {
		return err
	}
	for _, m := range members {
		for i := range t.NumField() {
			f := t.Field(i)
			name := jsonName(f)
			if !strings.EqualFold(name, m.Name) {
				continue
			}
			if name != m.Name {
				return fmt.Errorf("member %q differs from %q only in case", m.Name, name)
			}
			if err := checkCase(m.Value, f.Type); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
		}
	}
	return nil
}

func checkElementCase(b []byte, t reflect.Type) error {
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Pointer {
		return nil
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(b, &elements); err != nil {
		return err
	}
	for i, e := range elements {
		if isNull(e) {
			return fmt.Errorf("element %d is null", i+1)
		}
		if err := checkCase(e, t); err != nil {
			return fmt.Errorf("element %d: %w", i+1, err)
		}
	}
	return nil
}

// jsonName returns the name of a struct's field in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}
