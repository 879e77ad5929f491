package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/registry"
)

// startCatalog starts a registry with five repositories that lists two on a page.
func startCatalog(t *testing.T) *server {
	t.Helper()
	s := startServer(t)
	s.Handler = &registry.Handler{PageSize: 2}
	for _, repo := range []string{"base", "team", "team/app", "team/web/site", "teams/app"} {
		s.pushImage(repo, "1", "linux/amd64", "x")
	}
	return s
}

func TestReposPrintsEveryPageAndNamesBelowThePrefix(t *testing.T) {
	s := startCatalog(t)
	p := newProgram(t)
	for args, want := range map[string]string{
		"HOST":                  "base\nteam\nteam/app\nteam/web/site\nteams/app\n",
		"docker://HOST/":        "base\nteam\nteam/app\nteam/web/site\nteams/app\n",
		"HOST/team":             "team\nteam/app\nteam/web/site\n",
		"HOST/team/web/":        "team/web/site\n",
		"--limit 2 HOST/team":   "team\nteam/app\n",
		"--full-ref HOST/teams": s.host + "/teams/app\n",
	} {
		o := p.run(strings.Fields("repos " + strings.ReplaceAll(args, "HOST", s.host))...).want(0)
		if diff := cmp.Diff(want, o.stdout); diff != "" || o.stderr != "" {
			t.Errorf("%s: %s%s", o.line, diff, o.stderr)
		}
	}
	s.ResetRequests()
	p.run("repos", s.host).want(0)
	if s.Count("") != 3 || s.Count("^GET /v2/_catalog") != 3 {
		t.Errorf("calls for three pages: %v", s.Requests())
	}
	s.ResetRequests()
	p.run("repos", "--limit", "2", s.host).want(0)
	if s.Count("") != 1 {
		t.Errorf("calls for the first two: %v", s.Requests())
	}
}

func TestReposJSONIsOneDocument(t *testing.T) {
	s := startCatalog(t)
	p := newProgram(t)
	want := fmt.Sprintf("{\n  \"registry\": %q,\n  \"repositories\": [\n    \"team\",\n    \"team/app\",\n"+
		"    \"team/web/site\"\n  ],\n  \"ok\": true\n}\n", s.host)
	if diff := cmp.Diff(want, p.run("repos", "--json", s.host+"/team").want(0).stdout); diff != "" {
		t.Error(diff)
	}
	s.Set(registry.Rule{Match: "_catalog", Status: 200, Body: `{"repositories":null}`})
	want = fmt.Sprintf("{\n  \"registry\": %q,\n  \"repositories\": [],\n  \"ok\": true\n}\n", s.host)
	o := p.run("repos", "--json", s.host).want(0)
	if diff := cmp.Diff(want, o.stdout); diff != "" || !strings.Contains(o.stderr, "lists no repositories") {
		t.Errorf("%s%s", diff, o.stderr)
	}
}

func TestReposWithoutACatalogSaysWhatToDo(t *testing.T) {
	s := startCatalog(t)
	p := newProgram(t)
	const login = "transship login 127.0.0.1:"
	denied := map[string]string{"WWW-Authenticate": `Basic realm="x"`}
	for name, test := range map[string]struct {
		rule registry.Rule
		want wantedError
	}{
		"404": {registry.Rule{Status: 404, Body: `{"errors":[{"code":"NOT_FOUND"}]}`},
			wantedError{4, "has no list of its repositories: ", "many registries list"}},
		"404, a web server": {registry.Rule{Status: 404, Body: "<html>"},
			wantedError{4, "has no list of its repositories: ", "check that 127.0.0.1:"}},
		"405": {registry.Rule{Status: 405, Body: `{"errors":[{"code":"UNSUPPORTED"}]}`},
			wantedError{4, "has no list of its repositories: ", "/REPOSITORY needs no such list"}},
		"400": {registry.Rule{Status: 400, Body: `{"errors":[{"code":"UNSUPPORTED"}]}`},
			wantedError{4, "has no list of its repositories: ", login}},
		"401": {registry.Rule{Status: 401, Header: denied}, wantedError{3, "does not list its repositories: ", login}},
		"403": {registry.Rule{Status: 403, Body: `{"errors":[{"code":"DENIED"}]}`},
			wantedError{3, "does not list its repositories: ", login}},
		"500":  {registry.Rule{Status: 500}, wantedError{1, "500 Internal Server Error", "try again later"}},
		"HTML": {registry.Rule{Status: 200, Body: "<html>"}, wantedError{5, "a web page, which no registry sends", "no proxy answers"}},
		"text": {registry.Rule{Status: 200, Body: "none"}, wantedError{1, "something that is not its JSON", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			test.rule.Match = "^GET /v2/_catalog"
			s.Set(test.rule)
			for _, flags := range []string{"", "--json"} {
				o := p.run(strings.Fields("repos " + s.host + " " + flags)...)
				o.wantError(test.want)
				o.wantOutcome(flags != "")
			}
		})
	}
}

func TestReposBelowAPrefixWithoutAnyIsNotFound(t *testing.T) {
	s := startCatalog(t)
	for _, flags := range []string{"", " --json"} {
		o := newProgram(t).run(strings.Fields("repos " + s.host + "/tea" + flags)...)
		o.wantError(wantedError{4, s.host + " lists no repository tea and none below it", "transship repos " + s.host})
		o.wantOutcome(flags != "")
	}
}

func TestReposLeavesOutInvalidNames(t *testing.T) {
	s := startServer(t)
	s.Set(registry.Rule{Match: "_catalog", Status: 200, Body: `{"repositories":["a","\u001b[31mred","../b","c"]}`})
	o := newProgram(t).run("repos", s.host).want(0)
	if o.stdout != "a\nc\n" || !strings.Contains(o.stderr, "2 repositories without a valid name") {
		t.Errorf("prints %q and %q", o.stdout, o.stderr)
	}
}

// Half of a list ends with an error, and as JSON with that it is not all.
func TestReposThatFailsMidway(t *testing.T) {
	s := startCatalog(t)
	s.Set(registry.Rule{Match: "last=team$", Status: 500})
	p := newProgram(t)
	o := p.run("repos", s.host)
	o.wantError(wantedError{1, "500 Internal Server Error", "try again later"})
	if o.stdout != "base\nteam\n" {
		t.Errorf("prints %q", o.stdout)
	}
	o = p.run("repos", "--json", s.host).want(1)
	var half struct {
		Repositories []string
		OK           *bool
		ExitCode     int
	}
	if err := json.Unmarshal([]byte(o.stdout), &half); err != nil || len(half.Repositories) != 2 || half.OK == nil ||
		*half.OK || half.ExitCode != 1 {
		t.Errorf("prints %s: %v", o.stdout, err)
	}
}

// lineCounter counts the lines written to it.
type lineCounter struct{ atomic.Int64 }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.Add(int64(strings.Count(string(p), "\n")))
	return len(p), nil
}

// A page is printed before the next one is asked for, so that no list is too long.
func TestReposPrintsNamesAsTheyCome(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	const all, size = 150_000, 5_000 // more than a pattern may match
	var printed lineCounter
	host := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("last"))
		if printed.Load() != int64(from) {
			t.Errorf("page from %d asked for with %d names printed", from, printed.Load())
		}
		if from+size < all {
			w.Header().Set("Link", fmt.Sprintf(`</v2/_catalog?last=%d>; rel="next"`, from+size))
		}
		names := make([]string, size)
		for i := range names {
			names[i] = fmt.Sprintf("team/app%07d", from+i)
		}
		json.NewEncoder(w).Encode(map[string][]string{"repositories": names})
	}))
	p := newProgram(t)
	p.stdout = &printed
	if p.run("repos", host).want(0); printed.Load() != all {
		t.Errorf("%d names printed", printed.Load())
	}
}

func TestReposTakesAHostAlone(t *testing.T) {
	p := newProgram(t)
	for arg, want := range map[string]wantedError{
		"alpine":                   {2, `"alpine" does not begin with a registry's host`, "write docker.io/alpine"},
		"https:///team":            {2, `"" is not the host of a registry`, "give a host such as"},
		"monday.tar":               {2, "monday.tar is a file or folder", ""},
		"oci:images":               {2, "oci:images is not a registry", ""},
		"r.example.com/team/app:1": {2, `"team/app:1" is not the beginning of a repository's name`, "without a tag"},
		"r.example.com/Team":       {2, `"Team" is not the beginning`, "team/app"},
		"r.example.com/team/*":     {2, `"team/*" is not the beginning`, "team/app"},
	} {
		p.run("repos", arg).wantError(want)
	}
	p.run("repos", "--limit", "0", "r.example.com").wantError(wantedError{2, "--limit", ""})
}
