package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// readmeBlock matches a block of commands in a README.
var readmeBlock = regexp.MustCompile("(?ms)^```(sh|bash|console)\n(.*?)^```$")

// notRunHere are lines that copy no images, ask for a password, or do not end; other tests have what they do.
var notRunHere = regexp.MustCompile(`(?m)^(go run|go install|make|docker|transship login|transship serve) .*\n`)

// The commands of both READMEs succeed as they are printed, from top to bottom, and what README shows
// of a run is what the program prints. The names of Docker Hub, registry.example.com (which requires a
// password) and localhost:5000 and 5001 are replaced by those of four registries.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	hub := servers.Debian(t, servers.Options{})
	push(t, hub, fixture.Real(), "halohub/halo", "1.6")
	for _, tag := range []string{"3.19", "3.20", "edge"} {
		push(t, hub, fixture.Real().Only("linux/amd64"), "library/alpine", tag)
	}
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := os.ReadFile(filepath.Join("../..", name))
			if err != nil {
				t.Fatal(err)
			}
			r := newReadmeShell(t, hub)
			for _, block := range readmeBlock.FindAllStringSubmatch(string(page), -1) {
				if block[1] == "console" {
					r.compare(t, block[2])
					continue
				}
				if got := r.run(t, notRunHere.ReplaceAllString(block[2], "")); got.Exit != 0 {
					t.Fatalf("%s: exit %d\n%s%s", block[2], got.Exit, got.Stdout, got.Stderr)
				}
			}
			tags := tagsOf(t, r.dst)
			for _, image := range []string{"hczjl/halo:1.6", "mirror/halohub/halo:1.6", "mirror/library/alpine:3.20",
				"alpine:3.19", "alpine:3.20"} {
				if tags[image] == "" {
					t.Errorf("registry.example.com has no %s, but %v", image, tags)
				}
			}
			if tags["alpine:edge"] != "" {
				t.Error("alpine:edge was copied; 3.* does not select it")
			}
		})
	}
}

// readmeShell runs a README's commands.
type readmeShell struct {
	shell servers.Program
	dst   *servers.Registry
	hosts *strings.Replacer // the README's hosts to those of this test
	names *strings.Replacer // and back
}

func newReadmeShell(t *testing.T, hub *servers.Registry) readmeShell {
	t.Helper()
	dst := servers.CNCF(t, servers.Options{Users: map[string]string{"user": "word"}})
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := fixture.Synthetic(fixture.Spec{Layers: []int64{600, 6500, 6000}, Platforms: []v1.Platform{
		{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm", Variant: "v7"},
		{OS: "linux", Architecture: "arm64", Variant: "v8"},
	}})
	push(t, from, im, "halohub/halo", "1.6")
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	if err := os.Symlink(transship.Path, filepath.Join(dir, "transship")); err != nil {
		t.Fatal(err)
	}
	r := readmeShell{
		shell: servers.Program{
			Path: servers.Find(t, "bash", "bash"), Args: []string{"-euo", "pipefail", "-c"}, Dir: dir,
			Env: []string{"PATH=" + dir + ":/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + t.TempDir()},
		},
		dst: dst,
		hosts: strings.NewReplacer("registry.example.com", dst.Host, " hczjl/", " "+dst.Host+"/hczjl/",
			" halohub/", " "+hub.Host+"/halohub/", "\nhalohub/", "\n"+hub.Host+"/halohub/",
			"\nlibrary/", "\n"+hub.Host+"/library/", " alpine:", " "+hub.Host+"/library/alpine:",
			"localhost:5000", from.Host, "localhost:5001", to.Host),
		names: strings.NewReplacer(from.Host, "localhost:5000", to.Host, "localhost:5001"),
	}
	if got := r.run(t, "transship login -u user -p word registry.example.com"); got.Exit != 0 {
		t.Fatal(got.Stderr)
	}
	return r
}

// run runs lines in one shell.
func (r readmeShell) run(t *testing.T, lines string) servers.Result {
	t.Helper()
	return r.shell.Run(t, r.hosts.Replace(lines))
}

// compare runs the commands of a console block and compares what they print with what the block has.
func (r readmeShell) compare(t *testing.T, block string) {
	t.Helper()
	for step := range strings.SplitSeq(strings.TrimPrefix(block, "$ "), "\n$ ") {
		line, want, _ := strings.Cut(step, "\n")
		got := r.run(t, line+" 2>&1")
		if diff := cmp.Diff(comparableLines(want), comparableLines(r.names.Replace(got.Stdout))); diff != "" {
			t.Errorf("%s: what README shows, and what it prints:\n%s", line, diff)
		}
	}
}

// differs matches what is another one in each run, or of each image.
var differs = regexp.MustCompile(`sha256:[0-9a-f]+|[0-9.]+ ?[kMG]?B in [0-9.]+m?s`)

// comparableLines returns the lines of an output, in an order, without what differs.
func comparableLines(output string) []string {
	lines := strings.Split(strings.TrimSpace(differs.ReplaceAllString(output, "*")), "\n")
	slices.Sort(lines)
	return lines
}
