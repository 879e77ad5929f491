package main

import "testing"

// The bundle of the next week has the signatures of images that it leaves to its base.
func TestSinceBundleHasItsSignatures(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	c.do("save -q --require-signature @/team.json -o @/monday.tar SRC").want(0)
	c.source.pushImage("src/repo", "2", "linux/amd64", "another")
	c.signer.sign(c.source, "src/repo", c.source.pushImage("src/repo", "2", "linux/amd64", "another"))
	c.do("save -q --require-signature @/team.json -o @/tuesday.tar --since @/monday.tar.json SRC FROM/src/repo:2").want(0)
	c.do("load -q --require-signature @/team.json @/monday.tar TO").want(0)
	c.do("verify --require-signature @/team.json @/tuesday.tar").want(0)
	c.do("load -q --require-signature @/team.json @/tuesday.tar TO").want(0)
}
