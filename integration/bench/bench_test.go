// Package bench runs transship bench as users do: against CNCF distribution, and with benchstat on
// what it prints.
package bench

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"github.com/hczjl/transship/integration/servers"
)

// smallRun are flags that keep a run short.
var smallRun = []string{"--size", "2x20KiB,100", "--platforms", "linux/amd64,linux/arm64", "--count", "6",
	"--jobs", "1,4"}

// runBench runs a benchmark and checks that it succeeds.
func runBench(t *testing.T, transship servers.Program, args ...string) servers.Result {
	t.Helper()
	got := transship.Run(t, append(append([]string{"bench"}, args...), smallRun...)...)
	if got.Exit != 0 {
		t.Fatalf("transship bench %q: exit %d\n%s%s", args, got.Exit, got.Stdout, got.Stderr)
	}
	return got
}

// benchstat compares two runs: it reads every line and finds all samples.
func TestBenchstatReadsOutput(t *testing.T) {
	t.Parallel()
	transship, _ := servers.Transship(t)
	benchstat := servers.Benchstat(t)
	for _, kind := range []string{"push", "pull", "copy", "mount", "resolve"} {
		var files []string
		for i := range 2 {
			file := filepath.Join(t.TempDir(), fmt.Sprintf("%s%d.txt", kind, i))
			args := []string{kind}
			if kind == "push" {
				args = append(args, "--limit")
			}
			if err := os.WriteFile(file, []byte(runBench(t, transship, args...).Stdout), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
			checkReadable(t, file)
		}
		got := benchstat.Run(t, files...)
		if got.Exit != 0 || got.Stderr != "" {
			t.Errorf("benchstat exits with %d and says\n%s", got.Exit, got.Stderr)
		}
		for _, want := range []string{"sec/op", "calls/op", "ttfb-p50-sec", "ttfb-p99-sec", "rss-peak-bytes",
			"vs base", "n=6)"} {
			if !strings.Contains(got.Stdout, want) {
				t.Errorf("%s: benchstat shows no %s:\n%s", kind, want, got.Stdout)
			}
		}
	}
}

// checkReadable checks a file with benchstat's parser: every line is a configuration, a unit or a
// result.
func checkReadable(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reader, results := benchfmt.NewReader(f, file), 0
	for reader.Scan() {
		switch line := reader.Result().(type) {
		case *benchfmt.Result:
			results++
			if v, ok := line.Value("sec/op"); !ok || v <= 0 || line.GetConfig("goos") == "" ||
				line.GetConfig("pkg") == "" {
				t.Errorf("%s: %s", file, line.Name)
			}
		case *benchfmt.SyntaxError:
			t.Errorf("%s: %v", file, line)
		}
	}
	if err := reader.Err(); err != nil || results < 12 {
		t.Errorf("%s: %d results, %v", file, results, err)
	}
	for _, unit := range []string{"calls/op", "ttfb-p99-sec", "x-floor"} {
		if reader.Units().GetBetter(unit) != -1 {
			t.Errorf("%s: less of %s is not known to be better", file, unit)
		}
	}
}

// After the benchmarks the registry has no tags, manifests or blobs.
func TestBenchDeletesItsContent(t *testing.T) {
	t.Parallel()
	transship, _ := servers.Transship(t)
	a, b := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	for _, args := range [][]string{
		{"push", a.Host + "/bench"}, {"push", "--warm", a.Host + "/warm"}, {"pull", a.Host + "/bench"},
		{"copy", a.Host + "/bench", b.Host + "/bench"},
		{"mount", a.Host + "/bench"}, {"resolve", a.Host + "/bench"},
		{"push", "--upload", "put,patch,chunk=8KiB", a.Host + "/upload"},
	} {
		if got := runBench(t, transship, args...); strings.Contains(got.Stderr, "left on") {
			t.Errorf("%q says\n%s", args, got.Stderr)
		}
	}
	for _, r := range []*servers.Registry{a, b} {
		links, put := linkFiles(t, r.Dir)
		if put == 0 {
			t.Errorf("nothing was ever put into %s", r.Host)
		}
		if len(links) > 0 {
			t.Errorf("on %s there are still %d: %s", r.Host, len(links), links[0])
		}
	}
}

// linkFiles returns the files named link in CNCF distribution's folder, which make tags, manifests
// and blobs visible. The data files, whose number it returns too, stay until garbage collection.
func linkFiles(t *testing.T, dir string) (links []string, bytes int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
		case d.Name() == "link" && !strings.Contains(path, "/_uploads/"):
			links = append(links, path)
		case d.Name() == "data":
			bytes++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return links, bytes
}

// distribution refuses deletes unless they are enabled.
func TestBenchReportsContentLeft(t *testing.T) {
	t.Parallel()
	transship, _ := servers.Transship(t)
	r := servers.CNCF(t, servers.Options{NoDelete: true})
	got := runBench(t, transship, "push", r.Host+"/bench")
	// 14 rounds, each of an index and two images with a config and three layers each.
	want := regexp.MustCompile(`(?m)^left on ` + regexp.QuoteMeta(r.Host) +
		`/bench: 42 manifests, 112 blobs of 1\.\d MB: .*405`)
	if !want.MatchString(got.Stderr) {
		t.Errorf("it says\n%s", got.Stderr)
	}
}
