package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// With --state an unchanged image costs one HEAD at the source, and none if it is named by digest.
func TestSyncState(t *testing.T) {
	c := newCopySetup(t)
	repo := c.source.host + "/src/repo"
	list := c.writeFile("list.txt", repo+"\n"+repo+"@"+string(c.source.pushThreePlatforms().Digest)+" "+
		c.target.host+"/pinned\n")
	state := filepath.Join(c.env["HOME"], "state.json")
	sync := []string{"sync", "-f", list, "--state", state, c.target.host}
	c.run(sync...).want(0, "synced 2 images: 2 copied; ")

	c.source.ResetRequests()
	c.target.ResetRequests()
	c.run(sync...).want(0, "synced 2 images: 2 unchanged; ")
	if heads, all := c.source.Count("^HEAD"), c.source.Count("^"); heads != 1 || all != 2 || c.target.Count("^") != 0 {
		t.Errorf("%d HEADs and %d calls at the source, %d at the target; want a list and a HEAD", heads, all,
			c.target.Count("^"))
	}

	c.source.pushImage("src/repo", "1.6", "linux/amd64", "changed")
	c.run(sync...).want(0, "synced 2 images: 1 copied, 1 unchanged; ")
	c.run("sync", "-f", list, "--state", c.writeFile("bad.json", "{"), c.target.host).
		want(cli.ExitFailed, "bad.json", "without the file all targets are asked")
	c.run("sync", "-f", list, "--state", c.writeFile("new.json", `{"version":2}`), c.target.host).
		want(cli.ExitFailed, "it has version 2")
	c.run("sync", "-f", list, "--state", state, "--referrers", c.target.host).
		want(cli.ExitUsage, "--state knows only whole images")
	if raw, err := os.ReadFile(state); err != nil || strings.Count(string(raw), `"target"`) != 2 {
		t.Errorf("%s, %v", raw, err)
	}
}
