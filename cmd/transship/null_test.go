package main

import (
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

func TestCopyToNull(t *testing.T) {
	v := newVoyage(t)
	digest := string(v.source.halo().Digest)
	o := v.run("copy", v.src, "null:").want(0, "copied "+v.src+" to null:: 3 images; blobs: 7 sent; ")
	if o.stdout != "null:@"+digest+"\n" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	v.run("copy", v.src, v.dst, "null:").want(0)
	if !v.target.has("hczjl/halo", "1.6") {
		t.Error("the other target has nothing")
	}
}

// What is dropped is verified all the same.
func TestCopyToNullVerifies(t *testing.T) {
	v := newVoyage(t)
	v.source.Set(registry.Rule{On: "^GET .*/blobs/sha256", Corrupt: true})
	v.run("copy", v.src, "null:").want(cli.ExitIntegrity)
}

func TestCopyFromNull(t *testing.T) {
	v := newVoyage(t)
	for line, same := range map[string]bool{"null:300k": false, "null:300k:7": true} {
		first := v.run("copy", line, v.target.host+"/a:1").want(0, "1 image; blobs: 2 sent; 307 kB in ")
		again := v.run("copy", line, v.target.host+"/a:1").want(0)
		if same != (first.stdout == again.stdout) {
			t.Errorf("%s: %s and %s", line, first.stdout, again.stdout)
		}
	}
	if blobs := v.run("inspect", v.target.host+"/a:1").want(0).stdout; !strings.Contains(blobs, "linux/amd64") {
		t.Errorf("the image is %s", blobs)
	}
	v.run("copy", "null:1MiB", "null:").want(0)
}

func TestNullThatMakesNoSense(t *testing.T) {
	v := newVoyage(t)
	for line, message := range map[string]string{
		"copy null: REF":            `null: as a source: "" is no number of bytes`,
		"copy null:much REF":        `null:much as a source: "much" is no number of bytes`,
		"copy null:1k:x REF":        `null:1k:x: the seed "x" is no whole number`,
		"copy REF null:1MiB":        "null:1MiB as a target has no size",
		"save -o x.tar null:1MiB":   "null: is for copy alone",
		"copy --plan null:1k null:": "--plan tells what is put where, and nothing is put in null:",
	} {
		args := strings.Fields(strings.ReplaceAll(line, "REF", v.dst))
		v.run(args...).want(cli.ExitUsage, message)
	}
}
