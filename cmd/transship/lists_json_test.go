package main

import "testing"

// A list in JSON that has a line of a text list in it, or a pattern that no tag can match, is an error
// of its line that says how it is written. A path may have spaces.
func TestListsOfJSONRefuseLinesOfText(t *testing.T) {
	c := newCopySetup(t)
	for list, want := range map[string]wantedError{
		`["FROM/src/repo:1.* !*-rc*"]`:     {2, "line 1: ", `"include": ["3.*"]`},
		"[\n\"FROM/src/repo:1.6 TO/x\"]":   {2, "line 2: ", `"targets": [...]`},
		`[{"source":"FROM/src/repo >=1"}]`: {2, "is more than one name", `in JSON patterns and targets are members`},
		`[""]`:                             {2, "line 1: source is missing", ""},
		`[[]]`:                             {2, "got an array", ""},
		`{"source":"FROM/src/repo"}`:       {2, "a list in JSON is an array", ""},
		`[{"source":"FROM/src/repo","include":["a/b"]}]`: {2, "no tag has any of", "/between slashes/"},
	} {
		c.writeList(list)
		o := c.do("sync -f @/images TO/all")
		if want.hint == "" {
			o.want(want.code, want.message)
			continue
		}
		o.wantError(want)
	}
	c.do("tags FROM/src/repo FROM/src/other").want(2, "is not a pattern of tags")
	if n := c.source.Count("") + c.target.Count(""); n != 0 {
		t.Errorf("%d calls before all was read", n)
	}
	c.run("copy", c.src, "oci:"+c.path("a folder")+":1").want(0)
	c.writeList(`["oci:@/a folder:1"]`)
	c.do("sync -f @/images TO/spaces").want(0)
}
