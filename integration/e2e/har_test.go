package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// harSchema is the JSON schema of HAR 1.2.
func harSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	files, err := filepath.Glob("../testdata/har-schema/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schema: %v", err)
	}
	for _, file := range files {
		if err := compiler.AddResource("https://har.example/"+filepath.Base(file), parseJSON(t, file)); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("https://har.example/har.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func parseJSON(t testing.TB, file string) any {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	doc, err := jsonschema.UnmarshalJSON(in)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return doc
}

// checkHAR checks a file against the schema.
func checkHAR(t testing.TB, file string) {
	t.Helper()
	if err := harSchema(t).Validate(parseJSON(t, file)); err != nil {
		t.Errorf("%s is no HAR 1.2: %v", file, err)
	}
}

// The schema refuses invalid HARs, so that the tests that use it can fail.
func TestHARSchema(t *testing.T) {
	t.Parallel()
	const entry = `{"startedDateTime":%q,"time":1,"cache":{},"timings":{"send":0,"wait":0,"receive":0},
		"request":{"method":"GET","url":"http://r.example/","httpVersion":"","cookies":[],"headers":[],"queryString":[],"headersSize":-1,"bodySize":%s},
		"response":{"status":0,"statusText":"","httpVersion":"","cookies":[],"headers":[],"content":{"size":0,"mimeType":""},"redirectURL":"","headersSize":-1,"bodySize":0}}`
	const now = "2026-01-02T03:04:05.678Z"
	for name, test := range map[string]struct {
		entry string
		valid bool
	}{
		"whole":             {fmt.Sprintf(entry, now, "0"), true},
		"a date of no kind": {fmt.Sprintf(entry, "yesterday", "0"), false},
		"a size of no kind": {fmt.Sprintf(entry, now, `"0"`), false},
		"without a request": {`{"startedDateTime":"` + now +
			`","time":1,"cache":{},"timings":{"send":0,"wait":0,"receive":0},"response":{}}`, false},
		"an entry of no kind": {"7", false},
	} {
		file := filepath.Join(t.TempDir(), "x.har")
		doc := `{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"entries":[` + test.entry + `]}}`
		if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := harSchema(t).Validate(parseJSON(t, file)); (err == nil) != test.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
