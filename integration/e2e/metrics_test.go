package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// Prometheus' own parser reads what --metrics writes and what serve answers, and its linter, that of "promtool check metrics",
// has nothing to say about either.
func TestMetricsArePrometheus(t *testing.T) {
	t.Parallel()
	src, dst := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	ref := push(t, src, fixture.Real(), "team/app", "1.6")
	transship, _ := servers.Transship(t)
	dir := t.TempDir()
	file := filepath.Join(dir, `a "job" \ of mine.prom`)
	transship.Output(t, "sync", "--all", src.Host, dst.Host, "--metrics", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	checkMetrics(t, text, "transship_run_images", "transship_run_last_success_timestamp_seconds")

	transship.Output(t, "copy", ref, "oci:"+filepath.Join(dir, "images"))
	serving := servers.Serve(t, filepath.Join(dir, "images"))
	for _, path := range []string{"/v2/", "/v2/none/manifests/1"} {
		fetch(t, "http://"+serving.Host+path)
	}
	checkMetrics(t, fetch(t, "http://"+serving.Host+"/metrics"), "transship_serve_requests_total")
	if got := fetch(t, "http://"+serving.Host+"/healthz"); string(got) != "ok\n" {
		t.Errorf("/healthz: %q", got)
	}
}

// checkMetrics parses metrics, and lints them.
func checkMetrics(t *testing.T, text []byte, want ...string) {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, name := range want {
		if families[name] == nil {
			t.Errorf("no %s\n%s", name, text)
		}
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// fetch returns the body of a GET, whatever its status.
func fetch(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
