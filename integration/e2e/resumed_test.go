package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// bigLayer is the size of the layer in which a run is killed, when nine tenths of it have arrived.
const bigLayer = 120 * mib

// maxResumed is how much of it the next run may move.
const maxResumed = bigLayer * 12 / 100

// bigImage returns an image of one big layer.
var bigImage = sync.OnceValue(func() fixture.Image {
	return fixture.Synthetic(fixture.Spec{Seed: 23, Layers: []int64{bigLayer}})
})

// killAt kills a run as soon as arrived returns nine tenths of the layer.
func killAt(t *testing.T, p servers.Program, arrived func() int64, args ...string) {
	t.Helper()
	c := begin(t, p, args...)
	for deadline := servers.Deadline(t); arrived() < bigLayer*9/10; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			_ = c.Process.Kill()
			t.Fatalf("%d bytes have arrived: %+v", arrived(), c.end(t))
		}
	}
	_ = c.Process.Kill()
	if got := c.end(t); got.Exit != -1 {
		t.Fatalf("it was not killed: %+v", got)
	}
}

// largestFile returns a function that returns the size of the largest file that a pattern matches.
func largestFile(pattern ...string) func() int64 {
	return func() (size int64) {
		files, _ := filepath.Glob(filepath.Join(pattern...))
		for _, file := range files {
			if info, err := os.Stat(file); err == nil {
				size = max(size, info.Size())
			}
		}
		return size
	}
}

// uploadAt returns how much of an upload a registry has.
func uploadAt(at *servers.Registry, repository string) func() int64 {
	return largestFile(at.Dir, "data/docker/registry/v2/repositories", repository, "_uploads/*/data")
}

// moved is what audit show --json says of a run.
type moved struct {
	Total struct{ Sent, Received int64 } `json:"total"`
}

// runAudited runs a command and returns how many bytes its bodies had.
func runAudited(t *testing.T, p servers.Program, args ...string) moved {
	t.Helper()
	record := filepath.Join(t.TempDir(), "run.jsonl")
	p.Output(t, append(args, "--audit", record)...)
	var m moved
	if err := json.Unmarshal([]byte(p.Output(t, "audit", "show", "--json", record)), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// version is a version of the registry.
type version struct {
	start   func(testing.TB, servers.Options) *servers.Registry
	resumes bool // it says where the session of a request stands that broke off
}

// wantSent checks how many bytes the run after a killed one has sent.
func (v version) wantSent(t *testing.T, n int64) {
	t.Helper()
	if v.resumes == (n > maxResumed) || n > bigLayer+mib {
		t.Errorf("%d bytes were sent", n)
	}
}

// onBoth runs a test on both versions. 2.8 compares its own count of a session's bytes with that of the
// session's address, and after a request that broke off refuses every call to it: an upload begins anew.
func onBoth(t *testing.T, test func(*testing.T, version)) {
	t.Parallel()
	t.Run("CNCF 3", func(t *testing.T) { test(t, version{servers.CNCF, true}) })
	t.Run("CNCF 2.8", func(t *testing.T) { test(t, version{servers.Debian, false}) })
}

// A push that was killed sends what the registry lacks: of a folder's image, once in one request for a
// blob and once in chunks; and in one repository or another.
func TestKilledPushIsResumed(t *testing.T) {
	onBoth(t, func(t *testing.T, registry version) {
		to := registry.start(t, servers.Options{})
		transship, _ := servers.Transship(t)
		folder := "oci:" + filepath.Join(t.TempDir(), "layout") + ":1"
		im := bigImage()
		transship.Output(t, "copy", push(t, servers.CNCF(t, servers.Options{}), im, "big", "1"), folder)

		for repository, flags := range map[string][]string{"whole": nil, "chunks": {"--chunk-size=8MiB"}} {
			copyTo := append([]string{"copy", folder, to.Host + "/" + repository + ":1"}, flags...)
			killAt(t, transship, uploadAt(to, repository), append(copyTo, "--rate=40MiB/s")...)
			wantAbsent(t, to, repository, "1")
			registry.wantSent(t, runAudited(t, transship, copyTo...).Total.Sent)
			verify(t, to, im, repository, "1")
		}
		if left := largestFile(transshipState(t, transship), "*")(); left != 0 {
			t.Errorf("the journal has a file of %d bytes", left)
		}
	})
}

// transshipState returns the folder of the journal.
func transshipState(t *testing.T, p servers.Program) string {
	t.Helper()
	for _, variable := range p.Env {
		if home, ok := strings.CutPrefix(variable, "HOME="); ok {
			return filepath.Join(home, ".local/state/transship/uploads")
		}
	}
	t.Fatal("the program has no home")
	return ""
}

// A copy between registries that was killed also reads from the source what the target lacks, and at
// most the 16 MiB before it that lie between two states of the hash. --no-journal begins anew.
func TestKilledCopyIsResumed(t *testing.T) {
	onBoth(t, func(t *testing.T, registry version) {
		from, to := registry.start(t, servers.Options{}), registry.start(t, servers.Options{})
		im := bigImage()
		source := push(t, from, im, "big", "1")
		holds := startRelay(t, from.Host, relayOptions{holdAt: bigLayer * 98 / 100})
		transship, _ := servers.Transship(t)
		killAt(t, transship, uploadAt(to, "big"), "copy", holds.host+"/big:1", to.Host+"/big:1")
		m := runAudited(t, transship, "copy", source, to.Host+"/big:1")
		registry.wantSent(t, m.Total.Sent)
		if registry.resumes && m.Total.Received > maxResumed+16*mib {
			t.Errorf("%d bytes were received", m.Total.Received)
		}
		verify(t, to, im, "big", "1")

		holds = startRelay(t, from.Host, relayOptions{holdAt: bigLayer * 98 / 100})
		killAt(t, transship, uploadAt(to, "other"), "copy", holds.host+"/big:1", to.Host+"/other:1", "--no-journal")
		if m := runAudited(t, transship, "copy", source, to.Host+"/other:1"); m.Total.Sent < bigLayer {
			t.Errorf("with --no-journal %d bytes were sent", m.Total.Sent)
		}
		verify(t, to, im, "other", "1")
	})
}

// A pull, a copy into a folder and a save that were killed fetch what is missing.
func TestKilledFetchIsResumed(t *testing.T) {
	t.Parallel()
	from := servers.CNCF(t, servers.Options{})
	im := bigImage()
	source := push(t, from, im, "big", "1")
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	store, folder, bundle := filepath.Join(dir, "store"), filepath.Join(dir, "folder"), filepath.Join(dir, "big.tar")
	transship.Env = append(transship.Env, "TRANSSHIP_STORE="+store)
	for name, c := range map[string]struct {
		arrived func() int64
		args    func(source string) []string
		check   string
	}{
		"pull": {largestFile(store, ".transship/tmp/*"), func(s string) []string { return []string{"pull", s} }, store},
		"copy": {largestFile(folder, ".transship/tmp/*"),
			func(s string) []string { return []string{"copy", s, "oci:" + folder + ":1"} }, folder},
		"save": {noted(bundle + ".partial/filled"),
			func(s string) []string { return []string{"save", "-o", bundle, s} }, bundle},
	} {
		holds := startRelay(t, from.Host, relayOptions{holdAt: bigLayer * 98 / 100})
		killAt(t, transship, c.arrived, c.args(strings.Replace(source, from.Host, holds.host, 1))...)
		if name == "save" {
			// A bundle names its images by their registry: the same one is saved from the same place.
			holds.release()
			source = strings.Replace(source, from.Host, holds.host, 1)
		}
		if m := runAudited(t, transship, c.args(source)...); m.Total.Received > maxResumed || m.Total.Received < mib {
			t.Errorf("%s: %d bytes were received", name, m.Total.Received)
		}
		transship.Output(t, "verify", c.check)
	}
}

// noted returns a function that returns the largest offset that a bundle's notes have.
func noted(path string) func() int64 {
	return func() (offset int64) {
		f, err := os.Open(path)
		if err != nil {
			return 0
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if _, n, partly := strings.Cut(lines.Text(), " "); partly {
				at, _ := strconv.ParseInt(n, 10, 64)
				offset = max(offset, at)
			}
		}
		return offset
	}
}
