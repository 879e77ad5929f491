package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// schemaFolder has a schema for each command with --json, published with the documentation.
const schemaFolder = "../../docs/schemas/"

// schemaOf returns the name of a command's schema: its words, or for the rounds of bench the family's.
func schemaOf(command string) string {
	if strings.HasPrefix(command, "bench ") && command != "bench mix" {
		return "bench"
	}
	return strings.ReplaceAll(command, " ", "-")
}

// jsonRuns are command lines by schema. ! begins those that fail. Each schema needs both.
var jsonRuns = map[string][]string{
	"copy": {"copy SRC DST", "copy SRC DST", "copy --keep-existing 1.* SRC DST", "copy SRC FROM/copy:1 TO/copy:2 oci:@/copied",
		"copy SRC oci-archive:@/c.tar", "! copy FROM/none:1 DST", "! copy SRC DST " + closedAddress + "/a:1", "! copy SRC",
		"! copy --bogus SRC DST", "! copy --max-calls 3 SRC TO/limited:1"},
	"report-merge": {"report merge @/report1 @/report2", "! report merge @/report1 @/report3", "! report merge @/images"},
	"sync":         {"sync -f @/images", "sync -f @/images", "! sync -f @/bad", "! sync"},
	"save": {"save -o @/b.tar --sum SRC", "save -o @/folder/ SRC",
		"save -o @/one.tar --platform linux/amd64 SRC", "! save -o - SRC", "! save -o @/n.tar FROM/none:1",
		"! save -o @/folder/ FROM/none:1"},
	"bundle-diff": {"bundle diff @/b.tar @/b.tar.json", "! bundle diff @/b.tar @/one.tar", "! bundle diff @/none @/b.tar"},
	"load":        {"load @/b.tar TO/loaded", "load @/b.tar TO/loaded", "! load @/nothing.tar TO", "! load @/b.tar " + closedAddress},
	"pull":        {"pull SRC", "pull SRC", "! pull SRC FROM/none:1", "! pull FROM/none:1"},
	"push":        {"push TO/pushed:1", "push TO/pushed:1", "! push TO/unknown:1", "! push " + closedAddress + "/repo:1"},
	"images":      {"images", "images nothing", "! images Bad"},
	"tags":        {"tags FROM/src/repo", "tags --sort none FROM/src/repo", "! tags FROM/none", "! tags FROM/src/repo 9.*"},
	"repos":       {"repos FROM", "! repos FROM/none", "! repos " + closedAddress},
	"digest":      {"digest SRC", "digest --platform linux/arm64 SRC", "digest oci:@/copied", "! digest FROM/none:1"},
	"inspect":     {"inspect SRC", "inspect @/b.tar", "inspect --referrers SRC", "! inspect FROM/none:1", "! inspect @/nothing.tar"},
	"verify":      {"verify @/b.tar", "verify SRC", "verify --require-signature @/team.json SRC", "! verify --require-signature @/refuse.json SRC", "! verify @/images", "! verify FROM/none:1"},
	"delete":      {"delete TO/loaded/src/repo:1.6", "! delete DST TO/none:1", "! delete TO/none:1"},
	"images-in":   {"images-in @/compose.yaml", "! images-in @/images", "! images-in @/nothing"},
	"version":     {"version", "! version x"},
	"config":      {"config FROM", "! config SRC", "! config"},
	"audit-show":  {"audit show " + sampleAudit, "! audit show @/nothing.jsonl"},
	"audit-diff":  {"audit diff " + sampleAudit + " " + sampleAudit, "! audit diff " + sampleAudit + " @/nothing.jsonl"},
	"probe":       {"probe FROM", "probe FROM/src/repo", "probe --write TO/probe", "! probe --write TO", "! probe " + closedAddress},
	"audit-compare": {"audit compare " + sampleAudit + " " + sampleAudit,
		"! audit compare " + sampleAudit + " @/nothing.jsonl"},
	"bench":     {"bench push --size 1KiB --count 1", "! bench push --layers 3 --size 2x1KiB"},
	"bench-mix": {"bench mix --rate 5/s --for 1s --warmup 0s --size 1KiB FROM/mix", "! bench mix --read 50 --scenario pull FROM/mix"},
	"plan": {"copy --plan SRC TO/planned:1", "copy --plan=json SRC DST", "load --plan=json @/b.tar TO/planned",
		"! copy --plan=json FROM/none:1 DST", "! copy --plan SRC DST " + closedAddress + "/a:1", "! copy --plan=json SRC"},
	"rmi":   {"rmi SRC", "rmi --force nothing:1", "! rmi nothing:1 Bad", "! rmi nothing:1"},
	"prune": {"prune", "prune --all --quiet", "! prune x"},
	"tag":   {"tag SRC " + closedAddress + "/tagged:1", "! tag nothing:1 repo:1", "! tag SRC Bad"},
	"manifest-push": {"manifest push TO/list:1", "manifest push --purge TO/list:1", "! manifest push TO/none:1",
		"! manifest push " + closedAddress + "/list:1"},
	"audit-verify": {"audit verify " + sampleAudit, "! audit verify --last x " + sampleAudit, "! audit verify @/images",
		"! audit verify @/nothing.jsonl"},
}

// closedAddress is where no server listens.
const closedAddress = "127.0.0.1:1"

// What commands print under --json, of a success and of a failure, is what the published schemas
// say. No member is missing from the schema. On failure it has what standard error has.
func TestJSONHoldsAgainstSchemas(t *testing.T) {
	t.Parallel()
	c := newSignedSetup(t)
	c.writePolicy("refuse.json", `{"images": ["**"], "require": "refuse"}`)
	c.writeList("FROM/src/repo:1.6 TO/synced:1\n")
	c.writeFile("compose.yaml", "image: nginx:1\nimage: '{{x}}'\n")
	c.run("pull", c.src).want(0)
	for _, name := range []string{c.target.host + "/pushed:1", closedAddress + "/repo:1"} {
		c.run("tag", c.src, name).want(0)
	}
	c.writeFile("bad", fmt.Sprintf("%s %s/synced:1\n%s/none:1 %[2]s/none:1\n", c.src, c.target.host, c.source.host))
	for _, list := range []string{c.target.host + "/list:1", closedAddress + "/list:1"} {
		c.run("manifest", "create", list, c.src).want(0)
	}
	for i, ok := range []bool{true, true, false} {
		c.writeFile(fmt.Sprint("report", i+1), fmt.Sprintf(`{"ok":%v,"images":[],"error":"x","exitCode":5}`, ok))
	}
	order := []string{"copy", "sync", "save", "load", "pull", "push", "images", "plan", "tag", "rmi"}
	for name := range maps.Keys(jsonRuns) {
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	for _, schema := range order {
		for _, line := range jsonRuns[schema] {
			line, fails := strings.CutPrefix(line, "! ")
			o := c.do(line + " --json")
			if fails != (o.code != 0) {
				t.Errorf("%s\nends with %d: %s", o.line, o.code, o.stderr)
			}
			o.wantDocument(schema)
		}
	}
}

// wantDocument checks that standard output is one document of a schema, with the outcome.
func (o result) wantDocument(schema string) {
	o.t.Helper()
	var document struct {
		OK       *bool
		Error    string
		ExitCode int
		Hint     string
	}
	if err := json.Unmarshal([]byte(o.stdout), &document); err != nil {
		o.t.Errorf("%s\nprints no document: %v\n%s", o.line, err, o.stdout)
		return
	}
	if document.OK == nil || *document.OK != (o.code == 0) || document.ExitCode != o.code ||
		(document.Error != "") != (o.code != 0) || (document.Hint != "") != (len(o.hintLines()) > 0) {
		o.t.Errorf("%s\nends with %d, and its document says %+v", o.line, o.code, document)
	}
	for _, problem := range newSchemas(o.t).check(schema, []byte(o.stdout)) {
		o.t.Errorf("%s\nprints what %s.json does not have: %s\n%s", o.line, schema, problem, o.stdout)
	}
}

func TestEveryJSONFlagHasASchema(t *testing.T) {
	page, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{"plan": true}
	for _, c := range commands() {
		if flagsOf(c).Lookup("json") != nil {
			wanted[schemaOf(c.Name)] = true
		}
	}
	for schema := range wanted {
		fails := func(line string) bool { return strings.HasPrefix(line, "! ") }
		if runs := jsonRuns[schema]; !slices.ContainsFunc(runs, fails) || len(runs) < 2 {
			t.Errorf("%s: no run in this test succeeds, or none fails", schema)
		}
		newSchemas(t).load(schema + ".json")
		if !strings.Contains(string(page), "schemas/"+schema+".json") {
			t.Errorf("docs/json.md does not name schemas/%s.json", schema)
		}
	}
	files, err := os.ReadDir(schemaFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), ".json"); name != "common" && !wanted[name] {
			t.Errorf("no command prints what %s describes", f.Name())
		}
	}
}

// A flag --json that is not that of run.Run prints no document of a failure.
func TestEveryJSONFlagIsTheRuns(t *testing.T) {
	for _, c := range commands() {
		if f := flagsOf(c).Lookup("json"); f != nil && f.Usage != jsonFlagUsage {
			t.Errorf("%s has a --json of its own: %s", c.Name, f.Usage)
		}
	}
}

const jsonFlagUsage = "print JSON for scripts"

// schemas reads the published schemas, and checks documents against the part of JSON Schema 2020-12
// that they use. Unlike the standard it takes a member that no schema names for a mistake.
type schemas struct {
	t     testing.TB
	files map[string]map[string]any
}

func newSchemas(t testing.TB) *schemas { return &schemas{t, map[string]map[string]any{}} }

func (s *schemas) load(file string) map[string]any {
	s.t.Helper()
	if s.files[file] == nil {
		raw, err := os.ReadFile(schemaFolder + file)
		if err != nil {
			s.t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(raw, &schema); err != nil {
			s.t.Fatalf("%s: %v", file, err)
		}
		s.files[file] = schema
	}
	return s.files[file]
}

// check returns what of a document is not as a schema says.
func (s *schemas) check(schema string, document []byte) []string {
	s.t.Helper()
	var value any
	if err := json.Unmarshal(document, &value); err != nil {
		return []string{err.Error()}
	}
	file := schema + ".json"
	v := &schemaCheck{schemas: s}
	v.value(file, s.load(file), value, "$")
	return v.problems
}

// schemaCheck is one check of a document.
type schemaCheck struct {
	*schemas
	problems []string
}

func (v *schemaCheck) bad(path, format string, args ...any) {
	v.problems = append(v.problems, path+": "+fmt.Sprintf(format, args...))
}

// value checks a value with all of its members.
func (v *schemaCheck) value(file string, schema map[string]any, value any, path string) {
	known := v.apply(file, schema, value, path)
	if object, ok := value.(map[string]any); ok {
		for name := range object {
			if !known[name] {
				v.bad(path, "no schema has %q", name)
			}
		}
	}
}

// apply checks a value against one schema, and returns the members that the schema has.
func (v *schemaCheck) apply(file string, schema map[string]any, value any, path string) map[string]bool {
	known := map[string]bool{}
	join := func(file string, sub map[string]any) { maps.Copy(known, v.apply(file, sub, value, path)) }
	for keyword, rule := range schema {
		switch keyword {
		case "$ref":
			join(v.resolve(file, rule.(string)))
		case "allOf":
			for _, sub := range rule.([]any) {
				join(file, sub.(map[string]any))
			}
		case "if":
			probe := &schemaCheck{schemas: v.schemas}
			probe.apply(file, rule.(map[string]any), value, path)
			if then, ok := schema["then"].(map[string]any); ok && len(probe.problems) == 0 {
				join(file, then)
			}
		case "type":
			v.typed(rule, value, path)
		case "enum":
			if !slices.Contains(rule.([]any), value) {
				v.bad(path, "%v is none of %v", value, rule)
			}
		case "const":
			if value != rule {
				v.bad(path, "%v is not %v", value, rule)
			}
		case "pattern":
			if text, ok := value.(string); ok && !regexp.MustCompile(rule.(string)).MatchString(text) {
				v.bad(path, "%q does not match %s", text, rule)
			}
		case "minimum":
			if n, ok := value.(float64); ok && n < rule.(float64) {
				v.bad(path, "%v is less than %v", n, rule)
			}
		case "properties", "required", "additionalProperties", "items":
		case "$schema", "$id", "$defs", "title", "description", "then", "format":
		default:
			v.t.Fatalf("%s: the test does not know the keyword %s", file, keyword)
		}
	}
	v.children(file, schema, value, path, known)
	return known
}

// children checks the members of an object and the elements of an array.
func (v *schemaCheck) children(file string, schema map[string]any, value any, path string, known map[string]bool) {
	if list, ok := value.([]any); ok {
		if items, ok := schema["items"].(map[string]any); ok {
			for i, element := range list {
				v.value(file, items, element, fmt.Sprintf("%s[%d]", path, i))
			}
		}
		return
	}
	object, ok := value.(map[string]any)
	if !ok {
		return
	}
	properties, _ := schema["properties"].(map[string]any)
	rest, _ := schema["additionalProperties"].(map[string]any)
	for name, member := range object {
		sub, named := properties[name].(map[string]any)
		if !named {
			sub = rest
		}
		if sub != nil {
			known[name] = true
			v.value(file, sub, member, path+"."+name)
		}
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := object[name.(string)]; !there {
			v.bad(path, "%v is missing", name)
		}
	}
}

// resolve returns what a reference means, and the file that it is in.
func (v *schemaCheck) resolve(file, ref string) (string, map[string]any) {
	name, def, _ := strings.Cut(ref, "#/$defs/")
	if name != "" {
		file = name
	}
	defs, _ := v.load(file)["$defs"].(map[string]any)
	schema, ok := defs[def].(map[string]any)
	if !ok {
		v.t.Fatalf("%s: there is no %s", file, ref)
	}
	return file, schema
}

// typed checks a value's type.
func (v *schemaCheck) typed(rule, value any, path string) {
	types, several := rule.([]any)
	if !several {
		types = []any{rule}
	}
	is := "null"
	switch n := value.(type) {
	case bool:
		is = "boolean"
	case string:
		is = "string"
	case []any:
		is = "array"
	case map[string]any:
		is = "object"
	case float64:
		is = "number"
		if n == float64(int64(n)) {
			is = "integer"
		}
	}
	if !slices.Contains(types, any(is)) && !(is == "integer" && slices.Contains(types, any("number"))) {
		v.bad(path, "it is %s, not %v", is, rule)
	}
}
