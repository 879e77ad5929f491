package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// benchNames checks the format of a benchmark's lines and returns their names.
func benchNames(t *testing.T, stdout string) (names []string) {
	t.Helper()
	for line := range strings.Lines(stdout) {
		if !strings.HasPrefix(line, "Benchmark") {
			if !regexp.MustCompile(`^((goos|goarch|pkg|cpu): .+|Unit \S+ better=lower)\n$`).MatchString(line) {
				t.Errorf("a line of no kind: %q", line)
			}
			continue
		}
		if !regexp.MustCompile(`^Benchmark[A-Z]\S*\t +\d+(\t[0-9.]+ \S+)+\n$`).MatchString(line) {
			t.Errorf("no line of a benchmark: %q", line)
		}
		name, _, _ := strings.Cut(line, "\t")
		names = append(names, regexp.MustCompile(`-\d+$`).ReplaceAllString(name, ""))
	}
	return names
}

// wantEmpty checks that something was put into the registry and that all of it was deleted.
func (s *server) wantEmpty() {
	s.t.Helper()
	put := 0
	for _, r := range s.Requests() {
		if r.Method != http.MethodPut {
			continue
		}
		put++
		path := r.URL
		if at := strings.Index(path, "/blobs/uploads/"); at >= 0 {
			_, digest, _ := strings.Cut(path, "digest=")
			path = path[:at] + "/blobs/" + strings.ReplaceAll(digest, "%3A", ":")
		}
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodHead, path, nil))
		if w.Code != http.StatusNotFound {
			s.t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
	if put == 0 {
		s.t.Error("nothing was put")
	}
}

func TestBenchWithoutTarget(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"push": "Push", "pull": "Pull", "copy": "Copy", "mount": "Mount",
		"resolve": "Resolve"} {
		o := newProgram(t).run("bench", kind, "--size", "2x10KiB,100", "--count", "2", "--jobs", "auto,3").
			want(0, "3 rounds of 2 combinations", "seed ", "a round takes", kind+" jobs=auto: ", kind+" jobs=3: ")
		var names []string
		for _, jobs := range []string{"auto", "3", "3", "auto"} {
			names = append(names, "Benchmark"+want+"/jobs="+jobs+"/platforms=1/layers=3/size=2x10KiB,100")
		}
		if got := benchNames(t, o.stdout); !slices.Equal(got, names) {
			t.Errorf("%s prints\n%s\nwant %q", o.line, o.stdout, names)
		}
		if strings.Contains(o.stderr, "left on") || strings.Contains(o.stderr, "already there") ||
			strings.Contains(o.stderr, "not mounted") {
			t.Errorf("%s says\n%s", o.line, o.stderr)
		}
	}
}

func TestBenchDeletesItsContent(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"push A/bench", "push A/bench --warm", "pull A/bench", "pull --warm A/bench", "copy A/bench B/bench",
		"copy A/bench", "copy --warm A/a B/b",
		"mount A/bench", "mount A/bench A/other", "resolve A/bench",
	} {
		t.Run(line, func(t *testing.T) {
			a, b := startServer(t), startServer(t)
			line := strings.NewReplacer("A/", a.host+"/", "B/", b.host+"/").
				Replace("bench " + line + " --platforms linux/amd64,linux/arm64 --size 2KiB --count 2")
			o := newProgram(t).run(strings.Fields(line)...).want(0)
			if strings.Contains(o.stderr, "left on") {
				t.Errorf("%s\nsays %s", o.line, o.stderr)
			}
			a.wantEmpty()
			if strings.Contains(line, b.host) {
				b.wantEmpty()
			}
		})
	}
}

func TestBenchReportsContentLeft(t *testing.T) {
	s := startServer(t)
	s.Set(registry.Rule{Match: "^DELETE", Status: 405})
	newProgram(t).run("bench", "push", "--size", "2x1KiB", "--count", "3", "--seed", "7", s.host+"/bench").
		want(0, "left on "+s.host+"/bench: 4 manifests, 12 blobs of 9.1 kB: ", "405")
	if n := s.Count("^DELETE"); n > 8 { // blobs are removed several at a time
		t.Errorf("it was asked %d times", n)
	}
	// Content left by another run is found and reported, and not deleted by this one.
	s.Set()
	newProgram(t).run("bench", "push", "--size", "2x1KiB", "--count", "3", "--seed", "7", s.host+"/bench").
		want(0, "9 of 9 blobs were already there and did not move; another --seed makes new ones")
}

func TestBenchOfRefusingRegistry(t *testing.T) {
	for name, x := range map[string]struct {
		rule registry.Rule
		want wantedError
		left bool // content arrived that cannot be deleted
	}{
		"every push": {registry.Rule{Match: "^POST", Status: 403},
			wantedError{3, "403 Forbidden", "transship login"}, false},
		"uploads": {registry.Rule{Match: "^POST", Status: 405},
			wantedError{1, "405 Method Not Allowed", "read-only"}, false},
		"one manifest": {registry.Rule{Match: "^PUT .*/manifests/", Skip: 1, Status: 400},
			wantedError{1, "400 Bad Request", ""}, true},
		"large requests": {registry.Rule{Match: "^(PUT|PATCH)", Status: 413},
			wantedError{1, "413 ", "client_max_body_size"}, false},
		"what is full": {registry.Rule{Match: "^PUT .*/uploads/", Skip: 3, Status: 507},
			wantedError{1, "507 Insufficient Storage", "free space at the registry"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			s.Set(x.rule, registry.Rule{Match: "^DELETE", Status: 405})
			o := newProgram(t).
				run("bench", "push", "--size", "2x1KiB", "--count", "3", "--warmup", "0", s.host+"/bench")
			o.wantError(x.want)
			if got := strings.Contains(o.stderr, "left on "); got != x.left {
				t.Errorf("it says\n%s", o.stderr)
			}
		})
	}
}

// The interrupted upload or manifest arrives at the registry; only its answer is lost. It must be
// deleted all the same.
func TestInterruptedBenchDeletesItsContent(t *testing.T) {
	for what, nth := range map[string]int{"/uploads/": 5, "/manifests/": 2} {
		s := startServer(t)
		ctx, stop := context.WithCancelCause(t.Context())
		puts := 0
		host := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, what) {
				if puts++; puts == nth {
					s.ServeHTTP(httptest.NewRecorder(), r)
					stop(cli.ErrInterrupted)
					<-r.Context().Done() // the client has gone
					return
				}
			}
			s.ServeHTTP(w, r)
		}))
		p := newProgram(t)
		p.ctx = ctx
		p.run("bench", "push", "--jobs", "1", "--size", "2x1KiB", host+"/bench").
			wantError(wantedError{130, "transship bench push: interrupted", ""})
		s.wantEmpty()
	}
}

func TestBenchCopyWithinRegistryWarns(t *testing.T) {
	s := startServer(t)
	newProgram(t).run("bench", "copy", "--size", "1KiB", "--layers", "2", "--count", "1", "--warmup", "0",
		s.host+"/a", s.host+"/b").
		want(0, "1 round of 1 combination: ",
			"3 of 3 blobs were mounted and did not move: both repositories are on one registry")
}

func TestBenchUploadModes(t *testing.T) {
	s := startServer(t)
	o := newProgram(t).run("bench", "push", "--upload", "put,patch,chunk=4KiB", "--size", "1x10KiB", "--count", "1",
		"--warmup", "0", "--jobs", "1", s.host+"/bench").want(0)
	// A layer of 10 KiB and a config: with put one PUT each, with patch one PATCH and one PUT each,
	// with chunks three PATCHes for the layer and one PUT each.
	if put, patch := s.Count("^PUT .*/uploads/"), s.Count("^PATCH"); put != 6 || patch != 5 {
		t.Errorf("%s\nmakes %d PUTs and %d PATCHes", o.line, put, patch)
	}
	want := []string{"/upload=put/", "/upload=patch/", "/upload=chunk4KiB/"}
	for i, name := range benchNames(t, o.stdout) {
		if !strings.Contains(name, want[i]) {
			t.Errorf("line %d is of %s", i, name)
		}
	}
}

// Only --jobs auto obeys the rate limit that a host announces. Each of its rounds begins without
// knowing the limit, as a new command does.
func TestBenchAutoJobs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.Set(registry.Rule{Header: map[string]string{"Ratelimit-Remaining": "5"}})
	for jobs, want := range map[string]int{"4": 0, "auto": 3, "auto,4": 3} {
		o := newProgram(t).run("bench", "push", "--jobs", jobs, "--size", "1KiB", "--count", "2", s.host+"/bench").
			want(0)
		if got := strings.Count(o.stderr, "5 calls are left in its rate limit"); got != want {
			t.Errorf("%s\nhas %d turns that know it, not %d:\n%s", o.line, got, want, o.stderr)
		}
	}
}

// Each buffer size is a combination of its own, with its own connections.
func TestBenchBufferSizes(t *testing.T) {
	s := startServer(t)
	for _, kind := range []string{"push", "pull", "copy"} {
		o := newProgram(t).run("bench", kind, "--buffer", "16KiB,64KiB", "--size", "1x1MiB", "--count", "1", "--warmup",
			"0", s.host+"/bench").want(0)
		if names := benchNames(t, o.stdout); len(names) != 2 || !strings.Contains(names[0], "/buffer=16KiB/") ||
			!strings.Contains(names[1], "/buffer=64KiB/") {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
	}
}

func TestBenchRanges(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := newProgram(t).run("bench", "pull", "--ranges", "1,4", "--warm", "--size", "1x33MiB", "--count", "1",
		"--warmup", "0", s.host+"/bench").want(0)
	names := benchNames(t, o.stdout)
	if len(names) != 2 || !strings.Contains(names[0], "/ranges=1/") || !strings.Contains(names[1], "/ranges=4/") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	whole, parts := 0, 0
	for _, r := range s.Requests() {
		if r.Method == http.MethodGet && strings.Contains(r.URL, "/blobs/") {
			if r.Header.Get("Range") == "" {
				whole++
			} else {
				parts++
			}
		}
	}
	if whole < 2 || parts < 2 {
		t.Errorf("%d blobs were read whole, and %d ranges", whole, parts)
	}
}

func TestBenchReportsMissingMounts(t *testing.T) {
	s := startServer(t)
	s.Set(registry.Rule{Match: "mount=", DropQuery: []string{"mount", "from"}})
	newProgram(t).run("bench", "mount", "--size", "2x1KiB", "--count", "2", s.host+"/bench").
		want(0, "6 of 6 blobs were not mounted but sent: the registry does not mount them")
}

func TestBenchJSONAndPage(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	file := filepath.Join(p.env["HOME"], "page.html")
	o := p.run("bench", "push", "--json", "--html", file, "--limit", "--size", "2x1KiB", "--count", "2", "--seed", "3").
		want(0, "the minimum: plain TCP on loopback ", " on 1 processor", "times the minimum")
	var got struct {
		Benchmark string
		Seed      uint64
		Cells     []struct {
			Name   string
			Rounds []struct{ Ns, Bytes, Calls int64 }
		}
		Limit struct {
			Link, SHA256 []struct{ BytesPerSecond float64 }
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.Benchmark != "push" || got.Seed != 3 || len(got.Cells) != 1 || len(got.Cells[0].Rounds) != 2 ||
		len(got.Limit.Link) != 2 {
		t.Errorf("%+v", got)
	}
	// One HEAD, two calls for each of two layers and the config, and the PUT of the manifest.
	if r := got.Cells[0].Rounds[0]; r.Calls != 8 || r.Bytes < 2048 || r.Ns <= 0 {
		t.Errorf("%+v", r)
	}
	page, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(string(page), "</html>\n") ||
		!strings.Contains(string(page), "<h2>One round, call by call</h2>") {
		t.Errorf("the page: %v\n%s", err, page)
	}
	if names, _ := filepath.Glob(filepath.Join(p.env["HOME"], "*")); len(names) != 1 {
		t.Errorf("there are %q", names)
	}
}

// An unwritable page fails the run before any call is made. A run that fails leaves no page.
func TestBenchPageErrors(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	p.run("bench", "push", "--size", "1KiB", "--html", filepath.Join(p.env["HOME"], "none", "page.html"),
		s.host+"/bench").
		wantError(wantedError{4, "/none/page.html: no such file or directory", ""})
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d calls", n)
	}
	s.Set(registry.Rule{Match: "^POST", Status: 403})
	p.run("bench", "push", "-q", "--size", "1KiB", "--html", filepath.Join(p.env["HOME"], "page.html"),
		s.host+"/bench").want(3)
	if names, _ := filepath.Glob(filepath.Join(p.env["HOME"], "*")); len(names) > 0 {
		t.Errorf("it leaves %q", names)
	}
}

// limitedWriter fails after left writes.
type limitedWriter struct{ left int }

func (c *limitedWriter) Write(p []byte) (int, error) {
	if c.left--; c.left < 0 {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

// A benchmark stops when its result cannot be written.
func TestBenchStopsOnWriteError(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	p.stdout = &limitedWriter{left: 2} // the header and one line
	p.run("bench", "push", "--size", "1KiB", "--count", "50", s.host+"/bench").
		wantError(wantedError{1, "writing the result: no space left", ""})
	if n := s.Count("^PUT .*/manifests/"); n != 3 { // the warm-up, the round of the written line, and the failed one
		t.Errorf("%d images were pushed", n)
	}
	s.wantEmpty()
}

// The addresses are reserved for documentation (RFC 5737, RFC 3849); nothing is sent to them.
func TestBenchAsksBeforeLargeRuns(t *testing.T) {
	s := startServer(t)
	yes := "give --yes to do it anyway"
	for line, want := range map[string]string{
		"push --size 1x2GiB":                                        "this moves about 15 GB, which is more than 1 GiB",
		"push --size 1x40MiB --count 30 " + s.host + "/x":           "this moves about 1.3 GB, which is more than 1 GiB",
		"pull --size 1x100MiB --count 5 " + s.host + "/x":           "this moves about 1.3 GB, which is more than 1 GiB",
		"push --size 9000x9000GiB --count 99999999":                 "this moves about",
		"push --size 1KiB --count 9223372036854775807":              "this moves about",
		"push --size 1KiB --warmup 9223372036854775807":             "this moves about",
		"resolve --requests 9223372036854775807 " + s.host + "/x":   "this takes about ",
		"resolve --requests 99999999 --jobs 1 " + s.host + "/x":     "this takes about ",
		"push --size 1KiB --count 1 203.0.113.7:5000/x":             "203.0.113.7:5000 is not on this machine or a private network",
		"push --size 1KiB --count 1 [2001:db8::1]:5000/x":           "[2001:db8::1]:5000 is not on this machine or a private network",
		"copy --size 1KiB --count 1 " + s.host + "/x 203.0.113.7/x": "203.0.113.7 is not on this machine or a private network",
	} {
		newProgram(t).run(strings.Fields("bench " + line)...).wantError(wantedError{9, want, yes})
	}
	if n := len(s.Requests()); n > 0 {
		t.Errorf("%d calls", n)
	}
	newProgram(t).run("bench", "push", "--size", "1x1KiB", "--count", "2", "--yes", s.host+"/x").want(0)
}

func TestBenchUsageErrors(t *testing.T) {
	for line, want := range map[string]wantedError{
		"bench":                             {2, "bench needs a command after it", "transship bench -h"},
		"bench pusch":                       {2, `unknown command "bench pusch"`, "did you mean bench push?"},
		"bench push a b":                    {2, "want [TARGET], got 2 arguments", "usage: transship bench push"},
		"bench push --jobs 0":               {2, `--jobs: "0" is neither a whole number from 1 on nor auto`, ""},
		"bench push --jobs 1,,2":            {2, `--jobs: "" is neither a whole number from 1 on nor auto`, ""},
		"bench push --jobs 4,most":          {2, `--jobs: "most" is neither a whole number from 1 on nor auto`, ""},
		"bench push --buffer 1KiB":          {2, "--buffer: 1KiB is not from 4KiB to 64MiB", ""},
		"bench push --buffer 32KiB,":        {2, "--buffer: ", ""},
		"bench pull --ranges auto":          {2, `--ranges: "auto" is not a whole number from 1 to 64`, ""},
		"bench push --count 0":              {2, `--count: "0" is not a whole number of 1 or more`, ""},
		"bench push --warmup -1":            {2, `--warmup: "-1" is no whole number from 0 on`, ""},
		"bench push --layers 0":             {2, `--layers: "0" is not a whole number of 1 or more`, ""},
		"bench push --layers 10001":         {2, "too many for a manifest", "the maximum is 10000"},
		"bench push --size 0":               {2, `--size: "0" is not a number of bytes`, ""},
		"bench push --size 3x":              {2, `--size: "" is not a number of bytes`, ""},
		"bench push --size x4MiB":           {2, `--size: "x4MiB": "" is not a whole number of 1 or more`, ""},
		"bench push --size 0x4MiB":          {2, `"0" is not a whole number of 1 or more`, ""},
		"bench push --size 1MiB,big":        {2, `--size: "big" is not a number of bytes`, ""},
		"bench push --size 99999x1KiB":      {2, "more than 10000 layers", ""},
		"bench push --size 9x4000000000GiB": {2, "layers of that size cannot be", ""},
		"bench push --size 2x1KiB --layers 3": {2, "--size and --layers both say how many layers there are",
			"leave out one"},
		"bench push --compressible 1.5":      {2, `--compressible: "1.5" is no number from 0 to 1`, ""},
		"bench push --compressible NaN":      {2, `--compressible: "NaN" is no number from 0 to 1`, ""},
		"bench push --seed -1":               {2, `--seed: "-1" is no whole number`, ""},
		"bench push --upload post":           {2, `--upload: "post" is none of put, patch and chunk=SIZE`, ""},
		"bench push --upload chunk=0":        {2, `--upload: "0" is not a number of bytes`, ""},
		"bench push --platforms linux/a/b/c": {2, "invalid platform", ""},
		"bench push --http2":                 {2, "speaks HTTP/1.1 only", "leave out --http2"},
		"bench push localhost:1/a:tag":       {2, "invalid reference", "TARGET is a repository"},
		"bench push localhost:5000":          {2, "localhost:5000 is a registry", "TARGET is a repository"},
		"bench mount localhost:1/a localhost:2/a": {2, "mounts are between repositories of one registry",
			"the same host"},
		"bench copy localhost:1/a localhost:1/a": {2, "localhost:1/a is named twice", "moves nothing"},
		"bench pull --upload put":                {2, "unknown flag --upload", "lists the flags"},
		"bench resolve --warm":                   {2, "unknown flag --warm", "did you mean --warmup?"},
	} {
		newProgram(t).run(strings.Fields(line)...).wantError(want)
	}
}

// The benchmark moves more bytes than the process may allocate. Both registries run in this
// process.
func TestBenchDoesNotBufferBlobs(t *testing.T) {
	for _, kind := range []string{"push", "copy"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		newProgram(t).run("bench", kind, "-q", "--size", "2x24MiB", "--count", "1", "--warmup", "0").want(0)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
			t.Errorf("bench %s of 48 MiB allocates %d MiB", kind, got>>20)
		}
	}
}

// Beyond loopback, --limit measures the link with blobs that it puts there and deletes again.
func TestBenchMeasuresLink(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	host := listenNonLoopback(t, s)
	o := newProgram(t).run("bench", "pull", "--plain-http", "--yes", "--limit", "--size", "1KiB", "--layers", "2",
		"--count", "1", "--warmup", "0", "--jobs", "3", host+"/bench").
		want(0, "the minimum: GETs of blobs from "+host+"/bench ", "/s on 3 connections; SHA-256 ")
	names := benchNames(t, o.stdout)
	if len(names) < 4 || names[0] != "BenchmarkLimitLink/conns=1" || names[1] != "BenchmarkLimitLink/conns=3" {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	// A manifest, a config and a layer for each of three connections; then the image.
	if n := s.Count("^DELETE"); n != 1+4+1+3 {
		t.Errorf("%d are removed", n)
	}
	s.wantEmpty()
}

// listenHTTP2 serves HTTP/2 over TLS on loopback, and returns host:port.
func listenHTTP2(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestBenchHTTP2(t *testing.T) {
	s := startServer(t)
	protos := map[string]int{}
	guarded := requirePassword(s)
	host := listenHTTP2(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			protos[r.Proto]++
		}
		guarded.ServeHTTP(w, r)
	}))
	p := newProgram(t)
	p.stdin = user + ":" + password + "\n"
	o := p.run("bench", "push", "--http1", "--http2", "--insecure", "--creds", "-", "--jobs", "1", "--size", "1KiB",
		"--layers", "1", "--count", "1", "--warmup", "0", host+"/bench").want(0)
	if protos["HTTP/1.1"] == 0 || protos["HTTP/1.1"] != protos["HTTP/2.0"] {
		t.Errorf("POSTs came in %v", protos)
	}
	if names := benchNames(t, o.stdout); len(names) != 2 || !strings.Contains(names[0], "/http=1/") ||
		!strings.Contains(names[1], "/http=2/") {
		t.Errorf("%s\nprints %s", o.line, o.stdout)
	}
	newProgram(t).run("bench", "push", "--http2", "--size", "1KiB", s.host+"/bench").
		wantError(wantedError{2, s.host + " answers in HTTP/1.1", "leave out --http2"})
}
