package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// schemaRuns are command lines by schema, in the order in which they run. ! begins those that fail.
// SRC is an image on the registry HOST, DST a name there.
var schemaRuns = []struct {
	schema string
	lines  []string
}{
	{"copy", []string{"copy SRC DST", "copy SRC DST oci:layout:1.6", "! copy HOST/none:1 DST",
		"! copy SRC DST 127.0.0.1:1/a:1"}},
	{"sync", []string{"sync -f images.txt HOST/mirror", "! sync -f bad.txt HOST/mirror"}},
	{"save", []string{"save -o b.tar --sum SRC", "! save -o n.tar HOST/none:1"}},
	{"bundle-diff", []string{"bundle diff b.tar b.tar", "! bundle diff b.tar nothing.tar"}},
	{"load", []string{"load b.tar HOST/loaded", "load --keep-existing 1.* b.tar HOST/loaded",
		"! load b.tar 127.0.0.1:1"}},
	{"pull", []string{"pull SRC", "! pull HOST/none:1"}},
	{"push", []string{"push SRC", "! push HOST/none:1"}},
	{"images", []string{"images", "! images Bad"}},
	{"tag", []string{"tag SRC HOST/tagged:1", "! tag HOST/none:1 HOST/tagged:2"}},
	{"rmi", []string{"rmi HOST/tagged:1", "! rmi HOST/tagged:1"}},
	{"prune", []string{"prune --all", "! prune x"}},
	{"manifest-push", []string{"manifest push HOST/list:1", "! manifest push HOST/none:1"}},
	{"digest", []string{"digest --platform linux/arm64 SRC", "! digest HOST/none:1"}},
	{"inspect", []string{"inspect --referrers SRC", "inspect b.tar", "! inspect HOST/none:1"}},
	{"tags", []string{"tags HOST/src/repo", "! tags HOST/none"}},
	{"repos", []string{"repos HOST", "! repos HOST/none"}},
	{"verify", []string{"verify SRC", "verify b.tar", "! verify bad.txt", "! verify HOST/none:1"}},
	{"images-in", []string{"images-in compose.yaml", "! images-in nothing.yaml"}},
	{"plan", []string{"copy --plan SRC HOST/planned:1", "load --plan=json b.tar HOST/planned",
		"! copy --plan HOST/none:1 DST"}},
	{"probe", []string{"probe HOST/src/repo", "probe --write HOST/probe", "! probe --write HOST"}},
	{"delete", []string{"delete DST", "! delete DST HOST/none:1"}},
	{"audit-verify", []string{"audit verify run.jsonl", "! audit verify --last x run.jsonl", "! audit verify images.txt"}},
	{"audit-show", []string{"audit show run.jsonl", "audit show other.har", "! audit show images.txt"}},
	{"audit-diff", []string{"audit diff run.jsonl run.jsonl", "! audit diff run.jsonl other.har",
		"! audit diff run.jsonl images.txt"}},
	{"audit-compare", []string{"audit compare run.jsonl other.har", "! audit compare run.jsonl images.txt"}},
	{"report-merge", []string{"report merge report.json report.json", "! report merge report.json images.txt"}},
	{"bench", []string{"bench push --size 1KiB --count 1 HOST/bench", "bench pull --size 1KiB --count 1 HOST/bench",
		"bench copy --size 1KiB --count 1 HOST/bench", "bench mount --size 1KiB --count 1 HOST/bench",
		"bench resolve --requests 2 --count 1 HOST/bench", "! bench push --size 1KiB --count 1 127.0.0.1:1/bench"}},
	{"bench-mix", []string{"bench mix --rate 5/s --for 1s --warmup 0s --size 1KiB HOST/bench",
		"! bench mix --rate 5/s --for 1s --warmup 0s --size 1KiB 127.0.0.1:1/bench"}},
	{"config", []string{"config HOST", "! config DST"}},
	{"version", []string{"version", "! version x"}},
}

// Every published schema is JSON Schema 2020-12, and what each command prints under --json against
// CNCF distribution, of successes and failures, is valid by it.
func TestJSONIsValidByPublishedSchemas(t *testing.T) {
	t.Parallel()
	schemas := publishedSchemas(t)
	host := servers.CNCF(t, servers.Options{})
	transship, _ := servers.Transship(t)
	transship.Dir = t.TempDir()
	src := push(t, host, fixture.Real(), "src/repo", "1.6")
	names := strings.NewReplacer("SRC", src, "DST", host.Host+"/dst/repo:1.6", "HOST", host.Host)
	for name, text := range map[string]string{"images.txt": "SRC\n", "bad.txt": "SRC\nHOST/none:1\n",
		"compose.yaml": "image: nginx:1\nimage: '{{x}}'\n", "nothing.yaml": "image: ''\n"} {
		writeFile(t, transship.Dir, name, names.Replace(text))
	}
	transship.Output(t, "copy", "--audit", "run.jsonl", src, host.Host+"/audited:1")
	transship.Output(t, "digest", "--audit", "other.har", src)
	writeFile(t, transship.Dir, "report.json", transship.Output(t, "copy", "--json", src, host.Host+"/reported:1"))
	transship.Output(t, "manifest", "create", host.Host+"/list:1", src)

	for _, runs := range schemaRuns {
		schema := schemas[runs.schema]
		delete(schemas, runs.schema)
		succeeded, failed := false, false
		for _, line := range runs.lines {
			line, fails := strings.CutPrefix(line, "! ")
			got := transship.Run(t, append(strings.Fields(names.Replace(line)), "--json")...)
			succeeded, failed = succeeded || got.Exit == 0, failed || got.Exit != 0
			if fails != (got.Exit != 0) {
				t.Errorf("%s: exit %d\n%s", line, got.Exit, got.Stderr)
			}
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(got.Stdout))
			if err == nil {
				err = schema.Validate(doc)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", line, err, got.Stdout)
			}
		}
		if !succeeded || !failed {
			t.Errorf("%s: no command line succeeds, or none fails", runs.schema)
		}
	}
	for name := range schemas {
		if name != "common" {
			t.Errorf("no command line prints what %s.json describes", name)
		}
	}
}

// publishedSchemas compiles the schemas, by name. A schema that is not valid by the meta-schema, or
// refers to what is not there, fails the test.
func publishedSchemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	const base = "https://transship.example/schemas/"
	files, err := filepath.Glob("../../docs/schemas/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schema: %v", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, file := range files {
		doc := parseJSON(t, file)
		if draft := doc.(map[string]any)["$schema"]; draft != "https://json-schema.org/draft/2020-12/schema" {
			t.Errorf("%s: $schema is %v", file, draft)
		}
		if err := compiler.AddResource(base+filepath.Base(file), doc); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]*jsonschema.Schema{}
	for _, file := range files {
		schema, err := compiler.Compile(base + filepath.Base(file))
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".json")] = schema
	}
	return out
}
