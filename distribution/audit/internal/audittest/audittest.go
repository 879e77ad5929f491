// Package audittest has audits for the tests of the packages below distribution/audit.
package audittest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/audit"
)

// Golden returns the audit of a copy with tokens, redirects, mounts, chunks, further attempts, a
// lost connection and a refused call. The tests of package audit write it.
func Golden(t testing.TB) string { return testdata(t, "record.jsonl") }

// OtherTool returns a HAR as a browser writes it.
func OtherTool(t testing.TB) string { return testdata(t, "other-tool.har") }

// testdata reads a file of package audit; tests run in the folder of their package, next to it.
func testdata(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// JSONL returns an audit of the run with the entries, without a chain and an End.
func JSONL(t testing.TB, run audit.Run, entries ...audit.Entry) string {
	t.Helper()
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	lines := []any{map[string]audit.Run{"run": run}}
	for _, e := range entries {
		lines = append(lines, e)
	}
	for _, line := range lines {
		if err := encoder.Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// Extremes returns an audit with moments as far apart and durations as long as a file can say.
func Extremes() string {
	var text string
	for i, start := range []string{"0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", "2026-01-02T03:04:05Z"} {
		text += fmt.Sprintf(`{"sequence":%d,"method":"GET","url":"http://h/","start":%q,"timings":`+
			`{"blocked":1e300,"dns":1e300,"connect":1e300,"tls":1e300,"send":1e300,"wait":1e300,"receive":1e300}}`+"\n",
			i, start)
	}
	return text
}

// Reader returns a reader of an audit's text.
func Reader(t testing.TB, text string) *audit.Reader {
	t.Helper()
	r, err := audit.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Entries returns the entries of an audit's text.
func Entries(t testing.TB, text string) []audit.Entry {
	t.Helper()
	var out []audit.Entry
	if _, err := audit.ReadAll(Reader(t, text), func(e audit.Entry) { out = append(out, e) }); err != nil {
		t.Fatal(err)
	}
	return out
}

// Digest returns digest n, from 0 to 255.
func Digest(n int) string { return "sha256:" + strings.Repeat(fmt.Sprintf("%02x", n), 32) }

// Fuzz calls test with texts that audit.ReadAll can use, at least their beginning.
func Fuzz(f *testing.F, test func(t *testing.T, text string)) {
	for _, seed := range []string{
		`{"log":{"entries":[{"startedDateTime":"2026-01-02T03:04:05Z","timings":{"wait":1},` +
			`"request":{"method":"GET","url":"http://h/v2/x/tags/list?n=1"}}]}}`,
		`{"method":"PUT","url":"//","start":"9999-01-01T00:00:00Z","attempt":2,"status":-5,"why":{"retryOf":1}}` + "\n",
		`{"method":"GET","url":"http://h'/v2/x/blobs/uploads/?a=REDACTED","row":"end-2","status":200,` +
			`"timings":{"wait":1e300,"send":1e300}}` + "\n",
		`{"sequence":2,"row":"end-5","method":"PATCH","url":"http://h/v2/x/blobs/uploads/1","status":202,` +
			`"request":{"bytes":3},"response":{"headers":{"Location":["/v2/x/blobs/uploads/1"]}}}` + "\n",
		`{"sequence":1,"row":"token","method":"GET","url":"http://h/?scope=repository:x:pull","status":200}` + "\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := audit.NewReader(strings.NewReader(text))
		if err != nil {
			return
		}
		if _, err := audit.ReadAll(r, func(audit.Entry) {}); err == nil {
			test(t, text)
		}
	})
}
