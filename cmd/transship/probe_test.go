package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/probe"
	"github.com/hczjl/transship/distribution/registry"
)

// mostProbeCalls is how many calls one probe may make.
const mostProbeCalls = 60

// probe runs probe --json and returns its report, which has at most that many calls.
func (p *program) probe(args ...string) probe.Report {
	p.t.Helper()
	o := p.run(append([]string{"probe", "--json"}, args...)...).want(0)
	var report probe.Report
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil {
		p.t.Fatalf("%s: %v\n%s", o.line, err, o.stdout)
	}
	if n := len(report.Calls); n > mostProbeCalls {
		p.t.Errorf("%s: %d calls", o.line, n)
	}
	return report
}

// probed returns the rows by their verdicts, sorted.
func probed(report probe.Report, verdict probe.Verdict) []string {
	var ids []string
	for _, row := range report.Rows {
		if row.Verdict == verdict {
			ids = append(ids, row.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// What the embedded registry does: everything but what one on loopback cannot. The record has the same
// calls under the same numbers, and nothing stays.
func TestProbe(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	file := filepath.Join(t.TempDir(), "probe.jsonl")
	report := p.probe("--write", "--audit", file, s.host+"/team/probe")

	want := strings.Fields("authentication chunk-min http2 rate-limit redirect tls")
	if got := probed(report, probe.No); !slices.Equal(got, want) {
		t.Errorf("no: %v, want %v", got, want)
	}
	if got := probed(report, probe.Unknown); !slices.Equal(got, []string{"catalog-pages"}) {
		t.Errorf("unknown: %v", got)
	}
	if skipped := probed(report, probe.NotTested); !slices.Equal(skipped, []string{"http2-windows"}) {
		t.Errorf("not tested: %v", skipped)
	}
	_, entries := readAudit(t, file)
	for i, c := range report.Calls {
		if e := entries[i]; e.Sequence != c.Number || e.Method != c.Method || e.Status != c.Status {
			t.Errorf("call %+v is on the record as %d %s %d", c, e.Sequence, e.Method, e.Status)
		}
	}
	for _, row := range report.Rows {
		if len(row.Calls) == 0 && row.ID != "rate-limit" && row.Verdict != probe.NotTested {
			t.Errorf("%s: no call shows it", row.ID)
		}
	}
	s.wantNothingLeft(report)
}

// wantNothingLeft checks that nothing is at the registry that a probe has sent.
func (s *server) wantNothingLeft(report probe.Report) {
	s.t.Helper()
	if len(report.Left) > 0 {
		s.t.Errorf("left: %v", report.Left)
	}
	s.Set()
	for _, r := range s.Requests() {
		u, err := url.Parse(r.URL)
		if err != nil || r.Method != http.MethodPut && r.Method != http.MethodPost {
			continue
		}
		path := u.Path
		if d := u.Query().Get("digest"); d != "" {
			path, _, _ = strings.Cut(path, "uploads/")
			path += d
		}
		if resp, err := http.Get("http://" + s.host + path); err != nil || resp.StatusCode == http.StatusOK {
			s.t.Errorf("%s is there still: %v", path, err)
		}
	}
}

// Without --write it only reads: a repository, or the first one of the catalog.
func TestProbeOnlyReads(t *testing.T) {
	t.Parallel()
	c := newCopySetup(t)
	for _, arg := range []string{c.source.host, c.source.host + "/src/repo"} {
		report := c.probe(arg)
		if got, want := probed(report, probe.Yes), strings.Fields(`api-version blob-digest-header blob-head catalog error-json
			if-range manifest-digest-header manifest-get manifest-head manifest-missing range range-beyond range-suffix
			referrers referrers-filter tags`); !slices.Equal(withoutAll(got, "tags-n", "tags-last", "catalog-pages"), want) {
			t.Errorf("%s: yes: %v, want %v", arg, got, want)
		}
		if report.Repository != "src/repo" {
			t.Errorf("%s: %s was probed", arg, report.Repository)
		}
	}
	if n := c.source.Count("^(POST|PUT|PATCH|DELETE)"); n != 0 {
		t.Errorf("%d calls write", n)
	}
}

func withoutAll(words []string, others ...string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(others, w) })
}

// Each quirk changes the verdicts of its rows, and no more. None makes more calls.
func TestProbeOfQuirks(t *testing.T) {
	t.Parallel()
	header := func(name, value string) registry.Rule {
		return registry.Rule{Edit: func(h http.Header) {
			if h.Del(name); value != "" {
				h.Set(name, value)
			}
		}}
	}
	for name, test := range map[string]struct {
		rule    registry.Rule
		changed string // rows and their verdicts
	}{
		"no mounts":        {registry.Rule{Match: "mount=", DropQuery: []string{"mount", "from"}}, "mount-anonymous no, mount-from no"},
		"mounts want from": {registry.Rule{Match: "uploads/[?]mount=", Status: 400}, "mount-anonymous no"},
		"mounts denied":    {registry.Rule{Match: "from=", Status: 401}, "mount-from unknown, mount-nowhere no"},
		"no tag query":     {registry.Rule{Match: "[?]tag=", DropQuery: []string{"tag"}}, "tag-query no"},
		"no OCI-Subject":   {header("OCI-Subject", ""), "subject no"},
		"no digests": {header("Docker-Content-Digest", ""),
			"blob-digest-header no, manifest-digest-header no, upload-digest-header no"},
		"no referrers": {registry.Rule{Match: "/referrers/", Status: 404}, "referrers no, referrers-filter no"},
		"no filter":    {registry.Rule{Match: "artifactType=", DropQuery: []string{"artifactType"}}, "referrers-filter no"},
		"chunks":       {header("OCI-Chunk-Min-Length", "5000"), "chunk-min yes"},
		"no chunks": {registry.Rule{Match: "^PATCH", Status: 405},
			"upload-chunks no, upload-out-of-order not tested, upload-status not tested, upload-stream no"},
		"no ranges":       {registry.Rule{Match: "^GET .*/blobs/sha", Status: 200}, "range no, range-beyond no, range-suffix no"},
		"no If-Range":     {registry.Rule{Match: "^GET .*/blobs/sha", Skip: 3, Times: 1, Status: 206}, "if-range no"},
		"no deletes":      {registry.Rule{Match: "^DELETE .*/(manifests|blobs/sha)", Status: 405}, "*"},
		"no tags deleted": {registry.Rule{Match: "^DELETE .*/manifests/probe", Status: 400}, "delete-tag no"},
		"a rate limit":    {header("RateLimit-Remaining", "99;w=21600"), "rate-limit yes"},
		"pages of errors": {registry.Rule{Match: "^GET .*deadbeef", Status: 404, Body: "<html>"}, "error-json no"},
		"no catalog":      {registry.Rule{Match: "_catalog", Status: 401}, "catalog no, catalog-pages not tested"},
		"read-only":       {registry.Rule{Match: "^(POST|PUT|PATCH|DELETE)", Status: 405}, "*"},
		"a failing one":   {registry.Rule{Match: "^GET .*/(manifests|blobs|tags|referrers)/", Status: 503}, "*"},
		"too many calls":  {registry.Rule{Match: "/(manifests|blobs)/", Status: 429}, "*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := startServer(t), newProgram(t)
			normal := verdicts(p.probe("--write", s.host+"/team/probe"))
			s.Set(test.rule)
			report := p.probe("--write", s.host+"/team/probe")
			var changed []string
			got := verdicts(report)
			for _, id := range slices.Sorted(maps.Keys(got)) {
				if got[id] != normal[id] {
					changed = append(changed, fmt.Sprintf("%s %s", id, got[id]))
				}
			}
			if text := strings.Join(changed, ", "); text != test.changed && test.changed != "*" {
				t.Errorf("changed: %s\nwant     %s", text, test.changed)
			}
			if test.changed != "*" {
				s.wantNothingLeft(report)
			}
		})
	}
}

func verdicts(report probe.Report) map[string]probe.Verdict {
	out := map[string]probe.Verdict{}
	for _, row := range report.Rows {
		out[row.ID] = row.Verdict
	}
	return out
}

// What a registry does not delete is listed, in the report and on standard error.
func TestProbeSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.Set(registry.Rule{Match: "^DELETE .*/(manifests|blobs/sha)", Status: 405})
	report := p.probe("--write", "--from", "team/other", s.host+"/team/probe")
	if got := probed(report, probe.No); !slices.Contains(got, "delete-blob") || len(report.Left) < 5 {
		t.Errorf("no: %v, left: %v", got, report.Left)
	}
	o := p.run("probe", "--write", "--from", "team/other", s.host+"/team/probe").want(0)
	if !strings.Contains(o.stderr, "left at "+s.host+": ") || !strings.Contains(o.stderr, "team/other@sha256:") {
		t.Errorf("standard error:\n%s", o.stderr)
	}
}

// With a token server, which takes calls of its own, all rows are tested.
func TestProbeWithTokens(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	host := listen(t, &tokenRegistry{next: s})
	report := p.probe("--write", "--creds", user+":"+password, host+"/team/probe")
	if !slices.Contains(probed(report, probe.Yes), "authentication") {
		t.Errorf("yes: %v", probed(report, probe.Yes))
	}
	if skipped := probed(report, probe.NotTested); !slices.Equal(skipped, []string{"http2-windows"}) {
		t.Errorf("not tested: %v", skipped)
	}
	s.wantNothingLeft(report)

	for _, guarded := range []string{host, listen(t, requirePassword(s))} {
		p.run("probe", guarded+"/team/probe").wantError(wantedError{3, "401", "transship login " + guarded})
	}
}

func TestProbeTLS(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	report := p.probe("--insecure", listenTLS(t, s)+"/team/probe")
	for _, row := range report.Rows {
		if row.ID == "tls" && (row.Verdict != probe.Yes || !strings.HasPrefix(row.Detail, "TLS 1.3, certificate of example.com by ")) {
			t.Errorf("%+v", row)
		}
	}
}

// A host that is no registry is an error of its kind, in one line.
func TestProbeOfOtherHosts(t *testing.T) {
	t.Parallel()
	page := func(status int, body string) string {
		return listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
	}
	p := newProgram(t)
	s := startServer(t)
	for line, want := range map[string]wantedError{
		page(200, "<html>Log in"):              {5, "a web page", "is a registry and that no proxy answers"},
		page(200, "It works!"):                 {5, "a web page", "is a registry and that no proxy answers"},
		page(404, "not found"):                 {4, "404 Not Found", "there is no registry at that host and port"},
		page(403, "<html>denied"):              {3, "403 Forbidden", "proxy or firewall"},
		page(500, "failed"):                    {1, "500 Internal Server Error", "its log says more"},
		"--write " + s.host:                    {2, "--write needs a repository after " + s.host, s.host + "/probe"},
		"--from a " + s.host + "/b":            {2, "--from needs --write", "add --write"},
		"--write --from b " + s.host + "/b":    {2, `"b" is not another repository`, "without the host"},
		s.host + "/b:1":                        {2, `"b:1" is not the beginning of a repository's name`, ""},
		"--read-only --write " + s.host + "/b": {9, "policy read-only refuses POST", "leave out --read-only"},
	} {
		o := p.run(append([]string{"probe"}, strings.Fields(line)...)...).want(want.code)
		if said := strings.Join(o.errorLines(), "; ") + strings.Join(o.hintLines(), "; "); !strings.Contains(said, want.message) ||
			!strings.Contains(said, want.hint) {
			t.Errorf("%s\nsays %s\nwant %s, %s", o.line, said, want.message, want.hint)
		}
	}
}
