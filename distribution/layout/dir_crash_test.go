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

// TestMain also runs the test program as another process that pushes into a folder.
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

// pushImages pushes n indexes of one image, each under its own tag, and prints each tag when it is
// done.
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
	im := fmt.Appendf(nil, `{"schemaVersion":2,"layers":[{"mediaType":"application/x","digest":%q,"size":%d}]}`,
		layer, len(content))
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

// pushCommand returns a process that pushes count images.
func pushCommand(t *testing.T, path, name string, count int) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(),
		"LAYOUT_TEST_PUSH="+path, "LAYOUT_TEST_NAME="+name, "LAYOUT_TEST_COUNT="+strconv.Itoa(count))
	cmd.Stderr = os.Stderr
	return cmd
}

// TestKilledPushLeavesCompleteFolder kills a process at twelve points of a push. Each time the
// folder is complete, everything pushed before is there, and the next process continues.
func TestKilledPushLeavesCompleteFolder(t *testing.T) {
	path := t.TempDir()
	var done []string
	for i := range 12 {
		cmd := pushCommand(t, path, fmt.Sprintf("k%d-", i), 1000)
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
		spin(i)
		cmd.Process.Kill()
		for lines.Scan() {
			done = append(done, lines.Text())
		}
		cmd.Wait()
		checkDir(t, openDir(t, path), done)
	}
}

// spin takes a time that grows with i, so that the other process is at a different point each time.
func spin(i int) {
	content := make([]byte, 100_000)
	for range i * 7 {
		blob.FromBytes(content)
	}
}

// checkDir checks that every tag can be pulled, that those in want exist, that every blob matches
// its digest, and that no temporary files are left.
func checkDir(t *testing.T, d *Dir, want []string) {
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
			t.Errorf("tag %s was pushed and is missing", tag)
		}
	}
	err = filepath.WalkDir(filepath.Join(d.path, blobsDir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if got := blob.FromBytes(b); got.Hex() != e.Name() {
			t.Errorf("blob %s has the digest %s", e.Name(), got)
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

func TestProcessesPushAtOnce(t *testing.T) {
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
			if out, err := pushCommand(t, path, name, images).Output(); err != nil || bytes.Count(out, []byte("\n")) != images {
				t.Errorf("process %s: %v, %q", name, err, out)
			}
		})
	}
	wg.Wait()
	checkDir(t, openDir(t, path), want)
}

func TestGoroutinesPushAtOnce(t *testing.T) {
	d := openDir(t, t.TempDir())
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
	checkDir(t, d, want)
}
