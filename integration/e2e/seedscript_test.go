package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// seedDocument describes the manual walk-through that the program replaces.
const seedDocument = "../../testdata/seed/rehost-multi-arch-image.md"

// seedDigests are the digests in the document, in the order of platforms. Their image is not
// available here.
var seedDigests = []string{
	"sha256:668f4ec33f099f6b47c73af97432fda1b94ca40e61af5bd7ef0584d70ea565ed",
	"sha256:034bea9cac5622a0eb0dccd1a56d8bfbe88b270a00d35fba77e0b7134ba479af",
	"sha256:d351b5d3df9a11dca3c9933c4a58e367c27d1b282dee4e74653e8a10680b0b53",
}

var bashBlock = regexp.MustCompile("(?s)```bash\n(.*?)```")

// seedScript returns the document's commands with docker replaced by transship, and with the test's
// registries and digests. IDs that the document leaves open are those of transship images.
func seedScript(t *testing.T, from, to string, im fixture.Image) string {
	t.Helper()
	text, err := os.ReadFile(seedDocument)
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range bashBlock.FindAllStringSubmatch(string(text), -1) {
		script.WriteString(block[1])
	}
	out := strings.NewReplacer("docker ", "transship ", "halohub/", from+"/halohub/", "hczjl/", to+"/hczjl/").
		Replace(script.String())
	for i, p := range platforms {
		digest := im.Only(p.platform).Root().Digest
		out = strings.ReplaceAll(out, seedDigests[i], digest.String())
		out = strings.Replace(out, "tag ID ", "tag "+digest.Encoded()[:12]+" ", 1)
	}
	return out
}

// The document's commands, with docker replaced by transship, run as a script and give docker's
// bytes.
func TestSeedDocument(t *testing.T) {
	t.Parallel()
	for name, start := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := servers.CNCF(t, servers.Options{}), start(t, servers.Options{})
			im := fixture.Real()
			push(t, from, im, "halohub/halo", "1.6")
			script := seedScript(t, from.Host, to.Host, im)
			if n := strings.Count(script, "\ntransship "); n != 15 {
				t.Fatalf("%d commands after the first, want 15:\n%s", n, script)
			}

			transship, _ := servers.Transship(t)
			sh := transship
			sh.Path, sh.Args = servers.Find(t, "sh", "dash"),
				[]string{"-eu", "-c", "PATH=" + filepath.Dir(transship.Path) + ":$PATH\n" + script}
			printed := sh.Output(t)
			if _, inspected, _ := strings.Cut(printed, "{"); "{"+inspected != string(im.Root().Raw)+"\n" {
				t.Errorf("it ends with\n%s", cmp.Diff(string(im.Root().Raw)+"\n", "{"+inspected))
			}
			verify(t, to, im, "hczjl/halo", "1.6")
			for _, p := range platforms {
				verify(t, to, im.Only(p.platform), "hczjl/halo", p.tag)
			}
		})
	}
}
