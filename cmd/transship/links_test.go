package main

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	markdownLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	markdownHeading = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	markdownCode    = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
	notInAnchor     = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchorsOf returns the anchors that GitHub gives the headings of a page.
func anchorsOf(page string) []string {
	var out []string
	for _, m := range markdownHeading.FindAllStringSubmatch(page, -1) {
		text := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(text, " ", "-"))
	}
	return out
}

// documents returns the Markdown files of the repository, without fixtures.
func documents(t *testing.T, root fs.FS) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "dist" ||
			strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if path.Ext(name) == ".md" {
			out = append(out, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Links between the documents lead to files and headings that exist.
func TestLinksOfDocuments(t *testing.T) {
	root := os.DirFS("../..")
	names := documents(t, root)
	if len(names) < 15 {
		t.Fatalf("%d documents: %q", len(names), names)
	}
	for _, name := range names {
		for _, link := range markdownLink.FindAllStringSubmatch(markdownCode.ReplaceAllString(readPage(t, name), ""), -1) {
			file, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(link[1], "://") || strings.HasPrefix(link[1], "mailto:") {
				continue
			}
			target := path.Join(path.Dir(name), file)
			if file == "" {
				target = name
			}
			if _, err := fs.Stat(root, target); err != nil {
				t.Errorf("%s links to %s: %v", name, link[1], err)
				continue
			}
			if anchor != "" && !slices.Contains(anchorsOf(readPage(t, target)), anchor) {
				t.Errorf("%s links to %s: no such heading", name, link[1])
			}
		}
	}
}

// Every document in docs is linked from both READMEs.
func TestReadmesLinkEveryDocument(t *testing.T) {
	pages, err := fs.Glob(os.DirFS("../.."), "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range readmes() {
		readme := readPage(t, name)
		for _, page := range pages {
			if !strings.Contains(readme, "]("+page+")") {
				t.Errorf("%s has no link to %s", name, page)
			}
		}
	}
}
