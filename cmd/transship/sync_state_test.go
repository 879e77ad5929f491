package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// With a state an image that has not changed costs one HEAD in all, and none where it is named by its digest.
func TestSyncState(t *testing.T) {
	v := newVoyage(t)
	halo := v.source.host + "/halohub/halo"
	list := v.write("list.txt", halo+"\n"+halo+"@"+string(v.source.halo().Digest)+" "+v.target.host+"/pinned\n")
	state := filepath.Join(v.env["HOME"], "state.json")
	sync := []string{"sync", "-f", list, "--state", state, v.target.host}
	v.run(sync...).want(0, "synced 2 images: 2 copied; ")

	v.source.Forget()
	v.target.Forget()
	v.run(sync...).want(0, "synced 2 images: 2 unchanged; ")
	if heads, all := v.source.Count("^HEAD"), v.source.Count("^"); heads != 1 || all != 2 || v.target.Count("^") != 0 {
		t.Errorf("%d HEADs and %d calls at the source, %d at the target; want a list and a HEAD", heads, all, v.target.Count("^"))
	}

	v.source.image("halohub/halo", "1.6", "linux/amd64", "changed")
	v.run(sync...).want(0, "synced 2 images: 1 copied, 1 unchanged; ")
	v.run("sync", "-f", list, "--state", v.write("bad.json", "{"), v.target.host).want(cli.ExitFailed, "bad.json", "without the file all targets are asked")
	v.run("sync", "-f", list, "--state", v.write("new.json", `{"version":2}`), v.target.host).want(cli.ExitFailed, "it is of version 2")
	v.run("sync", "-f", list, "--state", state, "--referrers", v.target.host).want(cli.ExitUsage, "--state knows whole images")
	if raw, err := os.ReadFile(state); err != nil || strings.Count(string(raw), `"target"`) != 2 {
		t.Errorf("%s, %v", raw, err)
	}
}
