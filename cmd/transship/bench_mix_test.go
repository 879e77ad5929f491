package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/distribution/registry"
)

// mixHost is where the registry of a bubble listens.
const mixHost = "127.0.0.1:5000"

// mixResult is what bench mix --json prints.
type mixResult struct {
	OK        bool
	Corpus    string
	Scenarios []struct {
		Name                  string
		Percent               float64
		Due, Failed           int
		Errors                map[string]int
		Latency               struct{ P50Ns, P999Ns int64 }
		HistogramMicroseconds [][2]int64
	}
	Slices []struct{ Due, Ended int }
	Knee   struct {
		Rate  float64
		Found bool
	}
	Generator struct {
		Late, OutstandingMax int
		Bottleneck           bool
	}
}

// runMix runs bench mix against a registry, on the clock of a bubble.
func runMix(t *testing.T, handler func(http.Handler) http.Handler, args string) (o result, got mixResult, s *registry.Faults) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		home := t.TempDir()
		p := &program{t: t, ctx: t.Context(), network: &memoryNetwork{}, env: map[string]string{"HOME": home, "PATH": home}}
		defer p.network.close()
		s = &registry.Faults{Handler: &registry.Handler{Store: &registry.Memory{}}}
		p.network.serve(mixHost, handler(s))
		o = p.run(strings.Fields("bench mix --json --seed 7 --size 1KiB --images 3 " + args + " " + mixHost + "/bench")...)
		if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
			t.Errorf("%s\nprints %v", o.line, err)
		}
	})
	o.t = t
	return o, got, s
}

func unchanged(h http.Handler) http.Handler { return h }

// Shares are exact, every scenario succeeds, and the registry is empty afterwards.
func TestMix(t *testing.T) {
	o, got, s := runMix(t, unchanged, "--rate 50/s --read 50 --scenario resolve=2,pull,tags,referrers,push,mount=2,delete --for 5s --warmup 1s")
	o.want(0, "300 operations in 6s, at 50/s", "seed 7, corpus sha256:", "the generator started 0 operations 10ms late or more")
	want := map[string]int{"resolve": 50, "pull": 25, "tags": 25, "referrers": 25, "push": 31, "mount": 63, "delete": 31}
	for _, c := range got.Scenarios {
		buckets := 0
		for _, b := range c.HistogramMicroseconds {
			buckets += int(b[1])
		}
		if d := c.Due - want[c.Name]; d < -1 || d > 1 || c.Failed > 0 || buckets != c.Due {
			t.Errorf("%+v, not %d", c, want[c.Name])
		}
	}
	if len(got.Scenarios) != 7 || len(got.Slices) != 5 || got.Slices[4].Due != 50 {
		t.Errorf("%+v", got)
	}
	// A scenario's calls are those that its help names: the warm-up adds a fifth.
	for call, want := range map[string]int{
		"^HEAD .*/manifests/bench-": 60, "^GET .*/blobs/": 60, "^GET .*/tags/list": 30, "^GET .*/referrers/": 30, "^POST .*from=.*mount=": 75,
	} {
		if n := s.Count(call); n < want || n > want+6 {
			t.Errorf("%d calls are %s, not %d", n, call, want)
		}
	}
	for _, repo := range []string{"bench", "bench-pushed", "bench-mounted"} {
		if tags, _ := s.Handler.(*registry.Handler).Store.Repository(repo).Tags(t.Context()); len(tags) > 0 {
			t.Errorf("%s still has %q", repo, tags)
		}
	}
}

// One seed gives one corpus, whatever else is asked.
func TestMixCorpus(t *testing.T) {
	_, a, _ := runMix(t, unchanged, "--rate 5/s --for 1s --warmup 0s")
	_, b, _ := runMix(t, unchanged, "--rate 9/s --for 2s --warmup 1s --scenario pull")
	_, c, _ := runMix(t, unchanged, "--rate 5/s --for 1s --warmup 0s --seed 8")
	const want = "sha256:"
	if !strings.HasPrefix(a.Corpus, want) || a.Corpus != b.Corpus || a.Corpus == c.Corpus {
		t.Errorf("%s, %s, %s", a.Corpus, b.Corpus, c.Corpus)
	}
}

// A stall of one second in thirty is in p99.9. The requests that meet it are those that a closed loop
// would not have sent.
func TestMixShowsStall(t *testing.T) {
	var stall atomic.Int64
	o, got, _ := runMix(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			now := time.Now().UnixNano()
			if r.Method == http.MethodHead {
				stall.CompareAndSwap(0, now+10e9)
			}
			if begin := stall.Load(); begin > 0 && now >= begin && now < begin+1e9 {
				time.Sleep(time.Duration(begin + 1e9 - now))
			}
			h.ServeHTTP(w, r)
		})
	}, "--rate 50/s --scenario resolve --for 30s --warmup 0s")
	o.want(0)
	if c := got.Scenarios[0]; c.Due != 1500 || c.Failed > 0 || c.Latency.P999Ns < 900e6 || c.Latency.P50Ns > 100e6 {
		t.Errorf("%+v", c)
	}
	if got.Generator.OutstandingMax < 45 {
		t.Errorf("%d calls at once", got.Generator.OutstandingMax)
	}
}

// Errors are counted by class and no call is repeated.
func TestMixErrors(t *testing.T) {
	failing := func(h http.Handler) http.Handler {
		var n atomic.Int64
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/manifests/bench-") && n.Add(1)%3 == 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			if r.Method == http.MethodPost {
				r.URL.RawQuery = "" // no mounts
			}
			h.ServeHTTP(w, r)
		})
	}
	o, got, s := runMix(t, failing, "--rate 30/s --scenario resolve,mount --read 50 --for 6s --warmup 0s")
	o.want(1, "of 90 failed: 503", "mount: 90 of 90 failed: not mounted",
		"every mount failed: the registry opened an upload session in place of the mount")
	if n := got.Scenarios[0].Errors["503"]; n < 29 || n > 31 || s.Count("^HEAD .*/manifests/bench-") > 64 {
		t.Errorf("%d are 503, and %d HEADs got through", n, s.Count("^HEAD"))
	}
}

// A registry with one place, which takes 10 ms for a call, has its knee below 100 calls a second.
func TestMixKnee(t *testing.T) {
	slow := func(h http.Handler) http.Handler {
		place := make(chan struct{}, 1)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			place <- struct{}{}
			time.Sleep(10 * time.Millisecond)
			<-place
			h.ServeHTTP(w, r)
		})
	}
	o, got, _ := runMix(t, slow, "--rate 40..150/s --scenario resolve --for 11s --warmup 1s")
	o.want(0, "the knee is at 1")
	if !got.Knee.Found || got.Knee.Rate < 90 || got.Knee.Rate > 125 || len(got.Slices) != 11 {
		t.Errorf("%+v", got.Knee)
	}
}

// A registry that does not answer at the rate is to blame, and not the generator: the operations that waited
// for a place are counted, and a scenario of which none ended is an error.
func TestMixRegistryIsTheBottleneck(t *testing.T) {
	stuck := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/manifests/bench-") {
				select {
				case <-time.After(time.Minute):
				case <-r.Context().Done():
				}
			}
			h.ServeHTTP(w, r)
		})
	}
	o, got, _ := runMix(t, stuck, "--rate 20/s --scenario resolve --outstanding 4 --for 2s --warmup 0s")
	o.want(1, "resolve: 36 of 40 failed: unsent", "4 of 40 failed: unfinished", "at most 4 of 4 places were taken",
		"no resolve ended: the registry did not answer in time", "hint: give a lower --rate")
	if got.OK || got.Generator.Bottleneck || got.Generator.Late > 0 || got.Scenarios[0].Failed != 40 {
		t.Errorf("%+v", got)
	}
}

func TestMixUsageErrors(t *testing.T) {
	s := startServer(t)
	at := " " + s.host + "/x"
	for line, want := range map[string]wantedError{
		"--rate 0/s":                      {2, `"0/s" is no number of calls in a second`, ""},
		"--rate 9..5/s":                   {2, `"9..5/s" does not rise`, ""},
		"--rate 2000000/s":                {2, "is more than 1000000/s, the highest rate", ""},
		"--read 101":                      {2, `"101" is no number from 0 to 100`, ""},
		"--scenario pul":                  {2, `"pul" is none of resolve, pull, tags`, ""},
		"--scenario pull,pull":            {2, "pull is named twice", ""},
		"--scenario pull=0":               {2, `"0" is no number above 0`, ""},
		"--scenario pull --read 50":       {2, "a share of writes is given, and no scenario writes", "leave out --read"},
		"--scenario push --read 50":       {2, "a share of reads is given, and no scenario reads", "leave out --read"},
		"--for 10ms":                      {2, "--for 10ms is less than a second", ""},
		"--for 25h":                       {2, `"25h" is no time from 0s to 24h`, ""},
		"--outstanding 10001":             {2, "10001 operations at once are too many", "the maximum is 10000"},
		"--for 2h --scenario tags":        {9, "this takes 2h0m5s, which is more than an hour", "--yes"},
		"--size 1MiB":                     {9, "this moves about", "--yes"},
		"--rate 9000/s --scenario delete": {9, "this needs 585002 blobs and manifests to mount and delete", "--yes"},
		"--platforms linux/amd64":         {2, "unknown flag --platforms", "lists the flags"},
	} {
		newProgram(t).run(strings.Fields("bench mix " + line + at)...).wantError(want)
	}
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d calls", n)
	}
}

// What bench commands print under --json is what bench report reads.
func TestBenchReport(t *testing.T) {
	p := newProgram(t)
	var files []string
	for i, line := range []string{"push", "push", "mix --rate 5/s --for 1s --warmup 0s --images 2", "resolve --requests 2"} {
		o := p.run(strings.Fields("bench " + line + " --json --size 1KiB --seed 3")...).want(0)
		files = append(files, p.writeFile(fmt.Sprintf("%d.json", i), o.stdout))
	}
	html := filepath.Join(p.env["HOME"], "report.html")
	args := append([]string{"bench", "report", "--html", html, "old=" + files[0], "new=" + files[1]}, files[2:]...)
	o := p.run(args...).want(0, "Comparisons made: 1.")
	for _, want := range []string{"push/jobs=6/", "throughput\n", "  old ", "  new ", "mix/rate=5/read=75%/pull 18.8%/images=2", "resolve/jobs=6", "time of one"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("%s\nprints no %q:\n%s", o.line, want, o.stdout)
		}
	}
	p.run("bench", "report", files[0], files[1], files[0]).wantError(wantedError{2, "0.json has the run of", "leave it out"})
	if page, err := os.ReadFile(html); err != nil || !strings.HasSuffix(string(page), "</html>\n") {
		t.Errorf("the page: %v", err)
	}
}

func TestBenchReportErrors(t *testing.T) {
	p := newProgram(t)
	bad, other := p.writeFile("bad.json", "{"), p.writeFile("other.json", `{"ok":true,"images":[]}`)
	p.run("bench", "report", "x="+bad).wantError(wantedError{2, "bad.json: no JSON at byte 1", "print one with --json"})
	p.run("bench", "report", other).wantError(wantedError{2, "other.json: no result of a benchmark: it has no member benchmark", "print one with --json"})
	p.run("bench", "report", p.env["HOME"]+"/none.json").wantError(wantedError{4, "none.json: no such file or directory", ""})
	list := p.writeFile("list.json", "[]")
	p.run("bench", "report", list).wantError(wantedError{2, "list.json: no result of a benchmark: it must not be a JSON array", "print one"})
	p.run("bench", "report").wantError(wantedError{2, "want [LABEL=]FILE..., got 0 arguments", "usage: "})
}

// The command in a result can be given to a shell again.
func TestBenchCommandIsForAShell(t *testing.T) {
	o := newProgram(t).run("bench", "push", "--json", "--size", "1KiB", "--seed", "3", "--label", "it's CNCF 3").want(0)
	var got struct{ Command string }
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if want := `transship bench push --json=true '--label=it'\''s CNCF 3' --seed=3 --size=1KiB`; got.Command != want {
		t.Errorf("%s, not %s", got.Command, want)
	}
}
