package manifest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The members of an object are those that encoding/json finds, whatever is around and in them.
func TestReadMembers(t *testing.T) {
	for _, object := range []string{
		`{}`, " \t{\r\n} ", `{"a":1}`, `{"a" : -1.5e+3 , "b":true,"c":null }`, `{"":""}`,
		`{"a":"}],:\"","b":"\\","c\"":"{","\u00e9\ud83d\ude00é":"ü"}`,
		`{"a":{"x":[1,{"]":"}"}],"y":"\"]"},"b":[[],{}, "[" ],"c":[ ],"d":{ } }`,
		`{"a":[1 , 2]	,
"b":{"c" :"d"}
}`,
	} {
		got := map[string]any{}
		members, err := readMembers([]byte(object))
		if err != nil {
			t.Errorf("%s: %v", object, err)
		}
		for _, m := range members {
			var value any
			if err := json.Unmarshal(m.Value, &value); err != nil {
				t.Errorf("%s: %s is %s: %v", object, m.Name, m.Value, err)
			}
			got[m.Name] = value
		}
		want := map[string]any{}
		if err := json.Unmarshal([]byte(object), &want); err != nil {
			t.Fatalf("%s: %v", object, err)
		}
		if diff := cmp.Diff(want, got); diff != "" || len(members) != len(want) {
			t.Errorf("%s: %s", object, diff)
		}
	}
	for _, bad := range []string{``, ` `, `[]`, `"{}"`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{"a" 1}`, `{"a":1}}`, `{a:1}`, `{"a":1,"\u0061":2}`} {
		if members, err := readMembers([]byte(bad)); err == nil {
			t.Errorf("%s: got %v", bad, members)
		}
	}
}

// Members that a type does not have stay what they are when the document's bytes are used for another one.
func TestExtraMembersAreCopies(t *testing.T) {
	raw := []byte(`{"mediaType":"x","more":[1]}`)
	extra, err := decodeObject(raw, (&Image{}).fields())
	if err != nil {
		t.Fatal(err)
	}
	copy(raw, bytes.Repeat([]byte("#"), len(raw)))
	if len(extra) != 1 || string(extra[0].Value) != "[1]" {
		t.Errorf("got %v", extra)
	}
}
