package layout

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/manifest"
)

// TestMain lets the test program be another process, one that pushes into a folder.
func TestMain(m *testing.M) {
	path := os.Getenv("LAYOUT_TEST_PUSH")
	if path == "" {
		os.Exit(m.Run())
	}
	n, _ := strconv.Atoi(os.Getenv("LAYOUT_TEST_COUNT"))
	if err := pushImages(path, os.Getenv("LAYOUT_TEST_NAME"), n); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// pushImages pushes n lists of one image, each under a tag of its own, and prints the tags that are done.
func pushImages(path, name string, n int) error {
	d, err := OpenDir(path)
	if err != nil {
		return err
	}
	r := d.Repository("r")
	for i := range n {
		tag := name + strconv.Itoa(i)
		if err := pushImage(r, tag); err != nil {
			return err
		}
		fmt.Println(tag)
	}
	return nil
}

func pushImage(r *Repository, tag string) error {
	ctx := context.Background()
	content := make([]byte, 200_000)
	rand.Read(content)
	u, err := r.NewUpload(ctx, "")
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(content, 1000) {
		if _, err := u.Write(chunk); err != nil {
			return err
		}
	}
	layer := blob.FromBytes(content)
	if err := u.Commit(ctx, layer); err != nil {
		return err
	}
	im := fmt.Appendf(nil, `{"schemaVersion":2,"layers":[{"mediaType":"application/x","digest":%q,"size":%d}]}`, layer, len(content))
	ix := fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		manifest.MediaTypeOCIManifest, blob.FromBytes(im), len(im))
	if err := putRaw(r, string(blob.FromBytes(im)), im); err != nil {
		return err
	}
	return putRaw(r, tag, ix)
}

func putRaw(r *Repository, ref string, raw []byte) error {
	m, err := manifest.Parse("", raw)
	if err != nil {
		return err
	}
	return r.PutManifest(context.Background(), ref, m)
}

// pusher starts a process that pushes count images.
func pusher(t *testing.T, path, name string, count int) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), "LAYOUT_TEST_PUSH="+path, "LAYOUT_TEST_NAME="+name, "LAYOUT_TEST_COUNT="+strconv.Itoa(count))
	cmd.Stderr = os.Stderr
	return cmd
}

// TestKilledProcess kills a process at twelve points of a push: after each the folder is whole, what was done before is
// there, and the next process goes on.
func TestKilledProcess(t *testing.T) {
	path := t.TempDir()
	var done []string
	for i := range 12 {
		cmd := pusher(t, path, fmt.Sprintf("k%d-", i), 1000)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for range 1 + i%3 {
			if lines.Scan() {
				done = append(done, lines.Text())
			}
		}
		busy(i)
		cmd.Process.Kill()
		for lines.Scan() {
			done = append(done, lines.Text())
		}
		cmd.Wait()
		checkWhole(t, open(t, path), done)
	}
}

// busy takes a while that differs from call to call, and in which the other process gets somewhere else each time.
func busy(i int) {
	content := make([]byte, 100_000)
	for range i * 7 {
		blob.FromBytes(content)
	}
}

// checkWhole makes sure that every tag can be pulled, that those in want are among them, that every blob is what its
// name says, and that nothing unfinished is left.
func checkWhole(t *testing.T, d *Dir, want []string) {
	t.Helper()
	r := d.Repository("r")
	tags, err := r.Tags(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range tags {
		checkComplete(t, r, tag)
	}
	for _, tag := range want {
		if !slices.Contains(tags, tag) {
			t.Errorf("tag %s was done and is not there", tag)
		}
	}
	err = filepath.WalkDir(filepath.Join(d.path, blobsDir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if got := blob.FromBytes(b); got.Hex() != e.Name() {
			t.Errorf("blob %s holds %s", e.Name(), got)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(d.privatePath("tmp")); len(left) != 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestManyProcesses(t *testing.T) {
	path := t.TempDir()
	const processes, images = 4, 10
	var want []string
	var wg sync.WaitGroup
	for i := range processes {
		name := fmt.Sprintf("p%d-", i)
		for n := range images {
			want = append(want, name+strconv.Itoa(n))
		}
		wg.Go(func() {
			if out, err := pusher(t, path, name, images).Output(); err != nil || bytes.Count(out, []byte("\n")) != images {
				t.Errorf("process %s: %v, %q", name, err, out)
			}
		})
	}
	wg.Wait()
	checkWhole(t, open(t, path), want)
}

func TestManyGoroutines(t *testing.T) {
	d := open(t, t.TempDir())
	var want []string
	var wg sync.WaitGroup
	for i := range 20 {
		tag := strconv.Itoa(i)
		want = append(want, tag)
		wg.Go(func() {
			if err := pushImage(d.Repository("r"), tag); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkWhole(t, d, want)
}
