package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/registry"
)

// listsPage returns docs/lists.md with these hosts in place of registry.example.com and registry.local.
func listsPage(t *testing.T, source, target string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/lists.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("registry.example.com", source, "registry.local", target).Replace(string(page))
}

// pageTags are the tags of team/app in docs/lists.md.
const pageTags = "3.18 3.18.1 3.19 3.20-rc1 3.20-alpine 3.20 v4.0 4.1 edge latest"

// fenced returns the content of the page's blocks of a language.
func fenced(page, language string) (blocks []string) {
	for _, part := range strings.Split(page, "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		blocks = append(blocks, block)
	}
	return blocks
}

// newListsSetup returns a copySetup whose source has what docs/lists.md speaks of.
func newListsSetup(t *testing.T) *copySetup {
	t.Helper()
	c := newCopySetup(t)
	for tag := range strings.FieldsSeq(pageTags) {
		c.source.pushImage("team/app", tag, "linux/amd64", tag)
	}
	for _, repo := range []string{"team/web", "tools/a", "tools/b/c"} {
		c.source.pushImage(repo, "latest", "linux/amd64", repo)
	}
	return c
}

// The table of docs/lists.md says what tags, save and sync select.
func TestListsPageSelectsWhatItSays(t *testing.T) {
	c := newListsSetup(t)
	page := listsPage(t, c.source.host, c.target.host)
	if !strings.Contains(page, "`"+pageTags+"`") {
		t.Errorf("the page does not have the tags %s", pageTags)
	}
	rows := 0
	for line := range strings.Lines(page) {
		words, want, found := strings.Cut(strings.TrimPrefix(line, "| `"), "` | ")
		if !found || !strings.HasPrefix(line, "| `") {
			continue
		}
		rows++
		words, want = strings.ReplaceAll(words, `\|`, "|"), strings.TrimSuffix(want, " |\n")
		o := c.run(append([]string{"tags"}, strings.Fields(words)...)...).want(0)
		if diff := cmp.Diff(want, strings.Join(strings.Fields(o.stdout), " ")); diff != "" {
			t.Errorf("%s\n%s", words, diff)
		}
		n := fmt.Sprint("n", rows)
		c.writeFile("images", words+" "+c.target.host+"/"+n)
		c.do("sync -q -f @/images").want(0)
		tags := strings.Fields(want)
		slices.Sort(tags)
		if diff := cmp.Diff(strings.Join(tags, " "), c.target.tagNames(n)); diff != "" {
			t.Errorf("sync of %s\n%s", words, diff)
		}
		if strings.Contains(words, " ") || strings.Contains(words, "*") {
			c.run(append([]string{"save", "-q", "-o", c.path(n + ".tar")}, strings.Fields(words)...)...).want(0)
			if got := len(imagesIn(t, c.path(n+".tar"))); got != len(tags) {
				t.Errorf("save of %s has %d images, want %d", words, got, len(tags))
			}
		}
	}
	if rows < 10 {
		t.Errorf("the page has %d rows", rows)
	}
}

// The lists of docs/lists.md are valid.
func TestListsOfThePageRun(t *testing.T) {
	c := newListsSetup(t)
	page := listsPage(t, c.source.host, c.target.host)
	c.writeFile("text", fenced(page, "list")[0])
	c.do("sync -f @/text TO/rest").want(0)
	for repo, want := range map[string]string{
		"rest/team/app": "3.20", "app": "3.18 3.18.1 3.19 3.20", "old/app": "3.18 3.18.1 3.19", "web": "stable",
		"mirror/tools/a": "latest", "mirror/tools/b/c": "latest",
	} {
		if diff := cmp.Diff(want, c.target.tagNames(repo)); diff != "" {
			t.Errorf("%s: %s", repo, diff)
		}
	}
	c.writeFile("json", fenced(page, "json")[0])
	c.do("sync -f @/json TO").want(0)
	if diff := cmp.Diff("3.19 3.20", c.target.tagNames("json/app")); diff != "" {
		t.Error(diff)
	}
	c.do("save -o @/x.tar -f @/text").want(0)
	if names := imageNames(t, c.path("x.tar")); !slices.Contains(names, c.target.host+"/mirror/tools/b/c:latest") {
		t.Errorf("the bundle has %v", names)
	}
}

// HOST/PATTERN means repositories by the catalog, over all its pages.
func TestListsOfRepositoryPatterns(t *testing.T) {
	c := newCopySetup(t)
	c.source.Handler = &registry.Handler{PageSize: 2}
	for _, repo := range []string{"base", "team", "team/app", "team/web", "team/web/site", "teams/app"} {
		c.source.pushImage(repo, "1", "linux/amd64", "x")
	}
	c.source.pushImage("team/web", "2", "linux/amd64", "y")
	for i, test := range []struct{ words, want string }{
		{"FROM/*", "base:1 team:1"},
		{"FROM/team/*", "team/app:1 team/web:1 team/web:2"},
		{"FROM/team/**", "team/app:1 team/web/site:1 team/web:1 team/web:2"},
		{"FROM/team*/app", "team/app:1 teams/app:1"},
		{"docker://FROM/t*/**:2", "team/web:2"},
		{"FROM/** >1", "team/web:2"},
		{"FROM/**:/^2$/", "team/web:2"},
	} {
		n := fmt.Sprint("n", i)
		c.writeList(strings.Replace(test.words, ":2", ":[2]", 1) + " TO/" + n)
		o := c.do("sync -f @/images").want(0)
		var got []string
		for line := range strings.Lines(o.stdout) {
			name, _, _ := strings.Cut(strings.TrimPrefix(line, c.target.host+"/"+n+"/"), "@")
			got = append(got, name)
		}
		slices.Sort(got)
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s\n%s", test.words, diff)
		}
	}
	c.do("save -o @/x.tar FROM/team/*").want(0)
	if got := len(imagesIn(t, c.path("x.tar"))); got != 3 {
		t.Errorf("the bundle has %d images", got)
	}
	c.writeList(`[{"source": "FROM/team/**", "minimum": 5}]`)
	c.do("sync -f @/images TO/few").want(4, "matches 4 tags, and its minimum is 5")
	c.writeList("FROM/team/**:9*\n")
	c.do("sync -f @/images TO/none").want(4, "/team/**:9* matches no tag")
	c.writeList("FROM/none/**\n")
	c.do("sync -f @/images TO/none").want(4, "/none/** matches no repository")
}

// --prune holds each repository of a pattern against its own, and removes nothing if the catalog fails.
func TestListsOfRepositoryPatternsPrune(t *testing.T) {
	c := newCopySetup(t)
	c.source.pushImage("team/app", "1", "linux/amd64", "x")
	c.target.pushImage("m/team/app", "old", "linux/amd64", "x")
	c.target.pushImage("m/team/other", "old", "linux/amd64", "x")
	c.writeList("FROM/team/** TO/m\n")
	c.do("sync -f @/images --prune --plan").want(0)
	c.do("sync -f @/images --prune").want(0, "to be removed: ")
	if got := c.target.tagNames("m/team/app") + ", " + c.target.tagNames("m/team/other"); got != "1, old" {
		t.Errorf("the target has %s", got)
	}
	c.target.pushImage("m/team/app", "old", "linux/amd64", "x")
	c.writeList("FROM/team/** TO/m\nFROM/team/app TO/m/team/app\n")
	c.source.Set(registry.Rule{Match: "_catalog", Status: 403, Body: `{"errors":[{"code":"DENIED"}]}`})
	c.do("sync -f @/images --prune").want(8, "does not list its repositories")
	if got := c.target.tagNames("m/team/app"); got != "1 old" {
		t.Errorf("the target has %s", got)
	}
}

// A line with fewer tags than its minimum copies nothing, and --prune removes nothing for it.
func TestListsMinimumGuardsPrune(t *testing.T) {
	c := newSyncSetup(t)
	c.target.pushImage("app", "v0", "linux/amd64", "x")
	c.writeList(`[{"source": "FROM/app", "targets": ["TO/app"], "include": ["v*"], "minimum": 4, "latest": 1}]`)
	c.do("sync -f @/images --prune").want(4, "/app:v* matches 3 tags, and its minimum is 4")
	if got := c.target.tagNames("app"); got != "v0" {
		t.Errorf("the target has %s", got)
	}
	c.writeList(`[{"source": "FROM/app", "targets": ["TO/app"], "include": ["v*"], "minimum": 3, "latest": 1}]`)
	c.do("sync -f @/images --prune").want(0)
	if got := c.target.tagNames("app"); got != "v2.0" {
		t.Errorf("the target has %s", got)
	}
}

// A catalog of many repositories is filtered page by page.
func TestListsOfManyRepositories(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	c := newCopySetup(t)
	c.source.pushImage("last/app", "1", "linux/amd64", "x")
	const perPage, pages = 50_000, 4 // twice as many as may match
	rules := []registry.Rule{{Match: fmt.Sprintf("_catalog\\?page=%d$", pages), Status: 200, Body: `{"repositories":["last/app"]}`}}
	for page := range pages {
		var names []string
		for i := range perPage {
			names = append(names, fmt.Sprintf("%q", fmt.Sprintf("team/r%d", page*perPage+i)))
		}
		rule := registry.Rule{Match: fmt.Sprintf("_catalog\\?page=%d$", page), Status: 200,
			Body: `{"repositories":[` + strings.Join(names, ",") + "]}"}
		if page == 0 {
			rule.Match = "_catalog$"
		}
		rule.Header = map[string]string{"Link": fmt.Sprintf(`</v2/_catalog?page=%d>; rel="next"`, page+1)}
		rules = append(rules, rule)
	}
	c.source.Set(rules...)
	c.writeList("FROM/last/* TO/m\n")
	c.do("sync -f @/images").want(0, "synced 1 image")
	c.writeList("FROM/team/* TO/m\n")
	c.do("sync -f @/images").want(1, "matches more than 100000 repositories")
}

func TestListsRefuseWhatMakesNoSense(t *testing.T) {
	c := newCopySetup(t)
	for list, want := range map[string]wantedError{
		"FROM/app TO/x !1.*":                                     {2, "line 1: !1.* selects tags, and stands after the target", "SRC [PATTERN...] [DST...]"},
		"FROM/app:1.6 !*-rc* TO/x":                               {2, "/app:1.6 is one image, and patterns select", "leave out its tag"},
		"oci:@/lay 1.*":                                          {2, "patterns select among the tags of a repository, which oci:", ""},
		"FROM/app >=x TO/x":                                      {2, `">=x" is not a range of versions`, "a range is made of"},
		"FROM/app >= TO/x":                                       {2, `">=" is not a range of versions`, "a range is made of"},
		"FROM/app >=1 || TO/x":                                   {2, `">=1 ||" is not a range of versions`, "a range is made of"},
		"FROM/app /(/ TO/x":                                      {2, `"/(/" is not a regular expression`, "RE2"},
		"FROM/app ! TO/x":                                        {2, `"" is not a pattern of tags`, "transship help lists"},
		"FROM/app:!/(/ TO/x":                                     {2, `"/(/" is not a regular expression`, "RE2"},
		"FROM/a/**/b TO/x":                                       {2, `"a/**/b" is not a pattern of repositories`, "/team/**"},
		"FROM/*/ TO/x":                                           {2, `"*/" is not a pattern of repositories`, "/team/**"},
		"halohub/* TO/x":                                         {2, `"halohub" does not begin with a registry's host`, "docker.io"},
		"FROM/team/** x":                                         {2, "does not begin with a registry's host", "docker.io/x"},
		"FROM/app TO/X*":                                         {2, "invalid reference", ""},
		`[{"source":"FROM/app","incude":1}]`:                     {2, `unknown field "incude"`, ""},
		`[{"source":"FROM/app","include":"1.*"}]`:                {2, "include is a string", ""},
		`[{"source":"FROM/app","include":[1]}]`:                  {2, "include is a number", ""},
		`[{"source":"FROM/app","include":[""]}]`:                 {2, `"" is not a pattern of tags`, ""},
		`[{"source":"FROM/app","include":[">=1"]}]`:              {2, `">=1" is a range of versions: write it as semver`, ""},
		`[{"source":"FROM/app","semver":"latest"}]`:              {2, `"latest" is not a range of versions`, ""},
		`[{"source":"FROM/app","semver":["1"]}]`:                 {2, "semver is an array", ""},
		`[{"source":"FROM/app:1","minimum":2}]`:                  {2, "minimum counts the tags of a repository", ""},
		`[{"source":"FROM/app","minimum":-2}]`:                   {2, "minimum is less than 0", ""},
		`[{"source":"FROM/app:1","include":["1"]}]`:              {2, "is one image, and patterns select", ""},
		`[{"source":"FROM/app","exclude":["a"],"exclude":[]}]`:   {2, `member "exclude" comes twice`, ""},
		"FROM/app !\nFROM/app:1:2\n\nFROM/ok TO\nFROM/app >x ab": {2, "4 lines of ", "transship help lists"},
	} {
		c.writeList(list)
		o := c.do("sync -f @/images TO/all")
		if want.hint == "" {
			o.want(want.code, want.message)
		} else {
			o.wantError(want)
		}
		c.do("save -o @/x.tar -f @/images").want(2)
	}
	for line, want := range map[string]wantedError{
		"save -o @/x.tar 1.*":               {2, "1.* selects tags, and no repository stands before it", "REPOSITORY 1.*"},
		"save -o @/x.tar FROM/app:1.6 !1.*": {2, "is one image, and patterns select", "leave out its tag"},
		"save -o @/x.tar @/dir/":            {2, "is a folder: write oci:", ""},
		"tags FROM/app >=":                  {2, `">=" is not a range`, ""},
	} {
		o := c.do(line).want(want.code, want.message)
		if !strings.Contains(o.stderr, want.hint) {
			t.Errorf("%s\nhints %s", o.line, o.stderr)
		}
	}
	if n := c.source.Count("") + c.target.Count(""); n != 0 {
		t.Errorf("%d calls before all was read", n)
	}
}

// Every line that cannot be understood is named.
func TestListsNameEveryBadLine(t *testing.T) {
	c := newCopySetup(t)
	c.writeList("FROM/app !\nFROM/app:1:2\nFROM/src/repo:1.6 TO/ok\n")
	for _, line := range []string{"sync -f @/images TO", "save -o @/x.tar -f @/images"} {
		c.do(line).want(2, "failed: "+c.path("images")+": line 1: ", "failed: "+c.path("images")+": line 2: ")
	}
}
