package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/manifest"
)

// decodeTarget has the shapes of the documents that Decode reads.
type decodeTarget struct {
	Name     string                `json:"name,omitempty"`
	Children []decodeTarget        `json:"children"`
	Below    *decodeTarget         `json:"below"`
	Entries  []manifest.Descriptor `json:"entries"`
	Tags     []string
}

func TestDecode(t *testing.T) {
	const raw = ` {"name":"a","children":[{"Tags":["x"]}],"below":{"name":"b","NAMES":1},"Below_":null,"Tags":null} `
	var got decodeTarget
	if err := manifest.Decode([]byte(raw), &got); err != nil {
		t.Fatal(err)
	}
	want := decodeTarget{
		Name: "a", Children: []decodeTarget{{Tags: []string{"x"}}}, Below: &decodeTarget{Name: "b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What encoding/json would read otherwise than another reader, or not at all, is refused.
func TestDecodeRefuses(t *testing.T) {
	for raw, says := range map[string]string{
		``:                                   "unexpected end of JSON input",
		`{`:                                  "unexpected end of JSON input",
		`null`:                               "the document is null",
		" \nnull\n":                          "the document is null",
		`[]`:                                 "belongs",
		`"x"`:                                "belongs",
		`{}{}`:                               "after top-level value",
		`{"name":"a","name":"a"}`:            `member "name" comes twice`,
		`{"other":{"x":1,"x":2}}`:            `member "x" comes twice`,
		`{"Name":"a"}`:                       `member "Name" differs from "name" only in case`,
		`{"name":"a","NAME":"b"}`:            `member "NAME" differs from "name" only in case`,
		`{"tags":[]}`:                        `member "tags" differs from "Tags" only in case`,
		`{"entrieſ":[]}`:                     `differs from "entries" only in case`,
		`{"children":[{},{"CHILDREN":[]}]}`:  `children: element 2: member "CHILDREN" differs`,
		`{"children":[null]}`:                "children: element 1 is null",
		`{"children":{}}`:                    "cannot unmarshal object",
		`{"below":{"below":{"Below":null}}}`: `member "Below" differs from "below" only in case`,
		`{"entries":[{"Digest":"x"}]}`:       `member "Digest" differs from "digest" only in case`,
		`{"entries":[null]}`:                 "entries: element 1 is null",
	} {
		err := manifest.Decode([]byte(raw), new(decodeTarget))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want an error that says %q", raw, err, says)
		}
	}
	var list []decodeTarget
	for raw, says := range map[string]string{
		`null`: "the document is null", `[null]`: "element 1 is null", `[{"Name":""}]`: "element 1: member",
	} {
		if err := manifest.Decode([]byte(raw), &list); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want an error that says %q", raw, err, says)
		}
	}
}
