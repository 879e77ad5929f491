package e2e

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// kills is how often a program is killed.
const kills = 12

// killRepeatedly runs a command several times and kills each run at a random moment within the time
// that the command takes. After each run it calls check with whether the command had ended before.
func killRepeatedly(t *testing.T, p servers.Program, takes time.Duration, check func(ended bool), args ...string) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2)) // the same moments each time, as far as the machine is
	finished := 0
	for range kills {
		c := begin(t, p, args...)
		time.Sleep(time.Duration(random.Int64N(int64(takes))))
		_ = c.Process.Kill() // it may have ended
		ended := c.end(t).Exit == 0
		if ended {
			finished++
		}
		check(ended)
	}
	t.Logf("%d of %d had finished before they were killed", finished, kills)
	if finished == kills {
		t.Error("none was killed")
	}
}

// heavyImage returns an image that takes a moment to copy.
var heavyImage = sync.OnceValue(func() fixture.Image {
	return fixture.Synthetic(fixture.Spec{Seed: 17, Platforms: twoPlatforms, Shared: []int64{12 * mib},
		Layers: []int64{12 * mib, 100_000, 1000}})
})

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// A killed save leaves no bundle or a complete one, also in place of an earlier one, and the same
// command finishes it.
func TestKilledSave(t *testing.T) {
	t.Parallel()
	from := servers.CNCF(t, servers.Options{})
	ref, other := push(t, from, heavyImage(), "heavy", "1"), push(t, from, fixture.Real(), "src/repo", "1.6")
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	want, path := filepath.Join(dir, "want.tar"), filepath.Join(dir, "heavy.tar")
	began := time.Now()
	transship.Output(t, "save", "-o", want, ref, other)
	takes := time.Since(began)

	sound := func(bool) {
		if fileExists(path) {
			transship.Output(t, "verify", path)
		}
	}
	killRepeatedly(t, transship, takes, sound, "save", "-o", path, ref, other)
	transship.Output(t, "save", "-o", path, ref, other)
	transship.Output(t, "verify", path)
	a, errA := os.ReadFile(want)
	b, errB := os.ReadFile(path)
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("the bundle has other bytes than one that was written in peace: %v, %v", errA, errB)
	}
	if fileExists(path + ".partial") {
		t.Error("something unfinished is left beside it")
	}
}

// A killed pull leaves a sound store, and the same command finishes it.
func TestKilledPull(t *testing.T) {
	t.Parallel()
	from := servers.CNCF(t, servers.Options{})
	ref := push(t, from, heavyImage(), "heavy", "1")
	transship, _ := servers.Transship(t)
	began := time.Now()
	transship.Output(t, "pull", ref)
	takes := time.Since(began)

	store := filepath.Join(t.TempDir(), "store")
	transship.Env = append(transship.Env, "TRANSSHIP_STORE="+store)
	sound := func(ended bool) {
		if fileExists(filepath.Join(store, "oci-layout")) {
			transship.Output(t, "verify", store)
		}
		if ended {
			_ = os.RemoveAll(store) // the next one has everything before it again
		}
	}
	killRepeatedly(t, transship, takes, sound, "pull", ref)
	transship.Output(t, "pull", ref)
	transship.Output(t, "verify", store)
	if got := transship.Output(t, "images", "-q", "--no-trunc"); got != heavyImage().Root().Digest.String()+"\n" {
		t.Errorf("the store has %s", got)
	}
	transship.Output(t, "copy", "oci:"+store+":1",
		"oci-archive:"+filepath.Join(t.TempDir(), "x.tar")) // all of it can be read
}

// A prune removes nothing of what a pull has fetched and not finished, and neither disturbs the other.
func TestPruneDuringPull(t *testing.T) {
	t.Parallel()
	from := servers.CNCF(t, servers.Options{})
	ref := push(t, from, heavyImage(), "heavy", "1")
	transship, _ := servers.Transship(t)
	store := filepath.Join(t.TempDir(), "store")
	transship.Env = append(transship.Env, "TRANSSHIP_STORE="+store)
	pull := begin(t, transship, "pull", "--rate", "8MiB", ref)
	done := make(chan servers.Result)
	go func() { done <- pull.end(t) }()
	for prunes := 0; ; prunes++ {
		select {
		case got := <-done:
			if got.Exit != 0 || prunes == 0 {
				t.Errorf("exit %d after %d prunes\n%s", got.Exit, prunes, got.Stderr)
			}
			transship.Output(t, "prune", "--all")
			transship.Output(t, "verify", store)
			if got := transship.Output(t, "images", "-q", "--no-trunc"); got != heavyImage().Root().Digest.String()+"\n" {
				t.Errorf("the store has %s", got)
			}
			return
		default:
			transship.Output(t, "prune", "--all")
		}
	}
}
