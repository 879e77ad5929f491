package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/store"
	"github.com/hczjl/transship/distribution/layout"
)

// While a command moves an image the store cannot be pruned. The registry tries to at every call.
func TestCommandsLockStore(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	store := p.openStore()
	var tried atomic.Int32
	host := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tried.Add(1)
		if _, err := store.Prune(r.Context(), layout.PruneOptions{}); !errors.Is(err, layout.ErrInUse) {
			t.Errorf("%s %s: pruning gives %v, want ErrInUse", r.Method, r.URL, err)
		}
		s.ServeHTTP(w, r)
	}))
	p.run("pull", host+"/src/repo:1.6").want(0)
	p.run("tag", host+"/src/repo:1.6", host+"/x:1").want(0)
	before := tried.Load()
	p.run("push", host+"/x:1").want(0)
	if before == 0 || tried.Load() == before {
		t.Error("the registry was not asked")
	}
}

// A folder cannot be pruned while an image is read from it, also after another process has removed
// the image. A server that only reads does not block pruning.
func TestReadersLockFolder(t *testing.T) {
	for _, line := range []string{"copy oci:@/lay:REF HOST/x:1", "load @/lay HOST/m", "sync -f @/images"} {
		c := newCopySetup(t)
		c.do("save -q -o @/lay/ SRC").want(0)
		dir, err := layout.OpenDir(c.path("lay"))
		c.must(err)
		roots, err := dir.Roots()
		c.must(err)
		var tried atomic.Int32
		host := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && tried.Add(1) == 1 {
				if err := dir.Drop(roots...); err != nil {
					t.Error(err)
				}
				if _, err := dir.Prune(r.Context(), layout.PruneOptions{}); !errors.Is(err, layout.ErrInUse) {
					t.Errorf("%s: pruning gives %v, want ErrInUse", line, err)
				}
			}
			c.target.ServeHTTP(w, r)
		}))
		c.writeFile("images", "oci:"+c.path("lay")+" "+host+"/y")
		c.do(strings.NewReplacer("HOST", host, "REF", c.src).Replace(line)).want(0)
		if tried.Load() == 0 {
			t.Errorf("%s: nothing was sent", line)
		}
		done, err := dir.Prune(t.Context(), layout.PruneOptions{})
		if err != nil || len(done.Deleted) != 11 {
			t.Errorf("%s: pruning afterwards: %d deleted, %v", line, len(done.Deleted), err)
		}
	}
	c := newCopySetup(t)
	c.do("save -q -o @/lay/ SRC").want(0)
	r := c.startServe(c.path("lay"))
	c.run("digest", r.host+"/src/repo:1.6").want(0)
	dir, err := layout.OpenDir(c.path("lay"))
	c.must(err)
	if _, err := dir.Prune(t.Context(), layout.PruneOptions{}); err != nil {
		t.Errorf("pruning what is served: %v", err)
	}
}

// A store without write permission lists its images. Other commands name the reason why it cannot
// be used.
func TestReadOnlyStore(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	p.run("pull", s.host+"/x:1").want(0)
	private := filepath.Join(p.storePath(), ".transship")
	for _, name := range []string{"content.lock", "index.lock"} {
		if err := os.Chmod(filepath.Join(private, name), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := os.OpenFile(filepath.Join(private, "content.lock"), os.O_RDWR, 0); err == nil {
		f.Close()
		t.Skip("root writes wherever it likes")
	}
	p.run("images", s.host+"/x:1").want(0)
	for _, line := range []string{"pull HOST/x:1", "push HOST/x:1", "tag HOST/x:1 y", "rmi HOST/x:1", "prune"} {
		p.run(strings.Fields(strings.ReplaceAll(line, "HOST", s.host))...).
			want(cli.ExitFailed, "the local store "+p.storePath()+" cannot be used: ", "permission denied",
				"hint: set TRANSSHIP_STORE")
	}
}

func TestConcurrentStoreCommands(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushThreePlatforms()
	s.pushImage("x", "1", "linux/amd64", "shared", "for x")
	repo := s.host + "/src/repo"
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			tag := fmt.Sprint("dst/repo:", i)
			for range 4 {
				p.run("pull", "-q", repo+":1.6", s.host+"/x:1").want(0)
				p.run("tag", repo+":1.6", tag).want(0)
				p.run("rmi", tag).want(0)
				p.run("prune", "-q").want(0)
			}
		})
	}
	all.Wait()
	p.checkStore()
	p.run("prune").want(0)
	if rows := p.imageRows(); len(rows) != 2 || rows[0].Tag != "1.6" || rows[1].Tag != "1" {
		t.Errorf("images %v", rows)
	}
}

func TestStorePath(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	home := p.env["HOME"]
	for _, test := range []struct{ name, value, want string }{
		{"HOME", home, ".local/share/transship"},
		{"XDG_DATA_HOME", "not/absolute", ".local/share/transship"},
		{"XDG_DATA_HOME", filepath.Join(home, "data"), "data/transship"},
		{"TRANSSHIP_STORE", filepath.Join(home, "chosen"), "chosen"},
	} {
		p.env[test.name] = test.value
		dir := filepath.Join(home, test.want)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		p.run("pull", s.host+"/x:1").want(0)
		if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
			t.Errorf("%s=%s: %v", test.name, test.value, err)
		}
	}
	p.env = map[string]string{}
	p.run("images").want(cli.ExitUsage, "there is no folder for the local store", "hint: set TRANSSHIP_STORE")
}

func TestStoreErrors(t *testing.T) {
	p := newProgram(t)
	for name, test := range map[string]struct {
		code    int
		prepare func(path string)
	}{
		"other things in it": {cli.ExitFailed, func(path string) { p.writeFile("store/notes.txt", "x") }},
		"a file":             {cli.ExitFailed, func(path string) { p.writeFile("store", "x") }},
		"newer": {cli.ExitFailed,
			func(path string) { p.writeFile("store/oci-layout", `{"imageLayoutVersion":"2.0.0"}`) }},
		"damaged": {cli.ExitIntegrity, func(path string) {
			p.writeFile("store/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
			p.writeFile("store/index.json", `{"manifests":`)
		}},
	} {
		path := filepath.Join(p.env["HOME"], "store")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		test.prepare(path)
		p.env["TRANSSHIP_STORE"] = path
		t.Run(name, func(t *testing.T) {
			for _, line := range []string{"images", "pull x", "pull --plan x", "push x", "tag x y", "rmi x", "prune"} {
				p.run(strings.Fields(line)...).
					want(test.code, "the local store "+path+" cannot be used: ", "hint: set TRANSSHIP_STORE")
			}
		})
	}
}

// Root with another user's HOME, as under sudo, does not write into that user's store unless
// TRANSSHIP_STORE names it.
func TestStoreOfAnotherUser(t *testing.T) {
	p := newProgram(t)
	path := filepath.Join(p.env["HOME"], ".local", "share", "transship")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Skip("only root gives folders away: ", err)
	}
	for _, line := range []string{"pull x", "pull --plan x"} {
		p.run(strings.Fields(line)...).
			want(cli.ExitFailed, "it belongs to user 12345, and this is user 0", "hint: set TRANSSHIP_STORE")
	}
	p.env["TRANSSHIP_STORE"] = path
	p.run("images").want(cli.ExitDone)
}

// storePath returns the folder of the program's local store.
func (p *program) storePath() string {
	if dir := p.env["TRANSSHIP_STORE"]; dir != "" {
		return dir
	}
	if dir := p.env["XDG_DATA_HOME"]; filepath.IsAbs(dir) {
		return filepath.Join(dir, "transship")
	}
	return filepath.Join(p.env["HOME"], ".local", "share", "transship")
}

func (p *program) openStore() *layout.Dir {
	p.t.Helper()
	dir, err := layout.OpenDir(p.storePath())
	if err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// checkStore checks every file of the store against its digest, and that all images are complete.
func (p *program) checkStore() {
	p.t.Helper()
	for name, content := range p.storeBlobs() {
		if got := blob.FromBytes(content); got.Hex() != name {
			p.t.Errorf("blob %s has the content of %s", name, got)
		}
	}
	if o := p.run("images", "--json").want(0); o.stderr != "" {
		p.t.Errorf("images are not whole: %s", o.stderr)
	}
}

// storeBlobs returns the blobs of the store by their hex digests.
func (p *program) storeBlobs() map[string][]byte {
	p.t.Helper()
	dir := filepath.Join(p.storePath(), "blobs", "sha256")
	files, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		p.t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		if out[f.Name()], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
			p.t.Fatal(err)
		}
	}
	return out
}

// imageRows returns the images that the images command lists.
func (p *program) imageRows(args ...string) []store.ImageRow {
	p.t.Helper()
	var list store.ImageList
	if err := json.Unmarshal([]byte(p.run(append([]string{"images", "--json"}, args...)...).want(0).stdout),
		&list); err != nil {
		p.t.Fatal(err)
	}
	return list.Images
}
