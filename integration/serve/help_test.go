// Package serve tests `transship serve` with real clients: they pull from bundles, and push to a
// folder, which survives kill -9 and full disks.
package serve

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/layout"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// saveBundle saves images, by repository:tag, and returns the tar's path.
func saveBundle(t *testing.T, images map[string]fixture.Image) string {
	t.Helper()
	from := servers.Serve(t, "--writable", t.TempDir())
	path := filepath.Join(t.TempDir(), "bundle.tar")
	args := []string{"save", "--quiet", "--output", path}
	for name, im := range images {
		repository, tag, _ := strings.Cut(name, ":")
		if err := from.Repository(repository).Push(t.Context(), im, tag); err != nil {
			t.Fatal(err)
		}
		args = append(args, from.Host+"/"+name)
	}
	transship, _ := servers.Transship(t)
	transship.Output(t, args...)
	return path
}

// verifyFolder checks that all content of a folder is sound.
func verifyFolder(t *testing.T, folder string) {
	t.Helper()
	dir, err := layout.OpenDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Verify(t.Context(), func(c layout.Check) {
		if c.Err != nil {
			t.Errorf("%s: %v", c.What, c.Err)
		}
	}); err != nil {
		t.Error(err)
	}
}
