// Package pages tests how the pages and images that the program makes look in a browser.
package pages

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// look is a script that returns what is wrong with a page.
//
//go:embed look.js
var look string

// Each page is as wide as the window of a phone or a screen, and its texts can be read, light and dark.
func TestPages(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	for name, url := range pages(t) {
		for _, width := range []int{390, 1280} {
			for _, scheme := range []string{"light", "dark"} {
				for _, found := range b.show(t, url, width, scheme, look) {
					t.Errorf("%s, %s, %d pixels: %s", name, scheme, width, found)
				}
			}
		}
	}
}

// pages makes what the program makes for browsers, and returns the URLs.
func pages(t *testing.T) map[string]string {
	t.Helper()
	at := servers.Serve(t, "--writable", filepath.Join(t.TempDir(), "store"))
	for _, name := range []string{"a", "team/" + strings.Repeat("long", 20)} {
		if err := at.Repository(name).Push(t.Context(), fixture.Real(), "1.6"); err != nil {
			t.Fatal(err)
		}
	}
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	urls := map[string]string{"serve": at.URL + "/"}
	file := func(name string) string {
		path := filepath.Join(dir, name)
		urls[name] = "file://" + path
		return path
	}
	first := filepath.Join(dir, "first.json")
	result := transship.Output(t, "bench", "push", "--json", "--count", "2", "--warmup", "0", "--jobs", "1,4", "--size", "2x64KiB",
		"--html", file("bench.html"))
	if err := os.WriteFile(first, []byte(result), 0o600); err != nil {
		t.Fatal(err)
	}
	transship.Output(t, "bench", "report", "--html", file("report.html"), "one="+first, strings.Repeat("long", 20)+"="+first)
	transship.Output(t, "audit", "waterfall", "-o", file("waterfall.svg"), "../../docs/example.har")
	return urls
}
