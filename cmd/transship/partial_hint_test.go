package main

import "testing"

// Where some images succeed, the hint is that of those that failed, if they have the same one.
func TestPartialFailureHasAHint(t *testing.T) {
	c := newCopySetup(t)
	list := c.writeFile("list.txt", c.src+"\n"+c.source.host+"/src/repo:none\n")
	c.do("sync -f " + list + " TO").wantError(wantedError{8, "1 of 2 failed", "transship tags"})
}
