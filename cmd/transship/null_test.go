package main

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

func TestCopyToNull(t *testing.T) {
	c := newCopySetup(t)
	digest := string(c.source.pushThreePlatforms().Digest)
	o := c.run("copy", c.src, "null:").want(0, "copied "+c.src+" to null:: 3 images; blobs: 7 sent; ")
	if o.stdout != "null:@"+digest+"\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	c.run("copy", c.src, c.dst, "null:").want(0)
	if !c.target.has("dst/repo", "1.6") {
		t.Error("the other target has nothing")
	}
}

// Content copied to null: is verified.
func TestCopyToNullVerifies(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/sha256", Corrupt: true})
	c.run("copy", c.src, "null:").want(cli.ExitIntegrity)
}

func TestCopyFromNull(t *testing.T) {
	c := newCopySetup(t)
	for line, same := range map[string]bool{"null:300k": false, "null:300k:7": true} {
		first := c.run("copy", line, c.target.host+"/a:1").want(0, "1 image; blobs: 2 sent; 307 kB in ")
		again := c.run("copy", line, c.target.host+"/a:1").want(0)
		if same != (first.stdout == again.stdout) {
			t.Errorf("%s: %s and %s", line, first.stdout, again.stdout)
		}
	}
	if blobs := c.run("inspect", c.target.host+"/a:1").want(0).stdout; !strings.Contains(blobs, "linux/amd64") {
		t.Errorf("the image is %s", blobs)
	}
	c.run("copy", "null:1MiB", "null:").want(0)
}

func TestNullUsageErrors(t *testing.T) {
	c := newCopySetup(t)
	for line, message := range map[string]string{
		"copy null: REF":            `null: as a source: "" is not a number of bytes`,
		"copy null:much REF":        `null:much as a source: "much" is not a number of bytes`,
		"copy null:1k:x REF":        `null:1k:x: the seed "x" is not a whole number`,
		"copy REF null:1MiB":        "null:1MiB as a target has no size",
		"save -o x.tar null:1MiB":   "only copy takes null:",
		"copy --plan null:1k null:": "--plan shows what would be written, and null: stores nothing",
	} {
		args := strings.Fields(strings.ReplaceAll(line, "REF", c.dst))
		c.run(args...).want(cli.ExitUsage, message)
	}
}
