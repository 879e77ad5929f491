package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A copy asks the target for a tag that is not there yet. That 404 is the answer that it wants: audit
// show calls it no error, and the waterfall does not mark it.
func TestAuditOfNewTagHasNoErrors(t *testing.T) {
	c := newCopySetup(t)
	file, image := filepath.Join(c.env["HOME"], "run.jsonl"), filepath.Join(c.env["HOME"], "run.svg")
	guarded := listen(t, &tokenRegistry{next: c.target})
	for name, line := range map[string]string{
		"copy":           "copy --audit FILE SRC DST",
		"copy, accounts": "copy --audit FILE --dst-creds " + user + ":" + password + " SRC " + guarded + "/dst/repo:1.7",
		"several":        "copy --audit FILE SRC DST.a DST.b",
		"referrers":      "copy --audit FILE --referrers SRC DST.c",
	} {
		t.Run(name, func(t *testing.T) {
			line := strings.NewReplacer("FILE", file, "SRC", c.src, "DST", c.dst).Replace(line)
			c.run(strings.Fields(line)...).want(0)
			o := c.run("audit", "show", file).want(0)
			head, _, _ := strings.Cut(o.stdout, "\n\n")
			if !strings.Contains(head, "; as expected: ") || !strings.Contains(head, "404") || strings.Contains(head, "errors") {
				t.Errorf("the head of audit show is\n%s", head)
			}
			c.run("audit", "waterfall", file, "-o", image).want(0)
			svg, err := os.ReadFile(image)
			if err != nil || strings.Contains(string(svg), `end bad"`) || !strings.Contains(string(svg), ">404<") {
				t.Errorf("the waterfall marks a call as failed, or has no 404: %v\n%s", err, svg)
			}
		})
	}
}

// A tag that a command needs and that is missing is an error in the record too.
func TestAuditOfMissingTagHasAnError(t *testing.T) {
	c := newCopySetup(t)
	file := filepath.Join(c.env["HOME"], "run.jsonl")
	c.run("digest", "--audit", file, c.src+".9").want(4)
	if o := c.run("audit", "show", file).want(0); !strings.Contains(o.stdout, "errors: 404") {
		t.Errorf("audit show does not call the missing tag an error:\n%s", o.stdout)
	}
}
