package servers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMetricsComplete(t *testing.T) {
	t.Parallel()
	const line = `127.0.0.1 - - [23/Nov/2026:06:54:42 +0000] "%s %s HTTP/1.1" 200 2 "" "x"` + "\n"
	blob := fmt.Sprintf(line, "GET", "/v2/a/b/blobs/sha256:ab")
	manifest := fmt.Sprintf(line, "GET", "/v2/a/b/manifests/1")
	others := fmt.Sprintf(line, "HEAD", "/v2/a/b/manifests/1") + fmt.Sprintf(line, "GET", "/v2/a/blobs/uploads/ab")
	tests := map[string]struct {
		flying int
		log    string
		want   string // what the error mentions; empty if complete
	}{
		"all there":        {0, blob + manifest + blob + others, ""},
		"a blob flies":     {1, blob + manifest + blob, "under way"},
		"a blob lacks":     {0, blob + manifest + others, "1 of 2 requests for a blob"},
		"a manifest lacks": {0, blob + blob + others, "0 of 1 requests for a manifest"},
		"half a line":      {0, blob + manifest + strings.TrimSuffix(blob, "\n"), "1 of 2 requests for a blob"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, "registry_http_in_flight_requests{handler=\"blob\"} %d\n", test.flying)
				fmt.Fprintln(w, `registry_http_in_flight_requests{handler="manifest"} 0`)
				fmt.Fprintln(w, `registry_http_requests_total{code="200",handler="blob",method="get"} 1`)
				fmt.Fprintln(w, `registry_http_requests_total{code="404",handler="blob",method="get"} 1`)
				fmt.Fprintln(w, `registry_http_requests_total{code="200",handler="manifest",method="get"} 1`)
				fmt.Fprintln(w, `registry_http_requests_total{code="200",handler="manifest",method="head"} 9`)
			}))
			defer server.Close()
			log := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(log, []byte(test.log), 0o644); err != nil {
				t.Fatal(err)
			}
			err := metrics{log, server.URL, http.DefaultClient}.complete(t)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
