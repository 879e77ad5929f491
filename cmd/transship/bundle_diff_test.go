package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hczjl/transship/manifest"
)

// shownDigest matches a digest in a table.
var shownDigest = regexp.MustCompile(`sha256:[0-9a-f]{12}`)

// table returns the lines of standard output with single spaces, and a D in place of each digest.
func (o result) table() string {
	var out strings.Builder
	for line := range strings.Lines(shownDigest.ReplaceAllString(o.stdout, "D")) {
		out.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return out.String()
}

// A tag that moved, and images that one bundle alone has, each with its platforms and the blobs that are new.
func TestBundleDiff(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	push := func(layer, tag string, platforms ...string) {
		var entries []manifest.Descriptor
		for _, p := range platforms {
			entries = append(entries, c.source.pushImage("app", "", p, "shared", layer+" for "+p))
		}
		c.source.pushList("app", tag, entries...)
	}
	push("old", "latest", "linux/amd64", "linux/s390x")
	c.do("save -o @/a.tar FROM/app:latest SRC").want(0)
	c.do("save -o @/a/ FROM/app:latest SRC").want(0)
	push("new", "latest", "linux/amd64", "linux/arm64")
	push("old", "2", "linux/amd64")
	c.do("save -o @/b.tar --since @/a.tar FROM/app:latest FROM/app:2").want(0)
	c.do("save -o @/split.tar --split 1k FROM/app:latest FROM/app:2").want(0)

	want := `IMAGE PLATFORM BEFORE AFTER ONLY THERE
+ HOST/app:2 - D -
+ linux/amd64 - D -
~ HOST/app:latest D D 2, 38 B
~ linux/amd64 D D 1, 19 B
+ linux/arm64 - D 1, 19 B
- linux/s390x D - 2, 110 B
- HOST/src/repo:1.6 D - 4, 116 B
- linux/amd64 D - 1, 9 B
- linux/arm/v7 D - 2, 98 B
- linux/arm64 D - 1, 9 B
BEFORE AFTER
images 2 2
blobs 10, 433 B 6, 245 B
only there 6, 226 B 2, 38 B
`
	want = strings.ReplaceAll(want, "HOST", c.source.host)
	for _, files := range []string{"@/a.tar @/b.tar", "@/a/ @/split.tar", "oci:@/a @/split.tar.001"} {
		o := c.do("bundle diff "+files).want(1, "the bundles differ: 1 image gone, 1 added, 1 moved")
		if !strings.Contains(o.table(), want) {
			t.Errorf("%s\nprints\n%s\nwant\n%s", o.line, o.table(), want)
		}
	}
	// Inventories have no platforms.
	o := c.do("bundle diff @/a.tar.json @/b.tar.json").want(1)
	if got := o.table(); !strings.Contains(got, "/app:latest D D -\n- ") {
		t.Errorf("%s\nprints\n%s", o.line, got)
	}
	for _, same := range []string{"@/a.tar @/a/", "@/b.tar @/split.tar", "@/split.tar @/b.tar.json"} {
		if o := c.do("bundle diff "+same).want(0, "no difference: both have 2 images"); o.stdout != "" {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
	c.writeFile("text", "x")
	c.do("bundle diff @/a.tar @/none.tar").wantError(wantedError{4, "none.tar", ""})
	c.do("bundle diff @/text @/a.tar").wantError(wantedError{7, "it is no tar", ""})
	c.do("bundle diff @/a.tar oci-archive:@/a.tar:x").wantError(wantedError{2, "names one image", ""})
}

// shownDeltas matches how 2.tar has its seven blobs.
var shownDeltas = regexp.MustCompile(`whole 7, .* 1, .*\nas deltas - 3, .* kB in place of 557 kB\nleft to its base - 3, `)

// How a bundle has its blobs is in the table, and makes no difference.
func TestBundleDiffOfDeltas(t *testing.T) {
	t.Parallel()
	c := newWeeklySetup(t)
	c.do("save -o @/1.tar SRC1").want(0)
	c.do("save -o @/2.tar --since @/1.tar --delta SRC2").want(0)
	c.do("save -o @/whole.tar SRC2").want(0)
	c.do("bundle diff @/2.tar @/whole.tar").want(0)
	o := c.do("bundle diff @/1.tar @/2.tar").want(1)
	if !shownDeltas.MatchString(o.table()) {
		t.Errorf("%s\nprints\n%s", o.line, o.table())
	}
}
