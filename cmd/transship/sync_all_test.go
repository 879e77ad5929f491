package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/filelock"
	"github.com/hczjl/transship/distribution/registry"
)

// repositories returns what repos lists of a server, without those whose name begins with a prefix cut.
func (s *server) repositories() string {
	s.t.Helper()
	return strings.Join(strings.Fields(newProgram(s.t).run("repos", s.host).stdout), " ")
}

// --all copies every repository of a registry, or those below a prefix, with its tags and names.
func TestSyncAll(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	c.source.pushImage("team/web", "1", "linux/amd64", "web")
	c.source.pushImage("team/deep/db", "1", "linux/amd64", "db")
	c.do("sync --all FROM/team TO").want(0, "synced 2 images: 2 copied")
	if got := c.target.repositories(); got != "team/deep/db team/web" {
		t.Errorf("the target has %s", got)
	}
	c.do("sync --all FROM/ TO/mirror").want(0, "synced ")
	for _, repo := range strings.Fields(c.source.repositories()) {
		if got, want := c.target.tagNames("mirror/"+repo), c.source.tagNames(repo); got != want {
			t.Errorf("mirror/%s has %s, want %s", repo, got, want)
		}
	}
	c.do("sync --all FROM/team/* TO/flat --rewrite team=").want(0, "synced 1 image: 1 copied")
	if got := c.target.tagNames("flat/web"); got != "1" {
		t.Errorf("flat/web has %q", got)
	}
}

func TestSyncAllErrors(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	c.writeList("FROM/** TO")
	c.source.pushImage("broken", "1", "linux/amd64", "x")
	for line, want := range map[string]wantedError{
		"sync --all":                                            {2, "--all wants where from and where to", "SRC-HOST[/PREFIX]"},
		"sync --all FROM":                                       {2, "--all wants where from and where to", "SRC-HOST[/PREFIX]"},
		"sync --all -f @/images FROM TO":                        {2, "--all and -f cannot be used together", "HOST/**"},
		"sync --all oci:@/lay TO":                               {2, "--all copies from one registry to another", "a list"},
		"sync --all FROM oci:@/lay":                             {2, "--all copies from one registry to another", "a list"},
		"sync --all FROM/app:1 TO":                              {2, "is not a pattern of repositories", "for all below it"},
		"sync --all FROM TO --shard 0/4":                        {2, `--shard: "0/4" is no shard`, ""},
		"sync --all FROM TO --shard 5/4":                        {2, `--shard: "5/4" is no shard`, ""},
		"save -o @/x.tar -f @/images --shard 4":                 {2, `--shard: "4" is no shard`, ""},
		"sync --all FROM TO --shard 1/4 --lock @/lock":          {2, "--lock and --shard cannot be used together", "--locked"},
		"save -f @/images -o @/x.tar --shard 1/4 --lock @/lock": {2, "--lock and --shard cannot be used together", "--locked"},
	} {
		c.do(line).wantError(want)
	}
	c.do("sync --all FROM/none TO").want(cli.ExitNotFound, "/none/** matches no repository")
	c.source.Set(registry.Rule{Match: "_catalog", Status: 404, Body: `{"errors":[{"code":"UNSUPPORTED"}]}`})
	o := c.do("sync --all FROM TO").want(cli.ExitNotFound, c.source.host+" has no list of its repositories",
		"sync and save take a list with "+c.source.host+"/REPOSITORY on each line by -f")
	if strings.Contains(o.stderr, "line 0") {
		t.Errorf("--all has no lines: %s", o.stderr)
	}
}

// A catalog that changes while it is read, page by page, has a repository twice, or one that is gone. A tag that
// is gone before its image was read is that image's failure alone.
func TestCatalogThatChanges(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	c.source.Set(registry.Rule{Match: "_catalog", Status: 200, Body: `{"repositories":["all/r0","all/r1","all/gone","all/r0"]}`},
		registry.Rule{Match: "all/r1/tags/list", Status: 200, Body: `{"name":"all/r1","tags":["1","2","gone"]}`})
	o := c.do("sync --all FROM/all TO --state @/state").want(8, "failed: "+c.source.host+"/all/r1:gone",
		"synced 4 images: 4 copied, 1 failed")
	if got := c.target.repositories(); got != "all/r0 all/r1" {
		t.Errorf("the target has %s: %s", got, o.stderr)
	}
	if n := c.source.Count("^GET .*/r0/tags/list"); n != 1 {
		t.Errorf("the tags of a repository that the catalog has twice were listed %d times", n)
	}
	c.source.Set()
	c.do("sync --all FROM/all TO --state @/state").want(0, "synced 40 images: 36 copied, 4 unchanged")
}

// newShardSetup returns a source with twenty repositories of two tags each.
func newShardSetup(t testing.TB) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	for i := range 20 {
		for _, tag := range []string{"1", "2"} {
			c.source.pushImage(fmt.Sprintf("all/r%d", i), tag, "linux/amd64", "shared", fmt.Sprint(i, tag))
		}
	}
	return c
}

// The workers of --shard take each repository once, whichever way they learn who they are.
func TestShards(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	c.writeList("FROM/all/** TO\n")
	var copied []string
	for i := range 4 {
		o := c.do(fmt.Sprintf("sync -f @/images --shard %d/4", i+1)).want(0, "synced ")
		copied = append(copied, strings.Fields(o.stdout)...)
	}
	if n := len(copied); n != 40 {
		t.Errorf("%d images were copied by four workers, want 40", n)
	}
	if slices.Sort(copied); len(slices.Compact(copied)) != 40 {
		t.Error("an image was copied twice")
	}
	// Single lines go where the repositories of a pattern go.
	c.source.ResetRequests()
	var lines strings.Builder
	for i := range 20 {
		fmt.Fprintf(&lines, "FROM/all/r%d TO/all/r%d\n", i, i)
	}
	c.writeList(lines.String())
	c.env["JOB_COMPLETIONS"] = "4"
	for i := range 4 {
		c.env["JOB_COMPLETION_INDEX"] = fmt.Sprint(i)
		c.do("sync -f @/images").want(0, fmt.Sprintf("shard %d/4, by JOB_COMPLETION_INDEX", i+1), "unchanged")
	}
	if n := c.source.Count("^GET .*/tags/list"); n != 20 {
		t.Errorf("%d repositories were listed, want each once", n)
	}
	c.do("sync -f @/images --shard 1/1").want(0, "synced 40 images: 40 unchanged")
	c.env["JOB_COMPLETION_INDEX"] = "4"
	c.do("sync -f @/images").wantError(wantedError{2, "JOB_COMPLETION_INDEX=4 and JOB_COMPLETIONS=4 are no shard",
		"spec.completions"})
	c.env["JOB_COMPLETIONS"] = ""
	c.do("sync -f @/images").want(0, "JOB_COMPLETIONS is not: this worker takes all", "synced 40 images: 40 unchanged")
	c.writeFile("images", `[{"source": "`+c.source.host+`/all/**", "minimum": 3}]`)
	c.do("sync -f @/images TO --shard 1/2").wantError(wantedError{2, "has a minimum", "single repositories"})
}

// With --sizes the workers have equally many bytes, each of a repository whose size is not known goes
// where it goes without, and each repository is taken once, also after the number of workers has changed.
func TestShardsBySizes(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	var sizes strings.Builder
	for i := range 16 { // of twenty
		fmt.Fprintf(&sizes, "%d %s/all/r%d\n", 1<<i, c.source.host, i)
	}
	c.writeFile("sizes", "# bytes\n\n"+sizes.String())
	for _, n := range []int{2, 3} {
		seen := map[string]int{} // the worker of each target
		load := make([]int, n)
		for i := range n {
			o := c.do(fmt.Sprintf("sync --all FROM/all TO --json --sizes @/sizes --state @/state%d --shard %d/%d", i, i+1, n)).want(0)
			c.writeFile(fmt.Sprint("r", i), o.stdout)
			for _, im := range o.syncReport().Images {
				if w, twice := seen[im.Target]; twice {
					t.Errorf("%s is copied by workers %d and %d", im.Target, w, i)
				}
				seen[im.Target] = i
				var repo int
				fmt.Sscanf(im.Target[strings.LastIndex(im.Target, "/")+1:], "r%d:1", &repo)
				if repo < 16 && strings.HasSuffix(im.Target, ":1") {
					load[i] += 1 << repo
				}
			}
			if again := n == 3 && i < 2; again != strings.Contains(o.stderr, "by --sizes sha256:") {
				t.Errorf("worker %d/%d says: %s", i+1, n, o.stderr)
			}
		}
		if len(seen) != 40 {
			t.Errorf("%d workers copied %d images, want 40", n, len(seen))
		}
		if most := slices.Max(load); most > 1<<15+1<<15/20 { // that of the largest, which is half of all
			t.Errorf("%d workers have %v bytes", n, load)
		}
	}
	c.writeFile("other", "5 "+c.source.host+"/all/r1\n")
	c.writeFile("r1", c.do("sync --all FROM/all TO --json --sizes @/other --shard 2/3").want(0).stdout)
	c.do("report merge @/r0 @/r1 @/r2").wantError(wantedError{2, "had different files of --sizes", "the same one"})
	c.do("save -o @/x.tar --sizes @/sizes --shard 1/2 FROM/all/**").want(0)
}

// --plan=sizes prints what a run reads of each repository, once where several share it.
func TestPlanOfSizes(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	plan := c.do("sync --all FROM/all TO --plan=sizes").want(0).stdout
	report := c.do("sync --all FROM/all TO --json").want(0).syncReport()
	c.writeFile("sizes", plan)
	var sum, n int64
	for line := range strings.Lines(plan) {
		var repo string
		if _, err := fmt.Sscanf(line, "%d %s", &n, &repo); err != nil || !strings.HasPrefix(repo, c.source.host+"/all/r") {
			t.Errorf("%q: %v", line, err)
		}
		sum += n
	}
	if lines := strings.Count(plan, "\n"); sum != report.Bytes || lines != 20 {
		t.Errorf("the plan has %d bytes in %d lines, the run copied %d\n%s", sum, lines, report.Bytes, plan)
	}
	c.do("sync --all FROM/all TO --sizes @/sizes --shard 1/2").want(0)
	if again := c.do("sync --all FROM/all TO --plan=sizes").want(0).stdout; again != "" {
		t.Errorf("nothing is to be copied, and the plan has %s", again)
	}
	c.do("sync --all FROM/all TO --plan=sizes --json").wantError(wantedError{2, "--plan=sizes prints lines, not JSON", "--plan=json"})
}

func TestSizesErrors(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	for content, want := range map[string]string{
		"x FROM/a":                              `line 1: "x" is no number of bytes`,
		"\n-1 FROM/a":                           `line 2: "-1" is no number of bytes`,
		"9223372036854775807 FROM/a":            `line 1: "9223372036854775807" is no number of bytes`,
		"1 FROM/a\n1":                           "line 2: it has 1 words",
		"1 FROM/a b":                            "line 1: it has 3 words",
		"1 FROM/A":                              "line 1: ",
		`{"images":[]}`:                         "line 1: it has 1 words",
		"1 FROM/a\n" + strings.Repeat("x", 1e5): "token too long",
	} {
		c.writeFile("sizes", strings.ReplaceAll(content, "FROM", c.source.host))
		c.do("sync --all FROM TO --shard 1/2 --sizes @/sizes").want(2, "--sizes "+c.path("sizes"), want)
	}
	c.do("sync --all FROM TO --shard 1/2 --sizes @/none").want(cli.ExitNotFound, "--sizes: ", "none: no such file")
	c.do("sync --all FROM TO --sizes @/sizes").wantError(wantedError{2, "this run has no shard", "leave out --sizes"})
	c.do("sync --all FROM TO --shard 1/2000000000").want(2, `"1/2000000000" is more than 10000 workers`)
}

// The bundles of all shards have all images, and a shard without a repository writes none.
func TestSaveShards(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	images := 0
	for i := range 3 {
		o := c.do(fmt.Sprintf("save -o @/%d.tar --shard %d/3 --json FROM/all/**", i, i+1)).want(0)
		images += len(o.syncReport().Images)
	}
	if images != 40 {
		t.Errorf("three bundles have %d images, want 40", images)
	}
	empty := 0
	for i := range 2 {
		file := c.path(fmt.Sprintf("one%d.tar", i))
		o := c.do(fmt.Sprintf("save -o %s --shard %d/2 FROM/all/r1:1", file, i+1)).want(0)
		if _, err := os.Stat(file); os.IsNotExist(err) && strings.Contains(o.stderr, "nothing is saved: shard") {
			empty++
		}
	}
	if empty != 1 {
		t.Errorf("%d of two shards saved nothing, want one", empty)
	}
}

// The reports of all workers are one; one that is missing, twice, or of other workers is an error.
func TestReportMerge(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	for i := range 3 {
		o := c.do(fmt.Sprintf("sync --all FROM/all TO --shard %d/3 --json", i+1)).want(0)
		c.writeFile(fmt.Sprint("r", i+1), o.stdout)
	}
	c.writeFile("whole", c.do("sync --all FROM/all TO --json").want(0).stdout)
	o := c.do("report merge --json @/r1 @/r3 @/r2").want(0)
	merged := o.syncReport()
	if merged.Copied != 40 || len(merged.Images) != 40 || merged.Shard != "" || !merged.OK || merged.Bytes == 0 {
		t.Errorf("the merged report has %d images copied: %s", merged.Copied, o.stdout)
	}
	if first, last := merged.Images[0].Target, merged.Images[39].Target; !strings.HasSuffix(first, "/all/r0:1") ||
		!strings.HasSuffix(last, "/all/r19:2") {
		t.Errorf("images from %s to %s are not sorted", first, last)
	}
	if o := c.do("report merge @/r1 @/r2 @/r3").want(0); !strings.HasPrefix(o.stdout, "3 reports, 40 images: 40 copied; ") {
		t.Error(o.stdout)
	}
	c.writeFile("failed", `{"ok":false,"shard":"2/3","error":"1 of 2 failed","exitCode":8,"images":[`+
		`{"target":"a/b:1","status":"copied"},{"target":"a/b:2","status":"failed","error":"the disk is full"}]}`)
	c.do("report merge @/r1 @/failed @/r3").want(8, "failed: a/b:2: the disk is full",
		"1 of 3 workers failed, the first of them in "+c.path("failed")+": 1 of 2 failed")
	c.writeFile("down", `{"ok":false,"error":"no route","exitCode":5,"hint":"try later"}`)
	c.do("report merge @/down").wantError(wantedError{5, "1 of 1 workers failed", "try later"})
	for line, want := range map[string]string{
		"report merge @/r1 @/r2":           "the report of shard 3/3 is missing",
		"report merge @/r1 @/r2 @/r3 @/r1": "are both of shard 1/3",
		"report merge @/r1 @/whole":        "r1 is of shard 1/3, and " + c.path("whole") + " of a run without shards",
		"report merge @/list":              "list: it is no report of --json",
		"report merge @/other":             "other: it is no report of sync, save or copy --json",
		"report merge @/state":             "state: it is no report of sync, save or copy --json",
		"report merge":                     "want FILE [FILE...], got 0 arguments",
	} {
		c.writeFile("list", "alpine\n")
		c.writeFile("other", `{"ok":true,"tags":[]}`)
		c.writeFile("state", `{"version":1,"images":[]}`)
		c.do(line).want(2, want)
	}
	c.do("report merge @/none").want(4, "none: no such file")
}

// What another worker may copy to a repository is not pruned there.
func TestShardsPruneOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	c.target.pushImage("all/r3", "old", "linux/amd64", "x")
	c.target.pushImage("one", "kept", "linux/amd64", "x")
	c.writeList("FROM/all/** TO\nFROM/all/r5 TO/one\nFROM/all/r6:1 TO/one:kept\n")
	for i := range 8 {
		c.do(fmt.Sprintf("sync -f @/images --prune --shard %d/8", i+1)).want(0, "synced ")
	}
	if got := c.deletedTags(); got != "all/r3:old" {
		t.Errorf("pruned %q, want all/r3:old", got)
	}
	if got := c.target.tagNames("one"); got != "1 2 kept" {
		t.Errorf("one has %s", got)
	}
}

// A run that was killed is resumed by the log beside the file of --state: what it has copied costs no
// call but the lists of tags. After an hour it costs a HEAD at the source.
func TestSyncResumesAKilledRun(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	c.do("sync --all FROM/all TO --state @/state").want(0, "40 copied")
	state, log := c.path("state"), c.path("state.run")
	if _, err := os.Stat(log); !os.IsNotExist(err) {
		t.Fatalf("a run that ended leaves its log: %v", err)
	}
	killed := logOf(t, state, 30)
	for name, test := range map[string]struct {
		log   string
		age   time.Duration
		heads int
	}{
		"at once":          {killed, 0, 0},
		"in the middle":    {killed + `{"target":"torn`, 0, 0},
		"after power loss": {killed + "\x00\x00\x00\n", 0, 0},
		"a day later":      {killed, 24 * time.Hour, 30},
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(state)
			c.writeFile("state.run", test.log)
			old := time.Now().Add(-test.age)
			if err := os.Chtimes(log, old, old); err != nil {
				t.Fatal(err)
			}
			c.source.ResetRequests()
			c.target.ResetRequests()
			o := c.do("sync --all FROM/all TO --state @/state").want(0, "synced 40 images: 40 unchanged")
			if got := strings.Contains(o.stderr, "it has finished 30 images"); got != (test.age == 0) {
				t.Errorf("says %s", o.stderr)
			}
			if n := c.source.Count("^HEAD"); n != 10+test.heads {
				t.Errorf("%d HEADs at the source, want those of the 10 images that the run had not finished, and %d", n, test.heads)
			}
			if n := c.target.Count("^HEAD"); n != 10 {
				t.Errorf("%d HEADs at the target, want 10", n)
			}
			if raw, err := os.ReadFile(state); err != nil || strings.Count(string(raw), `"target"`) != 40 {
				t.Errorf("the state has %d images, %v", strings.Count(string(raw), `"target"`), err)
			}
			if _, err := os.Stat(log); !os.IsNotExist(err) {
				t.Errorf("the log is still there: %v", err)
			}
		})
	}
	c.writeFile("state.run", `{"version":2}`+"\n")
	c.do("sync --all FROM/all TO --state @/state").want(1, "state.run: it has version 2", "asked for again")
}

// logOf returns the log of a run that has copied the first n images of a state.
func logOf(t *testing.T, state string, n int) string {
	t.Helper()
	raw, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Images []json.RawMessage }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	out := `{"version":1}` + "\n"
	for _, im := range file.Images[:n] {
		out += strings.ReplaceAll(string(im), "\n", "") + "\n"
	}
	return out
}

// The state of another shard is refused; that of another number of shards is said, and all is copied.
func TestStateOfAnotherShard(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	for i := range 2 {
		c.do(fmt.Sprintf("sync --all FROM/all TO --state @/state%d --shard %d/2", i+1, i+1)).want(0)
	}
	c.do("sync --all FROM/all TO --state @/state1 --shard 2/2").wantError(wantedError{2,
		"state1 is of shard 1/2, and this is shard 2/2", "a file of its own"})
	c.writeFile("state3.run", `{"version":1,"shard":"1/2"}`+"\n")
	c.do("sync --all FROM/all TO --state @/state3 --shard 2/2").wantError(wantedError{2, "state3 is of shard 1/2", "a file of its own"})
	c.source.pushImage("all/r7", "3", "linux/amd64", "new")
	synced := 0
	for i := range 3 {
		o := c.do(fmt.Sprintf("sync --all FROM/all TO --state @/state%d --shard %d/3 --json", i%2+1, i+1)).want(0)
		if i < 2 && !strings.Contains(o.stderr, fmt.Sprintf("is of shard %d/2, and this is shard %d/3", i+1, i+1)) {
			t.Errorf("a changed number of shards is not said: %s", o.stderr)
		}
		r := o.syncReport()
		synced += r.Copied + r.Unchanged
		if i == 1 {
			os.Remove(c.path("state1"))
		}
	}
	if synced != 41 || c.target.tagNames("all/r7") != "1 2 3" {
		t.Errorf("three workers after two synced %d images, want 41; all/r7 has %s", synced, c.target.tagNames("all/r7"))
	}
}

// After another number of workers a state is not trusted: what another worker has copied meanwhile, with or
// without an end, is not in it.
func TestStateAfterAnotherNumberOfShards(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		c := newSyncSetup(t)
		tag := func(content string) {
			for i := range 8 {
				c.source.pushImage(fmt.Sprint("all/r", i), "1", "linux/amd64", content)
			}
		}
		tag("old")
		c.do("sync --all FROM/all TO --state @/state").want(0)
		tag("new")
		if killed {
			c.do("sync --all FROM/all TO --shard 1/2").want(0)
			c.writeFile("state.run", `{"version":1,"shard":"1/2"}`+"\n")
		} else {
			c.do("sync --all FROM/all TO --shard 1/2 --state @/state").want(0, "is asked for each image")
		}
		c.do("sync --all FROM/all TO --shard 2/2").want(0)
		tag("old")
		c.do("sync --all FROM/all TO --state @/state").want(0, "synced 8 images: 8 copied", "is asked for each image")
		c.do("sync --all FROM/all TO --state @/state").want(0, "synced 8 images: 8 unchanged")
	}
}

// A log that cannot be written is an error before the first call. A plan writes neither log nor state.
func TestStateThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	if _, err := os.Stat("/proc/self"); err == nil {
		c.do("sync --all FROM/all TO --state /proc/self/state").wantError(wantedError{2,
			"--state /proc/self/state cannot be written: open /proc/self/state.run", "give a file elsewhere"})
	}
	if err := os.Mkdir(c.path("state.run"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.do("sync --all FROM/all TO --state @/state").want(cli.ExitUsage, "state.run is no regular file")
	if n := c.source.Count("") + c.target.Count(""); n != 0 {
		t.Errorf("%d calls were made", n)
	}
	os.Remove(c.path("state.run"))
	c.do("sync --all FROM/all TO --state @/state --plan").want(0)
	for _, name := range []string{"state", "state.run"} {
		if _, err := os.Stat(c.path(name)); !os.IsNotExist(err) {
			t.Errorf("a plan writes %s: %v", name, err)
		}
	}
}

// Of two runs with one state the second ends before its first call, and changes nothing.
func TestStateOfAnotherRun(t *testing.T) {
	t.Parallel()
	if !filelock.Available {
		t.Skip("no locks")
	}
	c := newShardSetup(t)
	const log = `{"version":1}` + "\n"
	c.writeFile("state.run", log)
	other, err := os.Open(c.path("state.run"))
	if err == nil {
		err = filelock.Exclusive(other)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	c.do("sync --all FROM/all TO --state @/state").wantError(wantedError{1,
		"--state " + c.path("state") + ": another run is using it", "wait for the other run to end"})
	if n := c.source.Count("") + c.target.Count(""); n != 0 {
		t.Errorf("%d calls were made", n)
	}
	if raw, err := os.ReadFile(c.path("state.run")); err != nil || string(raw) != log {
		t.Errorf("the other run's log is %q, %v", raw, err)
	}
	other.Close()
	c.do("sync --all FROM/all TO --state @/state").want(0, "40 copied")
}

// The plan of a whole registry is totals: what a run then does, and what it costs.
func TestSyncAllPlan(t *testing.T) {
	t.Parallel()
	c := newShardSetup(t)
	o := c.do("sync --all FROM/all TO --plan").want(0)
	puts := c.target.Count("^P")
	c.target.ResetRequests()
	c.source.ResetRequests()
	c.do("sync --all FROM/all TO").want(0, "40 copied")
	src, dst := c.source, c.target
	for _, want := range []string{
		"images: 40 to put, 0 present\n",
		fmt.Sprintf("%s: %d reads, 0 writes", src.host, src.Count("/v2/.+")),
		fmt.Sprintf("%s: %d reads, %d writes", dst.host, dst.Count("^(GET|HEAD) /v2/.+"), dst.Count("^P")),
		fmt.Sprintf("pulls: %d from %s", src.Count("^GET .*/manifests/"), src.host),
		"at 12 MB/s, assumed",
	} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("does not say %q", want)
		}
	}
	if puts != 0 || strings.Contains(o.stdout, "calls, in the order") || t.Failed() {
		t.Errorf("%d writes\n%s", puts, o.stdout)
	}
	if o := c.do("sync --all FROM/all TO --plan --rate 1KiB").want(0); !strings.Contains(o.stdout, "images: 0 to put, 40 present") ||
		!strings.Contains(o.stdout, "time: 0s (0.0 hours) for the bytes, at 1.0 kB/s, that --rate allows") {
		t.Error(o.stdout)
	}
}
