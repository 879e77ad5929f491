package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// everydayPage has a section for each task: a heading with its number, and a block of shell lines, one
// for each tool.
const everydayPage = "../../docs/coming-from.md"

var (
	taskHeading = regexp.MustCompile(`(?m)^## (\d+)\. (.*)$`)
	taskBlock   = regexp.MustCompile("(?s)```sh\n(.*?)```")
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
	page, err := os.ReadFile(everydayPage)
	if err != nil {
		t.Fatal(err)
	}
	var out []task
	at := taskHeading.FindAllSubmatchIndex(page, -1)
	for i, m := range at {
		end := len(page)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		one := task{title: string(page[m[4]:m[5]]), lines: map[string]string{}}
		block := taskBlock.FindSubmatch(page[m[1]:end])
		if block == nil {
			t.Fatalf("task %q has no lines", one.title)
		}
		for line := range strings.Lines(string(block[1])) {
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
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	for _, folder := range []string{bin, filepath.Join(dir, ".config/containers")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	transship, _ := servers.Transship(t)
	paths := map[string]string{"crane": servers.Crane(t).Path, "transship": transship.Path}
	if tool == "skopeo" {
		paths["skopeo"] = servers.Skopeo(t).Path
	}
	for name, path := range paths {
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, dir, "names.txt", "halo:1.5\nhalo:1.6\n")
	writeFile(t, dir, "images.txt", fmt.Sprintf("%[1]s/halo:1.5\n%[1]s/halo:1.6\n", src.Host))
	writeFile(t, dir, ".config/containers/registries.conf", fmt.Sprintf(`[[registry]]
location = %q
insecure = true
[[registry]]
location = %q
insecure = true
`, src.Host, dst.Host))
	writeFile(t, dir, ".config/containers/policy.json", `{"default": [{"type": "insecureAcceptAnything"}]}`)
	return &desk{tool: tool, dst: dst, tags: map[string]string{}, shell: servers.Program{
		Path: servers.Find(t, "bash", "bash"), Args: []string{"-euo", "pipefail", "-c"}, Dir: dir,
		Env: []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "TMPDIR=" + t.TempDir(),
			"REGISTRY_AUTH_FILE=" + filepath.Join(dir, "auth.json"),
			"NAME=user", "PASSWORD=" + users["user"], "SRC=" + src.Host, "DST=" + dst.Host,
			"DIGEST=" + im.Root().Digest.String(), "BLOB=" + im.Blobs[0].Digest.String()},
	}}
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
