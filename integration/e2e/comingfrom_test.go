package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// A task of docs/coming-from.md is a section whose heading has a number. It has one block of shell
// lines, one or more for each tool.
var (
	taskHeading = regexp.MustCompile(`^\d+\. (.*)$`)
	taskTool    = regexp.MustCompile(`\b(crane|skopeo|transship) `)
)

// task is a section of the page.
type task struct {
	title string
	lines map[string]string // by tool
}

// everydayTasks reads the page.
func everydayTasks(t *testing.T) []task {
	t.Helper()
	var out []task
	for _, s := range readPage(t, "coming-from.md") {
		title := taskHeading.FindStringSubmatch(s.title)
		if title == nil {
			continue
		}
		one := task{title: title[1], lines: map[string]string{}}
		if len(s.blocks) != 1 {
			t.Fatalf("task %q has %d blocks of lines, want one", one.title, len(s.blocks))
		}
		for line := range strings.Lines(s.blocks[0]) {
			tool := taskTool.FindStringSubmatch(line)
			if tool == nil {
				t.Fatalf("task %q: no tool in %q", one.title, line)
			}
			one.lines[tool[1]] += line
		}
		out = append(out, one)
	}
	return out
}

// The tasks of docs/coming-from.md, line by line, by all tools: each has a registry of its own as
// target, with a password, and after each task the tags and digests there are compared.
func TestComingFrom(t *testing.T) {
	t.Parallel()
	src := servers.Debian(t, servers.Options{})
	im, older := fixture.Real(), fixture.Real().Only("linux/amd64")
	push(t, src, im, "halo", "1.6")
	push(t, src, older, "halo", "1.5")
	tools := []string{"crane", "skopeo", "transship"}
	desks := map[string]*desk{}
	for _, tool := range tools {
		desks[tool] = newDesk(t, tool, src, im)
	}
	// What is not the same by design: the page says so.
	printsOther := "List the tags of a repository" // skopeo prints JSON, crane the registry's order
	leavesOther := map[string]string{
		"Push such a file":                "crane skopeo", // one platform, written anew
		"Push the image of such a folder": "crane skopeo", // the folder's index; docker's list written anew as OCI's
	}
	tasks := everydayTasks(t)
	if len(tasks) < 20 {
		t.Fatalf("%d tasks", len(tasks))
	}
	for _, task := range tasks {
		if task.title == "A registry for a moment" { // it does not end; the tests of serve have it
			continue
		}
		want := desks["transship"].do(t, task)
		for _, tool := range tools[:2] {
			if task.lines[tool] == "" {
				continue
			}
			got := desks[tool].do(t, task)
			if got.printed != want.printed && reads(task) && task.title != printsOther {
				t.Errorf("%s: %s prints\n%s\ntransship prints\n%s", task.title, tool, got.printed, want.printed)
			}
			if strings.Contains(leavesOther[task.title], tool) {
				continue
			}
			for name, digest := range want.changed {
				if got.changed[name] != digest {
					t.Errorf("%s: %s leaves %s at %q, transship at %q", task.title, tool, name, got.changed[name], digest)
				}
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want.changed)), slices.Sorted(maps.Keys(got.changed))); diff != "" {
				t.Errorf("%s: tags that changed, transship and %s:\n%s", task.title, tool, diff)
			}
		}
	}
}

// reads reports whether what a task prints is its result: it changes nothing and writes no file.
func reads(task task) bool {
	return slices.Contains([]string{"List the tags of a repository", "List the repositories of a registry",
		"The digest of a tag", "The manifest or list, byte for byte", "The configuration of an image"}, task.title)
}

// desk is where one tool does the tasks: a folder, an environment and a target.
type desk struct {
	tool  string
	shell servers.Program
	dst   *servers.Registry
	tags  map[string]string // of the target, to digests, after the last task
}

// outcome is what a tool has done in a task.
type outcome struct {
	printed string
	changed map[string]string // repository:tag to its digest, "" if it is gone
}

func newDesk(t *testing.T, tool string, src *servers.Registry, im fixture.Image) *desk {
	t.Helper()
	users := map[string]string{"user": "word of the user"}
	dst := servers.CNCF(t, servers.Options{Users: users})
	shell := newPageShell(t, src.Host, dst.Host)
	shell.add(t, "crane", servers.Program{Path: servers.Crane(t).Path})
	if tool == "skopeo" {
		shell.add(t, "skopeo", servers.Program{Path: servers.Skopeo(t).Path})
	}
	writeFile(t, shell.Dir, "names.txt", "halo:1.5\nhalo:1.6\n")
	writeFile(t, shell.Dir, "images.txt", fmt.Sprintf("%[1]s/halo:1.5\n%[1]s/halo:1.6\n", src.Host))
	shell.Env = append(shell.Env, "NAME=user", "PASSWORD="+users["user"], "SRC="+src.Host, "DST="+dst.Host,
		"DIGEST="+im.Root().Digest.String(), "BLOB="+im.Blobs[0].Digest.String())
	return &desk{tool: tool, dst: dst, tags: map[string]string{}, shell: shell.Program}
}

// do runs a tool's lines of a task and returns what came of it.
func (d *desk) do(t *testing.T, task task) outcome {
	t.Helper()
	line := task.lines[d.tool]
	r := d.shell.Run(t, line)
	if r.Exit != 0 {
		t.Fatalf("%s: %s: exit %d\n%s%s", task.title, line, r.Exit, r.Stdout, r.Stderr)
	}
	out := outcome{printed: strings.TrimSpace(r.Stdout), changed: map[string]string{}}
	now := tagsOf(t, d.dst)
	for name, digest := range now {
		if d.tags[name] != digest {
			out.changed[name] = digest
		}
	}
	for name := range d.tags {
		if now[name] == "" {
			out.changed[name] = ""
		}
	}
	d.tags = now
	return out
}

// tagsOf returns every tag of a registry, as repository:tag, and its digest.
func tagsOf(t *testing.T, r *servers.Registry) map[string]string {
	t.Helper()
	var catalog struct{ Repositories []string }
	decodeFrom(t, r, "/v2/_catalog", &catalog)
	out := map[string]string{}
	for _, repository := range catalog.Repositories {
		var list struct{ Tags []string }
		decodeFrom(t, r, "/v2/"+repository+"/tags/list", &list)
		for _, tag := range list.Tags {
			m, err := r.Repository(repository).Manifest(t.Context(), tag)
			if err != nil {
				t.Fatal(err)
			}
			out[repository+":"+tag] = m.Digest.String()
		}
	}
	return out
}

// decodeFrom decodes the body of a GET. A list of tags that is gone (404) is empty.
func decodeFrom(t *testing.T, r *servers.Registry, path string, v any) {
	t.Helper()
	resp, err := r.Client.Get(r.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return
	}
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
}
