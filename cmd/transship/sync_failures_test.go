package main

import (
	"strings"
	"testing"
)

// The failures are the last lines, in the order of the list, where others came between.
func TestSyncRepeatsItsFailuresLast(t *testing.T) {
	c := newSyncSetup(t)
	c.writeList("FROM/tool:2 TO/a\nFROM/app:none TO/b\nFROM/app:v1.9 TO/c\nFROM/nothing:v* TO/d\n")
	o := c.do("sync -f @/images").want(8)
	_, last, _ := strings.Cut(o.stderr, "synced 2 images")
	first, second := strings.Index(last, "\nfailed: line 2: "+c.source.host+"/app:none to "), strings.Index(last, "\nfailed: line 4: ")
	if first < 0 || second < first || !strings.Contains(last, "404 Not Found") {
		t.Errorf("ends with %s", last)
	}
	for _, flags := range []string{" -q", " --plan"} {
		o = c.do("sync -f @/images" + flags).want(8)
		if strings.Count(o.stderr, "failed: line 2: ") != 1 {
			t.Errorf("%s\nprints %s", o.line, o.stderr)
		}
	}
	c.writeList("FROM/app:none TO/b\n")
	if o := c.do("sync -f @/images").want(4); strings.Count(o.stderr, "failed: line 1: ") != 1 {
		t.Errorf("prints %s", o.stderr)
	}
}
