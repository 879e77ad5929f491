package main

import (
	"strings"
	"testing"
)

// tags takes folders and tars as copy does, and lists the names that copy takes after them.
func TestTagsOfFilesAndFolders(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	for _, tag := range []string{"1.10", "1.9", "edge"} {
		c.run("copy", c.src, "oci:"+c.path("lay")+":"+tag).want(0)
	}
	c.writeList("FROM/src/repo:1.6 r.example/app:1.10\nFROM/src/repo:1.6 r.example/app:1.9\nFROM/src/repo:1.6 r.example/web:2\n")
	c.do("save -f @/images -o @/b.tar").want(0)
	for line, want := range map[string]string{
		"tags oci:@/lay":                         "FROM/src/repo:1.9 FROM/src/repo:1.10 FROM/src/repo:edge",
		"tags @/lay/ edge":                       "FROM/src/repo:edge",
		"tags oci:@/lay 1.*":                     "FROM/src/repo:1.9 FROM/src/repo:1.10",
		"tags oci:@/lay --latest 1":              "FROM/src/repo:1.10",
		"tags --full-ref oci:@/lay =1.9":         "oci:@/lay:FROM/src/repo:1.9",
		"tags @/b.tar":                           "r.example/app:1.9 r.example/app:1.10 r.example/web:2",
		"tags oci-archive:@/b.tar --limit 2":     "r.example/app:1.9 r.example/app:1.10",
		"tags --full-ref @/b.tar 2":              "oci-archive:@/b.tar:r.example/web:2",
		"tags docker-archive:@/b.tar !1.10 !2":   "r.example/app:1.9",
		"tags --sort none --limit 1 @/b.tar 1.9": "r.example/app:1.9",
	} {
		want = strings.NewReplacer("@/", c.path("")+"/", "FROM", c.source.host).Replace(want)
		if o := c.do(line).want(0); strings.Join(strings.Fields(o.stdout), " ") != want {
			t.Errorf("%s\nprints %q, want %q", o.line, o.stdout, want)
		}
	}
	c.do("digest " + strings.TrimSpace(c.do("tags --full-ref oci:@/lay edge").stdout)).want(0)
	c.do("tags --json @/b.tar").want(0).wantDocument("tags")
	c.do("tags @/b.tar 3.*").want(4, "has no image with a tag that is wanted")
	c.do("tags oci:@/none").want(4)
	c.do("tags oci:@/lay:edge").want(2, "names one image")
	c.do("tags null:1KiB").want(2)
}
