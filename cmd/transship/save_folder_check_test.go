package main

import (
	"os"
	"strings"
	"testing"
)

// Of a list that is saved to a folder, every image that is missing is named before anything is written:
// also one that is named by its digest, and one that lacks a platform.
func TestSaveToFolderChecksTheWholeListFirst(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		list, flags string
		want        []string
	}{
		"digests and tags": {"FROM/src/repo:1.6\nFROM/src/repo@" + digest + "\nFROM/src/repo:none\n", "",
			[]string{"line 2: ", "line 3: ", "2 of 3 failed, and nothing is written"}},
		"platform": {"FROM/src/repo:1.6\nFROM/child:1\n", " --platform linux/arm64", []string{"line 2: ", "linux/arm64"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCopySetup(t)
			c.do("copy --platform linux/amd64 --flatten SRC FROM/child:1").want(0)
			c.writeList(test.list)
			o := c.do("save -f @/images -o @/folder/" + test.flags).want(4)
			for _, want := range test.want {
				if !strings.Contains(o.stderr, want) {
					t.Errorf("%s\nlacks %q:\n%s", o.line, want, o.stderr)
				}
			}
			if _, err := os.Stat(c.path("folder")); !os.IsNotExist(err) {
				t.Errorf("the folder was made: %v", err)
			}
			c.do("save --keep-going -f @/images -o @/folder/" + test.flags).want(8)
			c.do("verify @/folder").want(0)
		})
	}
}
