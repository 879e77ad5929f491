package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/registry"
)

// startTags starts a registry whose repository app lists the tags, in this order.
func startTags(t *testing.T, tags ...string) *server {
	t.Helper()
	s := startServer(t)
	body, err := json.Marshal(map[string][]string{"tags": tags})
	if err != nil {
		t.Fatal(err)
	}
	s.Set(registry.Rule{Match: "^GET /v2/app/tags/list", Status: 200, Body: string(body)})
	return s
}

func TestTagsAreSortedAndSelected(t *testing.T) {
	s := startTags(t, "latest", "v", "1.10", "edge", "1.9", "v2.0", "1.6", "1.6-rc10", "1.6-rc2", "1.6.1")
	p := newProgram(t)
	for args, want := range map[string]string{
		"HOST/app":                       "1.6-rc2 1.6-rc10 1.6 1.6.1 1.9 1.10 v2.0 edge latest v",
		"--sort version HOST/app":        "1.6-rc2 1.6-rc10 1.6 1.6.1 1.9 1.10 v2.0 edge latest v",
		"--sort none HOST/app":           "latest v 1.10 edge 1.9 v2.0 1.6 1.6-rc10 1.6-rc2 1.6.1",
		"docker://HOST/app:1.6*":         "1.6-rc2 1.6-rc10 1.6 1.6.1",
		"HOST/app 1.6*":                  "1.6-rc2 1.6-rc10 1.6 1.6.1",
		"HOST/app:1.6* !*-rc*":           "1.6 1.6.1",
		"HOST/app 1.9 latest none":       "1.9 latest",
		"HOST/app !1.* !v*":              "edge latest",
		"HOST/app [el]* v[0-9]*":         "v2.0 edge latest",
		"--limit 2 HOST/app":             "1.6-rc2 1.6-rc10",
		"--limit 99 HOST/app 1.9":        "1.9",
		"--limit 2 --sort=none HOST/app": "latest v",
		"--latest 2 HOST/app":            "1.10 v2.0",
		"--latest 1 HOST/app 1.6*":       "1.6.1",
		"--latest 99 HOST/app e* 1.9":    "1.9",
		"--full-ref HOST/app v2*":        "HOST/app:v2.0",
	} {
		o := p.run(strings.Fields("tags " + strings.ReplaceAll(args, "HOST", s.host))...).want(0)
		got := strings.ReplaceAll(strings.Join(strings.Fields(o.stdout), " "), s.host, "HOST")
		if diff := cmp.Diff(want, got); diff != "" || o.stderr != "" {
			t.Errorf("%s: %s%s", args, diff, o.stderr)
		}
	}
}

func TestTagsJSONIsOneDocument(t *testing.T) {
	s := startTags(t, "latest", "1.10", "1.9")
	p := newProgram(t)
	for args, tags := range map[string]string{
		"":                      "[\n    \"1.9\",\n    \"1.10\",\n    \"latest\"\n  ]",
		"--sort none --limit 1": "[\n    \"latest\"\n  ]",
	} {
		want := fmt.Sprintf("{\n  \"repository\": \"%s/app\",\n  \"tags\": %s,\n  \"ok\": true\n}\n", s.host, tags)
		o := p.run(strings.Fields("tags --json " + s.host + "/app " + args)...).want(0)
		if diff := cmp.Diff(want, o.stdout); diff != "" {
			t.Error(diff)
		}
	}
	s.Set(registry.Rule{Match: "tags/list", Status: 200, Body: `{"tags":null}`})
	o := p.run("tags", "--json", s.host+"/app").want(0)
	if want := fmt.Sprintf("{\n  \"repository\": \"%s/app\",\n  \"tags\": [],\n  \"ok\": true\n}\n", s.host); o.stdout != want {
		t.Errorf("without tags: %s", o.stdout)
	}
}

func TestTagsThatSelectNoneAreNotFound(t *testing.T) {
	s := startTags(t, "latest", "edge")
	for args, message := range map[string]string{
		"1.*":              "/app has no tag that matches 1.*",
		"* !*":             "/app has no tag that matches * !*",
		"--json 1.*":       "/app has no tag that matches 1.*",
		"--sort none 1.*":  "/app has no tag that matches 1.*",
		"--latest 2":       "/app has no tag that is a version",
		"--latest 2 late*": "/app has no tag that is a version and matches late*",
	} {
		o := newProgram(t).run(strings.Fields("tags " + s.host + "/app " + args)...)
		o.wantError(wantedError{4, message, "transship tags " + s.host + "/app lists all"})
		o.wantOutcome(strings.HasPrefix(args, "--json"))
	}
}

func TestTagsRefusesWhatMakesNoSense(t *testing.T) {
	for args, want := range map[string]wantedError{
		"a [":                      {2, `"[" is not a pattern of tags`, "a pattern has *"},
		"a:[x":                     {2, `"[x" is not a pattern of tags`, "a pattern has *"},
		"a !":                      {2, `"" is not a pattern of tags`, "a pattern has *"},
		"a --latest 1 --limit 1":   {2, "--latest and --limit cannot be used together", "one of the two"},
		"a --latest 1 --sort none": {2, "--latest needs the order of versions", "leave out --sort none"},
		"a --sort size":            {2, `--sort: "size" is not version or none`, ""},
		"a --limit 0":              {2, "--limit", ""},
		"r.example.com:5000 1.*":   {2, "r.example.com:5000 is a registry: name a repository too", "docker.io/library"},
		"a:1 1.*":                  {2, "a repository is wanted here", ""},
	} {
		newProgram(t).run(strings.Fields("tags " + args)...).wantError(want)
	}
}

func TestTagsLeavesOutInvalidNames(t *testing.T) {
	s := startTags(t, "2", "\x1b[31mred", "../b", "1")
	o := newProgram(t).run("tags", s.host+"/app").want(0)
	if o.stdout != "1\n2\n" || !strings.Contains(o.stderr, "lists 2 tags without a valid name, which are left out") {
		t.Errorf("prints %q and %q", o.stdout, o.stderr)
	}
}

// More tags than are sorted in memory are listed in the registry's order only.
func TestTagsOfAMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	tags := make([]string, 1_000_001)
	for i := range tags {
		tags[i] = fmt.Sprint(i)
	}
	s := startTags(t, tags...)
	p := newProgram(t)
	p.run("tags", s.host+"/app").wantError(wantedError{1, "lists more than 1000000 tags", "--sort none"})
	var printed lineCounter
	p.stdout = &printed
	if p.run("tags", "--sort", "none", s.host+"/app").want(0); printed.Load() != 1_000_001 {
		t.Errorf("%d tags printed", printed.Load())
	}
}
