package main

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// With --state an unchanged image costs one HEAD at the source, and none if it is named by digest.
func TestSyncState(t *testing.T) {
	c := newCopySetup(t)
	repo := c.source.host + "/src/repo"
	list := c.writeFile("list.txt", repo+"\n"+repo+"@"+string(c.source.pushThreePlatforms().Digest)+" "+
		c.target.host+"/pinned\n")
	state := filepath.Join(c.env["HOME"], "state.json")
	args := []string{"sync", "-f", list, "--state", state, c.target.host}
	c.run(args...).want(0, "synced 2 images: 2 copied; ")

	c.source.ResetRequests()
	c.target.ResetRequests()
	c.run(args...).want(0, "synced 2 images: 2 unchanged; ")
	if heads, all := c.source.Count("^HEAD"), c.source.Count("^"); heads != 1 || all != 2 || c.target.Count("^") != 0 {
		t.Errorf("%d HEADs and %d calls at the source, %d at the target; want a list and a HEAD", heads, all,
			c.target.Count("^"))
	}

	c.source.pushImage("src/repo", "1.6", "linux/amd64", "changed")
	c.run(args...).want(0, "synced 2 images: 1 copied, 1 unchanged; ")
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

// A run that is killed when a tag of the target has changed leaves no state of what it was before.
func TestStateForgetsBeforeItChanges(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	for _, tag := range []string{"1", "2"} {
		c.source.pushImage("own", tag, "linux/amd64", "old "+tag)
	}
	var mu sync.Mutex
	var logged []string // when the target's tag is to change
	target := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := path.Base(r.URL.Path); r.Method == http.MethodDelete || r.Method == http.MethodPut && len(name) == 1 {
			raw, err := os.ReadFile(c.path("state.run"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			logged = append(logged, r.Method+" "+string(raw))
		}
		c.target.ServeHTTP(w, r)
	}))
	c.writeFile("images", c.source.host+"/own "+target+"/own\n")
	c.do("sync -f @/images --state @/state --prune").want(0, "2 copied")
	c.source.pushImage("own", "1", "linux/amd64", "new")
	c.source.Set(registry.Rule{Match: "/own/tags/list", Status: 200, Body: `{"name":"own","tags":["1"]}`})
	logged = nil
	c.do("sync -f @/images --state @/state --prune").want(0, "1 copied, 1 removed")
	for i, want := range []string{"PUT 1", "DELETE 2"} {
		method, tag, _ := strings.Cut(want, " ")
		line := fmt.Sprintf(`{"target":"%s/own:%s","source":"","digest":""}`, target, tag)
		if len(logged) != 2 || !strings.HasPrefix(logged[i], method) || !strings.HasSuffix(logged[i], line+"\n") {
			t.Errorf("before %s the log has %q", want, logged)
		}
	}
}
