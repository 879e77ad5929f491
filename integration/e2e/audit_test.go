package e2e

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/distribution/registry"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// formats are the file extensions of audits.
var formats = []string{"jsonl", "har"}

// readAudit reads an audit. It checks the hash chain, and a HAR against its schema.
func readAudit(t testing.TB, file string) []audit.Entry {
	t.Helper()
	if filepath.Ext(file) == ".har" {
		checkHAR(t, file)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if result, err := audit.Verify(in); err != nil || !result.Sound() || !result.Chained {
		t.Errorf("%s: %+v, %v", file, result, err)
	}
	if _, err := in.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	r, err := audit.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	var entries []audit.Entry
	for e, err := range r.Entries() {
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		entries = append(entries, e)
	}
	return entries
}

// An independent proxy in front of each registry records the same calls, statuses and sizes as the
// audit.
func TestAuditMatchesProxyLog(t *testing.T) {
	t.Parallel()
	im := fixture.Real()
	from, to := servers.CNCF(t, servers.Options{}), servers.Debian(t, servers.Options{})
	push(t, from, im, "src/repo", "1.6")
	source, target := servers.Mitmproxy(t, from), servers.Mitmproxy(t, to)
	transship, _ := servers.Transship(t)
	dir := t.TempDir()

	var said []string
	for i, format := range formats {
		file := filepath.Join(dir, "audit."+format)
		runCopy(t, transship, im, "--audit", file, source.Host+"/src/repo:1.6",
			fmt.Sprintf("%s/dst/repo%d:1.6", target.Host, i))
		for _, e := range readAudit(t, file) {
			said = append(said, fmt.Sprintf("%s %s %d, %d bytes sent, %d received", e.Method, e.URL, e.Status,
				e.Request.Bytes, e.Response.Bytes))
		}
	}
	var saw []string
	for _, f := range slices.Concat(source.Flows(t), target.Flows(t)) {
		saw = append(saw, fmt.Sprintf("%s %s %d, %d bytes sent, %d received", f.Method, f.URL, f.Status,
			f.Sent, f.Received))
	}
	for i, line := range saw { // the witness keeps nothing to itself
		if before, after, ok := strings.Cut(line, "_state="); ok {
			saw[i] = before + "_state=REDACTED" + after[strings.IndexAny(after, "& "):]
		}
	}
	slices.Sort(said)
	slices.Sort(saw)
	if diff := cmp.Diff(saw, said); diff != "" {
		t.Errorf("(-witness +audit):\n%s", diff)
	}
	if len(said) < 2*(2+len(im.Manifests)) {
		t.Errorf("%d calls", len(said))
	}
	checkMitmproxyHAR(t, source)
}

// checkMitmproxyHAR reads mitmproxy's HAR as an audit.
func checkMitmproxyHAR(t *testing.T, w *servers.RecordingProxy) {
	t.Helper()
	file := w.HAR(t)
	if file == "" {
		return
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r, err := audit.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for e, err := range r.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(e.Request.Headers.Get("User-Agent"), "transship/") {
			rows[e.Row]++
		}
		if e.Start.IsZero() || e.Status != 200 || e.Response.Bytes == 0 {
			t.Errorf("%+v", e)
		}
	}
	if rows["end-2"] != 20 || rows["end-3"] != 8 || len(rows) != 2 {
		t.Errorf("mitmproxy's HAR has %v", rows)
	}
}

// withFaults serves an embedded registry with an image and fault rules. It returns the host.
func withFaults(t testing.TB, im fixture.Image, rules ...registry.Rule) (*registry.Faults, string) {
	t.Helper()
	faults := &registry.Faults{Handler: &registry.Handler{}}
	server := httptest.NewServer(faults)
	t.Cleanup(server.Close)
	at := fixture.Repository{Client: server.Client(), URL: server.URL, Name: "src/repo"}
	if err := at.Push(t.Context(), im, "1.6"); err != nil {
		t.Fatal(err)
	}
	faults.Set(rules...)
	return faults, strings.TrimPrefix(server.URL, "http://")
}

// The audit is sound in every outcome of a run, and a HAR matches the schema.
func TestAuditIsSoundInEveryOutcome(t *testing.T) {
	t.Parallel()
	im := fixture.Real()
	storage := httptest.NewServer(&registry.Faults{Handler: &registry.Handler{}})
	t.Cleanup(storage.Close)
	nobody := httptest.NewServer(nil)
	nobody.Close()
	for name, test := range map[string]struct {
		rule  registry.Rule
		flags []string
		exit  int
		has   func(audit.Entry) bool
	}{
		"copy": {has: func(e audit.Entry) bool { return e.Response.DigestBy == audit.ByStream }},
		"retries": {rule: registry.Rule{Match: "^GET .*/blobs/", Times: 2, Status: 503},
			has: func(e audit.Entry) bool { return e.Attempt == 2 && e.Why.RetryOf != 0 }},
		"broken": {rule: registry.Rule{Match: "^GET .*/blobs/", Times: 1, Cut: registry.CutResponse, After: 100},
			has: func(e audit.Entry) bool { return e.Error != "" && e.Status == 200 }},
		"redirect": {rule: registry.Rule{Match: "^GET .*/blobs/", Status: 307,
			Header: map[string]string{"Location": storage.URL + "/v2/x/y?sig=z"}}, exit: exitNotFound,
			has: func(e audit.Entry) bool { return e.Row == "redirect" && e.Why.RedirectOf != 0 }},
		"refused": {flags: []string{"--read-only"}, exit: 9,
			has: func(e audit.Entry) bool { return e.Refused == "read-only" && e.Status == 0 }},
		"failed": {rule: registry.Rule{Match: "^GET .*/manifests/", Status: 418, Body: "a teapot"}, exit: exitFailed,
			has: func(e audit.Entry) bool { return e.Status == 418 }},
		"nobody": {rule: registry.Rule{Match: "^GET .*/blobs/", Status: 307,
			Header: map[string]string{"Location": nobody.URL}}, exit: exitNetwork,
			has: func(e audit.Entry) bool { return e.Status == 0 && e.Peer == "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, format := range formats {
				_, host := withFaults(t, im, test.rule)
				_, target := withFaults(t, im)
				transship, _ := servers.Transship(t)
				file := filepath.Join(t.TempDir(), "audit."+format)
				got := transship.Run(t, slices.Concat([]string{"copy", "--audit", file}, test.flags,
					[]string{host + "/src/repo:1.6", target + "/dst/repo:1.6"})...)
				if got.Exit != test.exit {
					t.Errorf("exit %d, want %d\n%s", got.Exit, test.exit, got.Stderr)
				}
				if entries := readAudit(t, file); !slices.ContainsFunc(entries, test.has) {
					t.Errorf("%s: no such entry among %d", format, len(entries))
				}
			}
		})
	}
}

// The audit of an interrupted or killed run is sound.
func TestAuditOfStoppedRun(t *testing.T) {
	t.Parallel()
	im := largeImage()
	from, to := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	source := push(t, from, im, "src/repo", "1.6")
	for name, signal := range map[string]syscall.Signal{"interrupted": syscall.SIGINT, "killed": syscall.SIGKILL} {
		for _, format := range formats {
			stalls := startRelay(t, from.Host, relayOptions{holdAt: 5 << 20})
			transship, _ := servers.Transship(t)
			file := filepath.Join(t.TempDir(), "audit."+format)
			c := begin(t, transship, "copy", "--audit", file, strings.Replace(source, from.Host, stalls.host, 1),
				to.Host+"/dst/"+name+":1.6")
			select {
			case <-stalls.held:
			case <-time.After(time.Until(servers.Deadline(t))):
				t.Fatal("the copy did not come so far")
			}
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			c.end(t)
			entries := readAudit(t, file)
			ended := slices.ContainsFunc(entries, func(e audit.Entry) bool { return e.Error != "" })
			if len(entries) == 0 || ended != (signal == syscall.SIGINT) {
				t.Errorf("%s, %s: %d entries, some of calls that were broken off: %v", name, format,
					len(entries), ended)
			}
		}
	}
}
