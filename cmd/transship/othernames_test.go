package main

import (
	"strings"
	"testing"
)

// What users of other tools type, or mistype, leads to the page or the command that they mean.
func TestNamesThatLeadElsewhere(t *testing.T) {
	p := newProgram(t)
	for line, want := range map[string]struct {
		code int
		hint string
	}{
		"help list":                       {2, "did you mean transship help lists?"},
		"help env":                        {2, "did you mean transship help environment?"},
		"help flag":                       {2, "did you mean transship help flags?"},
		"help ls":                         {2, "use tags REPOSITORY, repos HOST"},
		"list":                            {2, "use tags REPOSITORY, repos HOST"},
		"tag registry.example.com/a:1 v2": {4, "on its registry: transship copy registry.example.com/a:1 registry.example.com/a:v2"},
		"tag ls registry.example.com/app": {4, "transship tags registry.example.com/app lists"},
		"tag rm registry.example.com/a:1": {4, "transship delete registry.example.com/a:1 deletes"},
	} {
		o := p.run(strings.Fields(line)...).want(want.code)
		if !strings.Contains(o.stderr, "hint: "+want.hint) {
			t.Errorf("%s\nlacks the hint %q:\n%s", o.line, want.hint, o.stderr)
		}
	}
}
