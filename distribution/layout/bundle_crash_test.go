package layout

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tenImages returns contents that take long enough to write that the process can be killed
// meanwhile.
func tenImages(t testing.TB) *sample {
	s := newSample()
	for i := range 10 {
		layer := strings.Repeat(fmt.Sprint("layer ", i, " "), 10_000)
		s.addImage(fmt.Sprintf("halo:%d", i), s.image(t, "linux/amd64", layer, fmt.Sprint(i)))
	}
	return s
}

// TestWriterProcess is no test: [TestKilledWriterLeavesCompleteBundle] runs and kills it as a
// process. It prints a line after each step.
func TestWriterProcess(t *testing.T) {
	path := os.Getenv("LAYOUT_TEST_BUNDLE")
	if path == "" {
		t.Skip("TestKilledWriterLeavesCompleteBundle runs this")
	}
	s := tenImages(t)
	var volumeSize int64
	fmt.Sscan(os.Getenv("LAYOUT_TEST_VOLUME"), &volumeSize)
	b, err := CreateBundle(path, s.BundleContents, BundleFiles{VolumeSize: volumeSize})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range s.Blobs {
		fmt.Println("blob")
		if _, err := b.PutBlob(t.Context(), d, s.open(d)); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("commit")
	if _, err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func writeCommand(t *testing.T, path string, volumeSize int) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriterProcess$")
	cmd.Env = append(os.Environ(), "LAYOUT_TEST_BUNDLE="+path, fmt.Sprint("LAYOUT_TEST_VOLUME=", volumeSize))
	return cmd
}

// TestKilledWriterLeavesCompleteBundle kills a process at twenty points while it writes a bundle,
// split or not, with or without an earlier bundle to replace. Each time the bundle is complete or
// missing, and the next writer finishes it.
func TestKilledWriterLeavesCompleteBundle(t *testing.T) {
	old, s := threeImages(t), tenImages(t)
	reference, _ := s.bundle(t)
	want := mustRead(t, reference)
	rounds := 20
	if testing.Short() {
		rounds = 4
	}
	for i := range rounds {
		volumeSize, replaces := (i%2)*100_000, i%4 >= 2
		path := filepath.Join(t.TempDir(), "b.tar")
		if replaces {
			old.writeSplit(t, path, int64(volumeSize), old.Blobs)
		}
		killWriter(t, writeCommand(t, path, volumeSize))
		checkPublished(t, path)
		in := s.writeSplit(t, path, int64(volumeSize), s.Blobs)
		var joined []byte
		names := []string{"b.tar.json"}
		for _, v := range in.Volumes {
			joined = append(joined, mustRead(t, filepath.Join(filepath.Dir(path), v.File))...)
			names = append(names, v.File)
		}
		slices.Sort(names)
		if diff := cmp.Diff(names, fileNames(t, filepath.Dir(path))); diff != "" || !bytes.Equal(joined, want) {
			t.Errorf("volumes of %d: %d bytes, want %d, %s", volumeSize, len(joined), len(want), diff)
		}
	}
}

// killWriter starts a process and kills it a short time after a random number of steps.
func killWriter(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for range rand.IntN(45) { // of 31, so that many are killed in Commit
		if !lines.Scan() || lines.Text() == "commit" {
			break
		}
	}
	spin(rand.IntN(20))
	cmd.Process.Kill()
	cmd.Wait()
}

// checkPublished checks that a bundle is complete if its first volume exists.
func checkPublished(t *testing.T, path string) {
	t.Helper()
	a, err := OpenArchive(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrVolume) && !exists(volumePath(path, 0)) {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	defer a.Close()
	if bad := problems(t, a.Verify); bad != nil {
		t.Errorf("problems: %v", bad)
	}
}
