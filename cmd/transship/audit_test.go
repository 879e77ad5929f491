package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/registry"
)

// readAudit reads a whole audit and checks its hash chain.
func readAudit(t testing.TB, name string) (*audit.Reader, []audit.Entry) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if result, err := audit.Verify(file); err != nil || !result.Sound() || !result.Chained {
		t.Errorf("%s: %+v, %v", name, result, err)
	}
	if _, err := file.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	r, err := audit.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var entries []audit.Entry
	for e, err := range r.Entries() {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		entries = append(entries, e)
	}
	return r, entries
}

// requestURI returns the path and query of an entry's URL.
func requestURI(e audit.Entry) string {
	_, rest, _ := strings.Cut(e.URL, "://")
	return rest[strings.Index(rest, "/"):]
}

// The audit has each call that the registries saw exactly once, and no other.
func TestAuditListsEveryCall(t *testing.T) {
	for _, format := range []string{"jsonl", "har"} {
		c := newCopySetup(t)
		c.source.ResetRequests()
		file := filepath.Join(c.env["HOME"], "audit."+format)
		c.run("copy", "-q", "--audit", file, c.src, c.dst).want(0)
		r, entries := readAudit(t, file)
		var want, got []string
		for _, s := range []*server{c.source, c.target} {
			for _, req := range s.Requests() {
				path, _, _ := strings.Cut(req.URL, "?")
				want = append(want, req.Method+" "+s.host+path)
			}
		}
		for i, e := range entries {
			path, _, _ := strings.Cut(requestURI(e), "?")
			got = append(got, e.Method+" "+strings.TrimPrefix(e.URL[:strings.Index(e.URL, "/v2/")], "http://")+path)
			checkEntry(t, c, e)
			if slices.ContainsFunc(entries[:i], func(other audit.Entry) bool { return other.Sequence == e.Sequence }) {
				t.Errorf("sequence %d is there twice", e.Sequence)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-registries +audit):\n%s", format, diff)
		}
		wantLine := []string{"transship", "copy", "-q", "--audit", file, c.src, c.dst}
		if r.Run.Tool != "transship" || r.Run.Version != cli.Version || !slices.Equal(r.Run.Command, wantLine) ||
			r.End == nil {
			t.Errorf("%+v, end %v", r.Run, r.End)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info.Mode(), err)
		}
	}
}

// checkEntry checks what must hold for each call of a copy without faults.
func checkEntry(t *testing.T, c *copySetup, e audit.Entry) {
	t.Helper()
	if e.Why.Command != "copy" || e.Why.Image != c.src || e.Protocol != "HTTP/1.1" || e.Attempt != 1 || e.Error != "" ||
		!strings.HasPrefix(e.Peer, "127.0.0.1:") || e.Request.Headers.Get("User-Agent") != "transship/"+cli.Version ||
		e.Duration() <= 0 {
		t.Errorf("%+v", e)
	}
	last := e.URL[strings.LastIndexAny(e.URL, "/=")+1:]
	last = strings.Replace(last, "%3A", ":", 1)
	isDigest := blob.Digest(last).Validate() == nil
	switch {
	case e.Row == "end-2" && (e.Response.Digest != last || e.Response.DigestBy != audit.ByStream || e.Why.Blob != last),
		e.Row == "end-6" && e.Request.Bytes > 0 && (e.Request.Digest != last || e.Request.DigestBy != audit.ByStream ||
			e.Why.Blob != last),
		e.Row == "end-11" && e.Why.Blob == "",
		e.Row == "end-3" && isDigest && (e.Response.Digest != last || e.Response.DigestBy != audit.ByRecord ||
			e.Why.Manifest != last),
		e.Row == "end-7a" && (e.Request.Digest == "" || e.Request.DigestBy != audit.ByRecord ||
			e.Why.Manifest != e.Request.Digest),
		e.Row == "":
		t.Errorf("%s %s: row %s, why %+v, digests %s by %s, %s by %s", e.Method, e.URL, e.Row, e.Why,
			e.Request.Digest, e.Request.DigestBy, e.Response.Digest, e.Response.DigestBy)
	}
}

// Entries of retries, redirects and token requests name the call that they belong to.
func TestAuditLinksRelatedCalls(t *testing.T) {
	c := newCopySetup(t)
	storage := listen(t, c.source)
	c.source.Set(
		registry.Rule{Match: "^GET /v2/src/repo/manifests/1.6", Times: 1, Status: 503},
		registry.Rule{Match: "^GET /v2/src/repo/blobs/", Times: 1, Status: 307,
			Header: map[string]string{"Location": "http://" + storage +
				"/v2/src/repo/manifests/1.6?signature=" + secret}},
	)
	guarded := listen(t, &tokenRegistry{next: c.source})
	file := filepath.Join(c.env["HOME"], "audit.jsonl")
	c.run("copy", "-q", "--audit", file, "--src-creds", user+":"+password, "--jobs", "1",
		guarded+"/src/repo:1.6", c.dst)
	_, entries := readAudit(t, file)
	bySequence := map[int64]audit.Entry{}
	for _, e := range entries {
		bySequence[e.Sequence] = e
	}
	var retries, tokens, redirects, again int
	for _, e := range entries {
		w := e.Why
		switch {
		case w.RetryOf != 0 && e.Attempt > 1:
			retries++
			if before := bySequence[w.RetryOf]; before.URL != e.URL || before.Status != 503 {
				t.Errorf("%+v repeats %+v", e, before)
			}
		case w.RetryOf != 0:
			again++
			if before := bySequence[w.RetryOf]; before.URL != e.URL || before.Status != 401 {
				t.Errorf("%+v follows %+v", e, before)
			}
		case w.RedirectOf != 0:
			redirects++
			if before := bySequence[w.RedirectOf]; before.Status != 307 || e.Row != "redirect" ||
				w.Blob != before.Why.Blob || w.Blob == "" {
				t.Errorf("%+v is a redirect of %+v", e, before)
			}
		case w.TokenFor != 0:
			tokens++
			if before := bySequence[w.TokenFor]; before.Status != 401 || e.Row != "token" || e.Response.Digest != "" {
				t.Errorf("%+v is for %+v", e, before)
			}
		}
	}
	if retries == 0 || tokens == 0 || redirects == 0 || again == 0 {
		t.Errorf("%d retries, %d tokens, %d redirects, %d after a token:\n%+v", retries, tokens, redirects,
			again, entries)
	}
}

// A copy to several targets reads each blob once and records its verified digest.
func TestAuditOfCopyToSeveralTargets(t *testing.T) {
	c := newCopySetup(t)
	file := filepath.Join(c.env["HOME"], "audit.jsonl")
	c.run("copy", "-q", "--audit", file, c.src, c.dst, startServer(t).host+"/dst/repo:1.6").want(0)
	_, entries := readAudit(t, file)
	blobs := map[string]int{}
	for _, e := range entries {
		if e.Row == "end-2" {
			blobs[e.Response.Digest]++
		}
	}
	if len(blobs) != 7 || blobs[""] != 0 {
		t.Errorf("digests of blobs read: %v", blobs)
	}
}

func TestEveryCommandWritesAudit(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	home := c.env["HOME"]
	guarded := listen(t, requirePassword(c.target))
	for i, line := range []string{
		"inspect SRC", "digest SRC", "tags " + c.source.host + "/src/repo", "pull SRC", "save -o HOME/x.tar SRC",
		"probe " + c.source.host + "/src/repo",
		"manifest create DST SRC", "manifest push DST", "manifest inspect SRC",
		"load HOME/x.tar " + c.target.host + "/loaded",
		"login -u user --password " + password + " " + guarded,
	} {
		file := filepath.Join(home, fmt.Sprint(i, ".jsonl"))
		words := strings.Fields(strings.NewReplacer("SRC", c.src, "DST", c.dst, "HOME", home).Replace(line))
		c.run(append(words, "--audit", file)...).want(0)
		r, entries := readAudit(t, file)
		if len(entries) == 0 {
			t.Errorf("%s: no calls", line)
		}
		for _, e := range entries {
			if !strings.HasPrefix(line, e.Why.Command+" ") || e.Why.Image == "" && e.Why.Command != "login" {
				t.Errorf("%s: why %+v", line, e.Why)
			}
		}
		if slices.Contains(r.Run.Command, password) {
			t.Errorf("%s: the audit knows the password", line)
		}
	}
}

func TestAuditFileErrors(t *testing.T) {
	c := newCopySetup(t)
	home := c.env["HOME"]
	if err := os.Mkdir(filepath.Join(home, "folder.har"), 0o700); err != nil {
		t.Fatal(err)
	}
	kept := c.writeFile("kept.jsonl", "kept")
	for line, want := range map[string]wantedError{
		"--audit HOME/x.json SRC DST": {2, `--audit: "` + home + `/x.json" must end in .har or .jsonl`, ""},
		"--audit= SRC DST":            {2, `--audit: "" must end in`, ""},
		"--audit HOME/no/such.har SRC DST": {4, "audit file " + home + "/no/such.har: no such file or directory",
			"give --audit a file on a disk with free space"},
		"--audit HOME/folder.har SRC DST": {1, "audit file " + home + "/folder.har: it is not a regular file",
			"--audit"},
		"--audit HOME/kept.jsonl SRC": {2, "want SRC DST", "usage: transship copy"},
		"--audit HOME/kept.jsonl --x S DST": {2, "unknown flag --x",
			"transship copy -h"},
	} {
		c.source.ResetRequests()
		c.runFails("copy "+strings.ReplaceAll(line, "HOME", home), want)
		if n := len(c.source.Requests()); n != 0 {
			t.Errorf("%s: %d calls", line, n)
		}
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "kept" {
		t.Errorf("a command line that cannot be understood has replaced an audit: %q, %v", text, err)
	}
}

// The audit of an interrupted run has all of its calls and an end record.
func TestAuditOfInterruptedRun(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/", Delay: noAnswer})
	file := filepath.Join(c.env["HOME"], "audit.har")
	cmd, _ := newProcess(t, "copy", "-q", "--audit", file, c.src, c.dst)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	eventually(t, func() bool { return c.source.Count("^GET .*/blobs/") >= 2 },
		func() string { return "no two blobs are fetched" })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-ended
	r, entries := readAudit(t, file)
	cut := 0
	for _, e := range entries {
		if e.Row == "end-2" && e.Error != "" && e.Status == 0 {
			cut++
		}
	}
	if r.End == nil || cut < 2 || cmd.ProcessState.ExitCode() != cli.ExitInterrupted {
		t.Errorf("exit %d, end %v, %d of %d entries are of blobs that never came", cmd.ProcessState.ExitCode(), r.End,
			cut, len(entries))
	}
}

// A killed run leaves complete JSON lines, or a complete HAR, with the calls that had ended. It is
// killed while it waits for answers and writes nothing: SIGKILL ends a write between two pages, so
// that a record which it meets is cut short.
func TestAuditOfKilledRun(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"jsonl", "har"} {
		for i := range 5 {
			c := newCopySetup(t)
			g := &blobGate{blobs: i, closed: make(chan bool)}
			c.source.Handler, c.target.Handler = g.before(c.source.Handler), g.before(c.target.Handler)
			// The requests come from another process. A write of this one is what orders them after the
			// change of the handlers, for the race detector too.
			c.writeFile("ready", "")
			file := filepath.Join(c.env["HOME"], "audit."+format)
			cmd, _ := newProcess(t, "copy", "-q", "--jobs", "1", "--audit", file, c.src, c.dst) // calls follow each other
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-g.closed
			eventually(t, func() bool { return countRecorded(file) == g.count() }, func() string {
				return fmt.Sprintf("%s has %d of %d calls", file, countRecorded(file), g.count())
			})
			cmd.Process.Signal(syscall.SIGKILL)
			cmd.Wait()
			if _, entries := readAudit(t, file); len(entries) != g.count() {
				t.Errorf("%s: %d entries of %d calls", format, len(entries), g.count())
			}
		}
	}
}

// blobGate lets requests through until a number of blobs were requested, and answers none from then on.
type blobGate struct {
	closed chan bool

	mu     sync.Mutex
	blobs  int // that are still let through
	passed int // requests
}

func (g *blobGate) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.pass(r) {
			<-r.Context().Done()
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *blobGate) pass(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.blobs < 0 {
		return false
	}
	if strings.Contains(r.URL.Path, "/blobs/sha256:") {
		if g.blobs--; g.blobs < 0 {
			close(g.closed)
			return false
		}
	}
	g.passed++
	return true
}

func (g *blobGate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed
}

// countRecorded returns how many calls a file has, -1 while it does not end with a whole record.
func countRecorded(file string) int {
	b, _ := os.ReadFile(file) // it is created before the first call
	if !strings.HasSuffix(string(b), "}\n") {
		return -1
	}
	return strings.Count(string(b), `"method":`)
}

func TestVeryVerboseRedactsHeaders(t *testing.T) {
	c := newCopySetup(t)
	src := listen(t, requirePassword(c.source)) + "/src/repo:1.6"
	o := c.run("digest", "--vv", "--creds", user+":"+password, src).want(0,
		"  > Authorization: Basic REDACTED\n", "  > Host: ", "  < Docker-Content-Digest: sha256:", "200 HEAD ")
	if one := c.run("digest", "-v", "-vv", src); strings.Contains(one.stderr, "  > Authorization") ||
		strings.Contains(o.stderr, password) {
		t.Errorf("%s\n%s", one.stderr, o.stderr)
	}
}

func TestRedactArgs(t *testing.T) {
	const digest = "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for line, want := range map[string]string{
		"copy --src-creds a:b -dst-creds=c:d x y":       "--src-creds REDACTED -dst-creds=REDACTED x y",
		"copy --dst-creds - --jobs 3 -q x y":            "--dst-creds - --jobs 3 -q x y",
		"copy --src-creds a:b -- --dst-creds x":         "--src-creds REDACTED -- --dst-creds x",
		"copy a:1" + digest + " localhost:5000/b":       "a:1" + digest + " localhost:5000/b",
		"copy me:pass@host/a https://me:pass@host/b":    "REDACTED@host/a https://REDACTED@host/b",
		"copy oci:a/b@index me:pass@index":              "oci:a/b@index REDACTED@index",
		"login -u me -p pass host":                      "-u me -p REDACTED host",
		"login -qp pass host":                           "-qp REDACTED host",
		"login -qp=pass host":                           "-qp=REDACTED host",
		"login --username me --password=pass host":      "--username me --password=REDACTED host",
		"login --password pass https://me:pass@host":    "--password REDACTED https://REDACTED@host",
		"manifest push -p list":                         "-p list",
		"digest --ca file https://host/a?token=pass#me": "--ca file https://host/a?token=REDACTED",
	} {
		c, rest, err := find(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		fs := flagsOf(c)
		if got := strings.Join(cli.RedactArgs(fs, rest), " "); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}
