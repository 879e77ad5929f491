package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// Four workers share a registry. Two of them are killed and started again. The target then has what one
// worker alone brings, and the reports of all are one.
func TestKilledShards(t *testing.T) {
	t.Parallel()
	src, dst := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	images := map[string]fixture.Image{}
	for i := range 48 { // by their names, and the random ports of hosts, none of the workers has less than two
		name := fmt.Sprintf("team%d/app%d", i%3, i)
		images[name] = fixture.Synthetic(fixture.Spec{Seed: uint64(i + 1), Platforms: twoPlatforms, Layers: []int64{mib / 2}})
		push(t, src, images[name], name, "1.6")
	}
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	const workers = 4
	state := func(i int) string { return filepath.Join(dir, fmt.Sprint("state", i)) }
	start := func(i int, flags ...string) *child {
		return begin(t, transship, append([]string{"sync", "--all", src.Host, dst.Host, "--json",
			"--shard", fmt.Sprintf("%d/%d", i+1, workers), "--state", state(i)}, flags...)...)
	}
	var running []*child
	for i := range workers {
		if i < 2 {
			c := start(i, "--jobs", "1", "--rate", "1MiB/s")
			servers.Eventually(t, func() error { // it has finished an image, and has more
				raw, err := os.ReadFile(state(i) + ".run")
				if err == nil && bytes.Count(raw, []byte("\n")) < 2 {
					err = errors.New("no image is finished")
				}
				return err
			})
			_ = c.Process.Kill()
			if c.end(t).Exit == 0 {
				t.Fatal("the worker had ended before it was killed")
			}
		}
		running = append(running, start(i))
	}
	merge := []string{"report", "merge", "--json"}
	for i, c := range running {
		r := c.end(t)
		if i < 2 && !strings.Contains(r.Stderr, "resuming a run that did not end") {
			t.Errorf("worker %d does not resume: %s", i+1, r.Stderr)
		}
		if r.Exit != 0 {
			t.Fatalf("worker %d: exit %d\n%s", i+1, r.Exit, r.Stderr)
		}
		writeFile(t, dir, fmt.Sprint("report", i), r.Stdout)
		merge = append(merge, filepath.Join(dir, fmt.Sprint("report", i)))
	}
	var report struct {
		OK     bool
		Images []struct{ Target string }
	}
	if err := json.Unmarshal([]byte(transship.Output(t, merge...)), &report); err != nil || !report.OK {
		t.Errorf("%v, %+v", err, report)
	}
	if len(report.Images) != len(images) {
		t.Errorf("the report has %d images, want %d", len(report.Images), len(images))
	}
	for name, im := range images {
		verify(t, dst, im, name, "1.6")
	}
	for i := range workers {
		if _, err := os.Stat(state(i) + ".run"); !os.IsNotExist(err) {
			t.Errorf("worker %d leaves its log: %v", i+1, err)
		}
	}
}
