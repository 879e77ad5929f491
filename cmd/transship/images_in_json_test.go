package main

import (
	"strings"
	"testing"
)

// helm get values -o json prints one line, in which an image may be an object of its parts. A tag may be
// a number, and one that is null is none.
func TestImagesInJSONOfOneLine(t *testing.T) {
	p := newProgram(t)
	for document, want := range map[string]string{
		`{"image":{"repository":"nginx","tag":"1.27"}}`:                                       "docker.io/library/nginx:1.27",
		`{"a":{"image" : {"registry":"quay.io","repository":"a/b","tag":2}}}`:                 "quay.io/a/b:2",
		`{"image":{"repository":"x","tag":null}},{"image":"y"}`:                               "docker.io/library/y:latest",
		`{"image":{"x":{"repository":"x","tag":"1"}},"b":{"image":"r.io/z:1"}}`:               "r.io/z:1",
		"image:\n  repository: x\n  tag: ~\n---\nimage: y:2\n":                                "docker.io/library/y:2",
		`{"pad":"` + strings.Repeat("x", 200_000) + `","image":{"repository":"z","tag":"1"}}`: "docker.io/library/z:1",
	} {
		p.stdin = document
		if o := p.run("images-in", "-").want(0); strings.TrimSpace(o.stdout) != want {
			t.Errorf("%.80s\nnames %q, want %s", document, o.stdout, want)
		}
	}
}
