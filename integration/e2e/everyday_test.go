package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// everyday runs command lines between two registries of one kind, in a folder. SRC and DST are their
// hosts.
type everyday struct {
	*testing.T
	transship servers.Program
	src, dst  *servers.Registry
}

// do runs a command line. It must exit with a status, and its output must have the texts.
func (e *everyday) do(exit int, line string, texts ...string) servers.Result {
	e.Helper()
	hosts := strings.NewReplacer("SRC", e.src.Host, "DST", e.dst.Host)
	line = hosts.Replace(line)
	r := e.transship.Run(e.T, strings.Fields(line)...)
	if r.Exit != exit {
		e.Fatalf("transship %s: exit %d, want %d\n%s%s", line, r.Exit, exit, r.Stdout, r.Stderr)
	}
	for _, text := range texts {
		if text = hosts.Replace(text); !strings.Contains(r.Stdout+r.Stderr, text) {
			e.Errorf("transship %s: there is no %q in\n%s%s", line, text, r.Stdout, r.Stderr)
		}
	}
	return r
}

// print runs a command line that must print exactly this.
func (e *everyday) print(line, want string) {
	e.Helper()
	if got := e.do(0, line).Stdout; got != want {
		e.Errorf("transship %s: it prints\n%s\nwant\n%s", line, got, want)
	}
}

func (e *everyday) write(name, text string) {
	e.Helper()
	text = strings.ReplaceAll(text, "SRC", e.src.Host)
	if err := os.WriteFile(filepath.Join(e.transship.Dir, name), []byte(text), 0o600); err != nil {
		e.Fatal(err)
	}
}

func (e *everyday) read(name string) string {
	e.Helper()
	content, err := os.ReadFile(filepath.Join(e.transship.Dir, name))
	if err != nil {
		e.Fatal(err)
	}
	return string(content)
}

// lose removes the largest blob from the storage of the target.
func (e *everyday) lose() {
	e.Helper()
	var largest string
	var size int64
	err := filepath.WalkDir(filepath.Join(e.dst.Dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "data" || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	})
	if err == nil {
		err = os.Remove(largest)
	}
	if err != nil {
		e.Fatal(err)
	}
}

// The everyday commands do on both versions of distribution what they do on the embedded registry.
func TestEverydayCommands(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, servers.Options) *servers.Registry{
		"distribution 3": servers.CNCF, "distribution 2.8": servers.Debian,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &everyday{T: t, src: start(t, servers.Options{}), dst: start(t, servers.Options{})}
			e.transship, _ = servers.Transship(t)
			e.transship.Dir = t.TempDir()
			im := fixture.Real()
			older := im.Only("linux/amd64")
			for _, tag := range []string{"1.9", "1.10"} {
				push(t, e.src, im, "team/app", tag)
			}
			push(t, e.src, older, "team/app", "edge")
			push(t, e.src, older, "team/web", "3")
			e.lookAround(string(im.Root().Digest))
			e.bundles()
			e.locks(func() { push(t, e.src, older, "team/app", "1.9") })
			e.existingTags(string(im.Root().Digest))
			e.repairs()
			e.deletes(name == "distribution 3")
		})
	}
}

func (e *everyday) lookAround(digest string) {
	e.print("repos SRC", "team/app\nteam/web\n")
	e.print("repos SRC/team", "team/app\nteam/web\n")
	e.do(4, "repos SRC/none")
	e.print("tags SRC/team/app", "1.9\n1.10\nedge\n")
	e.print("tags SRC/team/app >=1.10 !edge", "1.10\n")
	e.do(4, "tags SRC/none")
	e.do(0, "tags --json --limit 1 SRC/team/app", `"1.9"`, `"ok": true`)
	e.print("digest SRC/team/app:1.9", digest+"\n")
	e.do(0, "call SRC/v2/team/app/tags/list", `"name":"team/app"`)
	e.do(0, "call --include HEAD SRC/v2/team/app/manifests/1.9", "Docker-Content-Digest: "+digest)
	e.do(4, "call SRC/v2/team/app/manifests/none")
	e.do(0, "config SRC", "HTTP if it speaks that", "anonymous")
	e.do(0, "inspect --json SRC/team/app:1.9", digest, `"architecture": "arm64"`)
}

// bundles finds images in a compose file, and carries them to the target.
func (e *everyday) bundles() {
	e.write("compose.yaml", "services:\n  app:\n    image: SRC/team/app:1.10\n  web: {image: SRC/team/web:3}\n")
	e.write("images.txt", e.do(0, "images-in compose.yaml").Stdout)
	e.do(0, "save -f images.txt -o monday.tar", "saved 2 images")
	e.do(0, "load monday.tar DST/far")
	e.print("repos DST/far", "far/team/app\nfar/team/web\n")
	e.print("digest DST/far/team/app:1.10", e.do(0, "digest SRC/team/app:1.10").Stdout)
	e.do(0, "load --json monday.tar DST/far", `"status": "unchanged"`)
}

// locks writes a lock, and moves a tag that it has.
func (e *everyday) locks(move func()) {
	e.write("list", "SRC/team/app:1.*\n")
	e.do(0, "sync -f list --lock lock DST/mirror", "synced 2 images")
	for _, file := range []string{"a.tar", "b.tar"} {
		e.do(0, "save -f list --locked lock -o "+file)
	}
	if e.read("a.tar") != e.read("b.tar") {
		e.Error("two bundles of one lock differ")
	}
	move()
	e.do(8, "sync -f list --locked lock DST/mirror", "SRC/team/app:1.9", "1 of 2 failed")
	e.do(7, "save -f list --locked lock -o c.tar", "SRC/team/app:1.9")
}

// existingTags does not move a tag of the target.
func (e *everyday) existingTags(digest string) {
	const move = "SRC/team/app:1.9 DST/mirror/team/app:1.9"
	e.do(9, "copy --no-clobber "+move, digest[:19])
	e.do(0, "copy --keep-existing 1.* "+move)
	e.print("digest DST/mirror/team/app:1.9", digest+"\n")
	e.do(0, "copy "+move, "DST/mirror/team/app:1.9", digest[:19])
	e.print("digest DST/mirror/team/app:1.9", e.do(0, "digest SRC/team/app:1.9").Stdout)
}

// repairs sends again what the target's storage has lost.
func (e *everyday) repairs() {
	const again = "SRC/team/app:1.10 DST/mirror/team/app:1.10"
	e.lose()
	e.do(0, "copy "+again)
	e.do(7, "verify DST/mirror/team/app:1.10", "--repair")
	e.do(0, "copy --repair "+again)
	e.do(0, "verify DST/mirror/team/app:1.10")
}

// deletes removes a tag where the registry can, and else the digest.
func (e *everyday) deletes(tags bool) {
	e.do(0, "copy DST/mirror/team/app:1.10 DST/mirror/team/app:same")
	e.do(0, "delete --plan --manifest DST/mirror/team/app:1.10", "app:same")
	if tags {
		e.do(0, "delete DST/mirror/team/app:1.10", "Untagged: DST/mirror/team/app:1.10@")
	} else if r := e.do(1, "delete DST/mirror/team/app:1.10", "--manifest"); r.Stdout != "" {
		e.Errorf("a refused delete prints %s", r.Stdout)
	}
	e.do(0, "digest DST/mirror/team/app:same")
	e.do(0, "delete --manifest DST/mirror/team/app:same", "Deleted: ")
	e.do(4, "digest DST/mirror/team/app:same")
}
