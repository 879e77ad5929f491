package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/metrics"
	"github.com/hczjl/transship/distribution/registry"
)

// wantMetric checks a metric of the file of --metrics.
func (c *copySetup) wantMetric(want float64, name string, labels ...string) {
	c.t.Helper()
	raw, err := os.ReadFile(c.path("job.prom"))
	if err != nil {
		c.t.Fatal(err)
	}
	got, found := metrics.Value(string(raw), name, append([]string{"run", "job", "command", "sync"}, labels...)...)
	if !found || got != want {
		c.t.Errorf("%s %v is %v, want %v\n%s", name, labels, got, want, raw)
	}
}

// --metrics writes what the run did. A run that fails keeps when one last succeeded.
func TestMetricsFile(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	c.writeList("FROM/app TO/app\n")
	plain := c.do("sync -f @/images --metrics @/job.prom").want(0, "4 copied")
	c.wantMetric(4, "transship_run_images", "status", "copied")
	c.wantMetric(0, "transship_run_images", "status", "failed")
	c.wantMetric(1, "transship_run_success")
	if info, err := os.Stat(c.path("job.prom")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("node_exporter, another user, cannot read the file: %v, %v", info, err)
	}
	c.writeList("FROM/app TO/again\n")
	c.target.Handler = &registry.Handler{}
	report := c.do("sync -f @/images --json --metrics @/job.prom").want(0).syncReport()
	if c.wantMetric(float64(report.Bytes), "transship_run_transferred_bytes"); report.Bytes == 0 {
		t.Error(plain.stderr)
	}
	c.writeList("FROM/app TO/again\nFROM/tool:2\n")
	c.do("sync -f @/images --metrics @/job.prom TO").want(0, "1 copied, 4 unchanged")
	c.wantMetric(4, "transship_run_images", "status", "unchanged")
	raw, err := os.ReadFile(c.path("job.prom"))
	if err != nil {
		t.Fatal(err)
	}
	last, found := metrics.Value(string(raw), "transship_run_last_success_timestamp_seconds", "run", "job", "command", "sync")
	if !found || last < 1e9 {
		t.Errorf("no last success: %v\n%s", last, raw)
	}
	c.writeFile("job.prom", strings.ReplaceAll(string(raw), "last_success_timestamp_seconds{run=\"job\",command=\"sync\"} ",
		"last_success_timestamp_seconds{run=\"job\",command=\"sync\"} 1234567890\n# "))
	c.writeList("FROM/app TO/again\nFROM/none:1 TO/none\nFROM/none:2 TO/none\n")
	c.do("sync -f @/images --metrics @/job.prom").want(cli.ExitPartial)
	c.wantMetric(4, "transship_run_images", "status", "unchanged")
	c.wantMetric(2, "transship_run_failures", "class", "not_found")
	c.wantMetric(0, "transship_run_failures", "class", "network")
	c.wantMetric(0, "transship_run_success")
	c.wantMetric(1234567890, "transship_run_last_success_timestamp_seconds")

	c.do("sync -f @/bad --metrics @/job.prom").want(cli.ExitNotFound)
	c.wantMetric(1, "transship_run_failures", "class", "not_found")
	for line, want := range map[string]wantedError{
		"sync -f @/images --metrics @/job.txt":       {2, "must end in .prom", ""},
		"sync -f @/images --metrics @/.prom":         {2, "must end in .prom", ""},
		"sync -f @/images --metrics @/none/job.prom": {4, "--metrics: stat ", ""},
	} {
		c.do(line).wantError(want)
	}
	os.Remove(c.path("job.prom"))
	c.do("sync -f @/images --metrics @/job.prom --plan")
	if _, err := os.Stat(c.path("job.prom")); !os.IsNotExist(err) {
		t.Errorf("a plan writes metrics: %v", err)
	}
}

// serve counts its requests for those who may pull, and tells anybody that it answers.
func TestServeMetrics(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	r := p.startServe("--writable", "--htpasswd", p.writeUsers(), filepath.Join(p.env["HOME"], "images"))
	p.run("copy", "--dst-creds", "ci:password", s.host+"/x:1", r.host+"/x:1").want(0)
	p.run("digest", "--creds", "ci:password", r.host+"/none:1").want(cli.ExitNotFound)
	if status, body := get(t, http.DefaultClient, r.url+"/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %q", status, body)
	}
	if status, body := get(t, http.DefaultClient, r.url+"/metrics"); status != 401 {
		t.Errorf("/metrics without a password: %d %s", status, body)
	}
	_, text := get(t, http.DefaultClient, strings.Replace(r.url, "://", "://ci:password@", 1)+"/metrics")
	for name, labels := range map[string][]string{
		"transship_serve_requests_total":          {"method", "HEAD", "code", "404"},
		"transship_serve_received_bytes_total":    nil,
		"transship_serve_start_timestamp_seconds": nil,
		"transship_serve_requests_in_progress":    nil,
	} {
		if got, found := metrics.Value(text, name, labels...); !found || got < 1 {
			t.Errorf("%s %v is %v", name, labels, got)
		}
	}
	if refused, _ := metrics.Value(text, "transship_serve_requests_total", "method", "GET", "code", "401"); refused < 1 {
		t.Errorf("what was refused is not counted:\n%s", text)
	}
}
