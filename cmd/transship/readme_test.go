package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readmes are the front page in each language.
func readmes() []string { return []string{"README.md", "README.zh-CN.md"} }

// readPage returns a document of the repository.
func readPage(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

var (
	fencedBlock  = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	shellComment = regexp.MustCompile(`(?m)\s*# .*$`)
)

// blocksOf returns the text of a page's blocks of one language, without comments.
func blocksOf(page, language string) []string {
	var out []string
	for _, block := range fencedBlock.FindAllStringSubmatch(page, -1) {
		if block[1] == language {
			out = append(out, shellComment.ReplaceAllString(block[2], ""))
		}
	}
	return out
}

// Both READMEs have the same commands with the same output.
func TestReadmesHaveTheSameCommands(t *testing.T) {
	english, chinese := readPage(t, "README.md"), readPage(t, "README.zh-CN.md")
	for language, want := range map[string]int{"sh": 6, "console": 1} {
		blocks := blocksOf(english, language)
		if len(blocks) != want {
			t.Errorf("README.md has %d blocks of %s, want %d", len(blocks), language, want)
		}
		if diff := cmp.Diff(blocks, blocksOf(chinese, language)); diff != "" {
			t.Errorf("README.md and README.zh-CN.md differ in %s:\n%s", language, diff)
		}
	}
}

// README.zh-CN.md begins with the commands of the how-to that the program replaces.
func TestChineseReadmeBeginsWithTheHowTo(t *testing.T) {
	howTo := strings.Join(blocksOf(readPage(t, "testdata/seed/rehost-multi-arch-image.md"), "bash"), "")
	blocks := blocksOf(readPage(t, "README.zh-CN.md"), "bash")
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of bash, want the steps before and after", len(blocks))
	}
	if diff := cmp.Diff(howTo, blocks[0]); diff != "" {
		t.Errorf("the how-to and README.zh-CN.md:\n%s", diff)
	}
}

// The two commands that need nothing but Go: the main job, and the tests that CI runs.
func TestReadmeSetUpCommands(t *testing.T) {
	want := "go run ./cmd/transship demo\nmake test\n"
	for _, name := range readmes() {
		if blocks := blocksOf(readPage(t, name), "sh"); len(blocks) == 0 || blocks[0] != want {
			t.Errorf("%s begins with the commands %q, want %q", name, blocks, want)
		}
	}
	if !strings.HasSuffix(readPage(t, ".ci/run"), "\nmake test\n") {
		t.Error(".ci/run does not end with make test")
	}
	for module, version := range map[string]string{"go.mod": "1.25", "integration/go.mod": "1.26"} {
		if !strings.Contains(readPage(t, module), "\ngo "+version+".0\n") {
			t.Errorf("%s does not require Go %s", module, version)
		}
		for _, name := range readmes() {
			if !strings.Contains(readPage(t, name), "Go "+version) {
				t.Errorf("%s does not say that Go %s is needed", name, version)
			}
		}
	}
}

// peerFigures are what the READMEs say about other tools: a work and a tool in docs/performance.md,
// and the figures of that row.
func peerFigures() []struct{ work, tool, figures string } {
	const far, list, again = "cold copy of that image with TLS, 50 ms round trip", "100 images, 50 ms round trip",
		"those 100 again, nothing changed, 50 ms round trip"
	return []struct{ work, tool, figures string }{
		{far, "transship", "1.62 s, 16 + 29"}, {far, "crane", "20.5 s, 17 + 57"}, {far, "skopeo", "5.87 s, 17 + 62"},
		{list, "transship", "1.71 s"}, {list, "crane", "8.77 s"},
		{again, "transship", "0.44 s"}, {again, "crane", "1.65 s"},
	}
}

// The figures of the READMEs are those that make peers has measured.
func TestReadmeFiguresAreMeasured(t *testing.T) {
	rows := strings.Split(readPage(t, "docs/performance.md"), "\n")
	var known []string
	for _, one := range peerFigures() {
		i := slices.IndexFunc(rows, func(row string) bool {
			return strings.HasPrefix(row, "| "+one.work+" | "+one.tool+" | ")
		})
		if i < 0 {
			t.Fatalf("docs/performance.md has no row of %q and %s", one.work, one.tool)
		}
		for figure := range strings.SplitSeq(one.figures, ", ") {
			if !strings.Contains(rows[i], "| "+figure+" ") {
				t.Errorf("%q of %s is not in %s", figure, one.tool, rows[i])
			}
			known = append(known, figure)
		}
	}
	for _, name := range readmes() {
		found := regexp.MustCompile(`\d+\.\d+ s\b|\d+ \+ \d+`).FindAllString(readPage(t, name), -1)
		slices.Sort(found)
		slices.Sort(known)
		if diff := cmp.Diff(known, found); diff != "" {
			t.Errorf("figures that are measured, and in %s:\n%s", name, diff)
		}
	}
}
