package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// A low rate limit is reported once, and the copy goes on.
func TestRateLimitNoteIsPrintedOnce(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "/manifests/", Header: map[string]string{"ratelimit-remaining": "3;w=21600"}})
	o := c.run("copy", c.src, c.dst).want(0, ": 3 calls are left in its rate limit")
	if n := len(linesWithPrefix(o.stderr, c.source.host+": ")); n != 1 {
		t.Errorf("said %d times:\n%s", n, o.stderr)
	}
}

// --ranges fetches large blobs in ranges. A registry without ranges gives the same copy.
func TestRanges(t *testing.T) {
	c := newCopySetup(t)
	from, source := link{}.startRegistry(t)
	from.pushList("big/layer", "1", from.pushImage("big/layer", "", "linux/amd64", randomBytes(1, 33<<20)))
	for name, test := range map[string]struct {
		flag  string
		rule  registry.Rule
		calls int // GETs of the layer and the config
	}{
		"in ranges":        {"--ranges=3", registry.Rule{}, 2*33 + 1},
		"none":             {"--ranges=1", registry.Rule{}, 1 + 1},
		"where it is fast": {"-q", registry.Rule{}, 1 + 1},
		"one breaks off": {"--ranges=3", registry.Rule{Match: "^GET .*/blobs/", Skip: 20, Times: 1,
			Cut: registry.CutResponse, After: 1000}, 100},
		"the registry has none": {"--ranges=3", registry.Rule{Edit: func(h http.Header) { h.Del("Content-Range") }},
			3*3 + 1 + 1},
	} {
		source.reset(0)
		from.Set(test.rule)
		c.run("copy", test.flag, from.host+"/big/layer:1", "null:").want(0)
		if n := source.total("GET blobs"); n > test.calls {
			t.Errorf("%s: %d GETs of blobs, want at most %d", name, n, test.calls)
		}
		if name == "in ranges" && source.total("GET blobs") != test.calls {
			t.Errorf("%s: %d GETs of blobs, want %d", name, source.total("GET blobs"), test.calls)
		}
	}
	from.Set()
	c.run("copy", "--ranges=3", from.host+"/big/layer:1", c.dst).want(0)
	c.run("copy", c.dst, "null:").want(0)
}

// Ranges after the first go directly to the storage that the registry redirects to. A script made
// of the audit does the same.
func TestRangesOfRedirectedBlob(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	from, source := link{}.startRegistry(t)
	from.pushList("big/layer", "1", from.pushImage("big/layer", "", "linux/amd64", randomBytes(1, 33<<20)))
	host := listen(t, redirectBlobs(t, source))
	file := filepath.Join(c.env["HOME"], "audit.jsonl")
	c.run("copy", "--ranges=3", "--audit", file, host+"/big/layer:1", c.dst).want(0)
	_, entries := readAudit(t, file)
	registry, storage := 0, 0
	for _, e := range entries {
		if e.Method != http.MethodGet || e.Why.Blob == "" {
			continue
		}
		if e.Row == "end-2" {
			registry++
		} else if e.Row == "redirect" && e.Why.RedirectOf != 0 {
			storage++
		}
	}
	if registry != 2 || storage != 2*33+1 {
		t.Errorf("%d GETs of blobs to the registry and %d to the storage, want 2 and %d", registry, storage, 2*33+1)
	}
	if testing.Short() {
		return // some hundred runs of curl take long
	}
	fresh := startServer(t)
	_, out, err := runScript(t, c.run("audit", "curl", file).want(0).stdout, hostVariable(c.target.host)+
		"=http://"+fresh.host)
	if err != nil || !fresh.has("dst/repo", "1.6") {
		t.Errorf("error %v: %s", err, out)
	}
}

// A stalled download is dropped and resumed at its offset.
func TestStalledDownloadResumes(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	hung := make(chan struct{})
	t.Cleanup(func() { close(hung) })
	var stalled atomic.Bool
	host := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/blobs/") || !stalled.CompareAndSwap(false, true) {
			c.source.Faults.ServeHTTP(w, r)
			return
		}
		whole := httptest.NewRecorder()
		c.source.Faults.ServeHTTP(whole, r)
		w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
		_, _ = w.Write(whole.Body.Bytes()[:2])
		_ = http.NewResponseController(w).Flush()
		select {
		case <-hung:
		case <-r.Context().Done():
		}
	}))
	c.run("copy", "--jobs=1", "--stall=1s", "--platform=linux/arm64", host+"/src/repo:1.6", "null:").want(0)
	if !stalled.Load() {
		t.Error("nothing stalled")
	}
}

// A copy that asks a mute registry again says so: with the default of --stall it would be silent for six minutes.
func TestCopyFromMuteRegistrySaysThatItRetries(t *testing.T) {
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	host := listen(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	p := newProgram(t)
	o := p.run("copy", "--stall=1s", host+"/src/repo:1.6", "null:")
	o.want(5)
	if !strings.Contains(o.stderr, host+": no answer within 1s; retrying\n") {
		t.Errorf("%s does not say that it tries again: %s", o.line, o.stderr)
	}
}

// A host that takes calls and never answers is reported after --stall, by every command that waits
// for a document: it is asked once.
func TestMuteRegistryIsReported(t *testing.T) {
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	var calls atomic.Int32
	host := listen(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	ref := host + "/src/repo:1.6"
	for _, line := range [][]string{
		{"digest", ref}, {"inspect", ref}, {"verify", ref}, {"tags", host + "/src/repo"}, {"probe", host},
		{"login", "-u", "me", "-p", "x", host}, {"manifest", "inspect", ref}, {"manifest", "create", "halo:1", ref},
	} {
		t.Run(line[0], func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			p.run(append(line, "--stall=1s")...).wantError(wantedError{5, host + ": no answer within 1s", "--stall 10m"})
			if len(p.waits) != 0 {
				t.Errorf("%v waits %v to repeat the call", line, p.waits)
			}
		})
	}
	t.Cleanup(func() {
		if n := calls.Load(); n != 8 {
			t.Errorf("%d calls, want one for each command", n)
		}
	})
}

func TestSpeedFlagErrors(t *testing.T) {
	c := newCopySetup(t)
	for flag, message := range map[string]string{
		"--rate=fast":  `--rate: "fast" is not a number of bytes per second, such as 20MiB/s`,
		"--rate=0":     `--rate: "0" is not a number of bytes per second`,
		"--stall=1":    `--stall: "1" is not a time of a second or more, such as 30s`,
		"--stall=10ms": `--stall: "10ms" is not a time of a second or more`,
		"--ranges=0":   `--ranges: "0" is not a whole number from 1 to 64`,
		"--ranges=65":  `--ranges: "65" is not a whole number from 1 to 64`,
		"--jobs=0":     `--jobs: "0" is not a whole number of 1 or more`,
	} {
		c.run("copy", flag, c.src, c.dst).want(cli.ExitUsage, message)
	}
}

// --rate holds for the whole run. Package wire tests the pace itself.
func TestRateLimitsRun(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	began := time.Now()
	c.run("copy", "--rate=200k/s", "null:100k", c.dst).want(0)
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("100 KiB at 200 KiB/s took %s", took)
	}
}
