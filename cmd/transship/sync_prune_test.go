package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/mirror"
	"github.com/hczjl/transship/distribution/registry"
)

// newPruneSetup returns newSyncSetup with two tags at the target that the source does not have:
// v0.9 and old of app.
func newPruneSetup(t testing.TB) *copySetup {
	t.Helper()
	c := newSyncSetup(t)
	for _, tag := range []string{"v1.9", "v0.9", "old"} {
		c.target.pushImage("app", tag, "linux/amd64", "app", tag)
	}
	return c
}

// deletedTags returns the tags that the target was asked to delete, sorted.
func (c *copySetup) deletedTags() string {
	var out []string
	for _, r := range c.target.Requests() {
		if r.Method == http.MethodDelete {
			out = append(out, strings.Replace(strings.TrimPrefix(r.URL, "/v2/"), "/manifests/", ":", 1))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// --prune deletes exactly the tags of the target that match a line and that no source has.
func TestSyncPrune(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ list, flags, gone string }{
		"all":                         {"FROM/app TO/app", "", "app:old app:v0.9"},
		"by the command's DST":        {"FROM/app", "TO", "app:old app:v0.9"},
		"a pattern":                   {"FROM/app:v* TO/app", "", "app:v0.9"},
		"not with one tag":            {"FROM/app:v1.9 TO/app", "", ""},
		"not what is beyond latest":   {"FROM/app TO/app", "--latest 1", "app:old app:v0.9"},
		"not another line's tag":      {"FROM/app TO/app\nFROM/tool:2 TO/app:old", "", "app:v0.9"},
		"not another line's tags":     {"FROM/app:v1* TO/app\nFROM/app:v* TO/app", "", "app:v0.9"},
		"not what another one leaves": {"FROM/app TO/app\nFROM/mixed:* TO/app", "--latest 1", "app:v0.9"},
		"once for two lines":          {"FROM/app TO/app\nFROM/app TO/app", "", "app:old app:v0.9"},
		"several targets":             {"FROM/app TO/app TO/second", "", "app:old app:v0.9 second:x"},
		"not in layouts":              {"FROM/app oci:@/lay", "", ""},
		"of no repository":            {"FROM/app TO/fresh", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newPruneSetup(t)
			c.target.pushImage("second", "x", "linux/amd64", "x")
			c.source.pushImage("mixed", "old", "linux/amd64", "still there")
			c.source.pushImage("mixed", "v9", "linux/amd64", "newest")
			c.writeList(test.list)
			o := c.do("sync -f @/images --prune " + test.flags).want(0)
			if got := c.deletedTags(); got != test.gone {
				t.Errorf("%q\nremoves %q, want %q", test.list, got, test.gone)
			}
			planned := strings.Count(o.stderr, "to be removed: ")
			if n := len(strings.Fields(test.gone)); planned != n ||
				n > 0 != strings.Contains(o.stderr, fmt.Sprintf(", %d removed", n)) &&
					!strings.Contains(o.stderr, fmt.Sprintf("%d removed", n)) {
				t.Errorf("%q\nsays %s", test.list, o.stderr)
			}
			for _, tag := range strings.Fields(test.gone) {
				repo, tag, _ := strings.Cut(tag, ":")
				if c.target.has(repo, tag) {
					t.Errorf("%s:%s is there", repo, tag)
				}
			}
			c.target.ResetRequests()
			if c.do("sync -f @/images --prune " + test.flags).want(0); c.deletedTags() != "" {
				t.Errorf("%q\nremoves the second time %s", test.list, c.deletedTags())
			}
		})
	}
}

// Nothing is deleted from a repository if the tags of one of its sources are unknown.
func TestSyncPruneNeedsAllSources(t *testing.T) {
	t.Parallel()
	const lists = "^GET /v2/app/tags/list"
	for name, test := range map[string]struct {
		list    string
		source  registry.Rule
		message string
		code    int
	}{
		"no list":       {"FROM/app TO/app", registry.Rule{Match: lists, Status: 500}, "500 Internal Server Error", 1},
		"no repository": {"FROM/app TO/app", registry.Rule{Match: lists, Status: 404}, "404 Not Found", 4},
		"denied":        {"FROM/app TO/app", registry.Rule{Match: lists, Status: 403}, "403 Forbidden", 3},
		"an empty list": {"FROM/app TO/app", registry.Rule{Match: lists, Status: 200, Body: `{"name":"app","tags":[]}`},
			"has no tags", 4},
		"null": {"FROM/app TO/app", registry.Rule{Match: lists, Status: 200, Body: `{"name":"app","tags":null}`},
			"has no tags", 4},
		"no list at all": {"FROM/app TO/app", registry.Rule{Match: lists, Status: 200, Body: `<html>`},
			"a web page, which no registry sends", 5},
		"none matches": {"FROM/app:w* TO/app", registry.Rule{}, "matches no tag", 4},
		"another line": {"FROM/app TO/app\nFROM/down TO/app", registry.Rule{Match: "^GET /v2/down/", Status: 503},
			"app is not pruned: the images of line 2, which may be copied there, are unknown", 8},
		"a missing tar": {"FROM/app\noci-archive:@/none.tar", registry.Rule{},
			"app is not pruned: the images of line 2, which may be copied there, are unknown", 8},
		"the second page": {"FROM/app TO/app", registry.Rule{Match: lists + `\?`, Status: 500},
			"500 Internal Server Error", 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newPruneSetup(t)
			rules := []registry.Rule{test.source}
			if name == "the second page" {
				rules = append(rules,
					registry.Rule{Match: lists + "$",
						Header: map[string]string{"Link": `</v2/app/tags/list?last=v1.9>; rel="next"`}})
			}
			c.source.Set(rules...)
			c.writeList(test.list)
			c.do("sync -f @/images --prune TO").want(test.code, test.message)
			if got := c.deletedTags(); got != "" || !c.target.has("app", "old") {
				t.Errorf("%q\nremoves %q", test.list, got)
			}
		})
	}
}

// A failed copy does not stop pruning, and its own tag is kept.
func TestSyncPruneAfterFailures(t *testing.T) {
	c := newPruneSetup(t)
	c.source.Set(registry.Rule{Match: "manifests/v1.9$", Status: 500})
	c.writeList("FROM/app TO/app")
	c.do("sync -f @/images --prune").want(8, "failed: line 1: ", "transship sync: 1 of 6 failed")
	if got := c.deletedTags(); got != "app:old app:v0.9" {
		t.Errorf("it removes %q", got)
	}
	c.writeList("FROM/app TO/fresh")
	c.source.Set(registry.Rule{Match: "^GET .*/manifests/", Status: 500})
	c.do("sync -f @/images --prune").want(1, "transship sync: 4 of 4 failed") // there is nothing to prune yet
}

// A registry that refuses to delete tags is reported for each tag, and the images count as synced.
func TestSyncPruneRefused(t *testing.T) {
	for status, says := range map[int]string{405: "the registry does not delete single tags: DELETE",
		400: "the registry does not delete single tags: DELETE", 403: "403 Forbidden"} {
		c := newPruneSetup(t)
		c.target.Set(registry.Rule{Match: "^DELETE", Status: status,
			Body: `{"errors":[{"code":"UNSUPPORTED","message":"no"}]}`})
		c.writeList("FROM/app TO/app")
		o := c.do("sync -f @/images --prune").
			want(8, "failed: line 1: "+c.target.host+"/app:old: ", "failed: line 1: "+c.target.host+"/app:v0.9: ", says,
				"2 of 6 failed")
		if o := c.do("sync -f @/images --prune --json").want(8); o.syncReport().Failed != 2 {
			t.Errorf("%s\nprints %s", o.line, o.stdout)
		}
		if strings.Count(o.stderr, "to be removed: ") != 2 {
			t.Errorf("%s\nsays %s", o.line, o.stderr)
		}
	}
	c := newPruneSetup(t)
	gone := registry.Rule{Match: "^(DELETE|HEAD) .*/(old|v0.9)$", Status: 404} // another client has deleted them
	c.target.Set(gone)
	c.writeList("FROM/app TO/app")
	c.do("sync -f @/images --prune").want(0, "2 removed")
	gone.Match = "^DELETE" // the registry has them, and knows only digests
	c.target.Set(gone)
	c.do("sync -f @/images --prune").want(8, "the registry does not delete single tags", "2 of 6 failed")
}

// All tags to delete are printed before the first is deleted. With --quiet only the report lists
// them.
func TestSyncPruneListsTagsFirst(t *testing.T) {
	c := newPruneSetup(t)
	c.writeList("FROM/app TO/app\nFROM/tool TO/tool\n")
	c.target.pushImage("tool", "0", "linux/amd64", "x")
	o := c.do("sync -v -f @/images --prune").want(0)
	plan, del := regexp.MustCompile(`(?m)^to be removed: `).
		FindAllStringIndex(o.stderr, -1), strings.Index(o.stderr, " DELETE ")
	if len(plan) != 3 || del < plan[2][0] {
		t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
	c = newPruneSetup(t)
	c.writeList("FROM/app TO/app")
	var removed []string
	for _, result := range c.do("sync -q --json -f @/images --prune").want(0).syncReport().Images {
		if result.Status == mirror.SyncRemoved {
			removed = append(removed, strings.TrimPrefix(result.Target, c.target.host+"/"))
		}
	}
	if !slices.Equal(removed, []string{"app:old", "app:v0.9"}) {
		t.Errorf("the report has %v", removed)
	}
}

// Referrers tags (distribution-spec, "Referrers Tag Schema") are kept.
func TestSyncPruneKeepsReferrers(t *testing.T) {
	c := newPruneSetup(t)
	root := c.target.pushImage("app", "v1.9", "linux/amd64", "app", "v1.9")
	list := strings.Replace(string(root.Digest), ":", "-", 1)
	c.target.pushImage("app", list, "linux/amd64", "stands for an index of referrers")
	c.target.pushImage("app", cosignTag(root), "linux/amd64", "a signature that the source has no more")
	c.writeList("FROM/app TO/app")
	c.do("sync -f @/images --prune").want(0)
	if got, want := c.deletedTags(), "app:old app:"+cosignTag(root)+" app:v0.9"; got != want {
		t.Errorf("it removes %q, want %q", got, want)
	}
}

func TestSyncPruneInterrupted(t *testing.T) {
	c := newPruneSetup(t)
	c.writeList("FROM/app TO/app")
	c.interruptOn(registry.Rule{Match: "^GET .*/manifests/"})
	c.do("sync -f @/images --prune").
		wantError(wantedError{130, "transship sync: interrupted", "no tag points at an incomplete image"})
	if got := c.deletedTags(); got != "" {
		t.Errorf("it removes %q", got)
	}
}

// Listed names that are not valid tags are not used in calls and not printed.
func TestSyncIgnoresInvalidTags(t *testing.T) {
	t.Parallel()
	c := newSyncSetup(t)
	bad := `"../../../v2/secret/manifests/x","a/b","x?y=z","\u001b[31mred","","` + strings.Repeat("x", 200) +
		`","-x","ok\u0000","sha256:abc"`
	c.source.Set(registry.Rule{Match: "^GET /v2/app/tags/list", Status: 200, Body: `{"tags":[` + bad + `,"v1.9"]}`})
	c.target.Set(registry.Rule{Match: "^GET /v2/app/tags/list", Status: 200, Body: `{"tags":[` + bad + `,"v1.9"]}`})
	c.writeList("FROM/app TO/app")
	c.do("sync -f @/images --prune").want(0, "synced 1 image: 1 copied")
	for _, s := range []*server{c.source, c.target} {
		if n := s.Count("secret|%1b|%3f|/a/b|xxx"); n != 0 {
			t.Errorf("%d calls with what is no tag", n)
		}
	}
	if got := c.deletedTags(); got != "" {
		t.Errorf("it removes %q", got)
	}
}

func TestSyncOfTooManyTags(t *testing.T) {
	if testing.Short() {
		t.Skip("a million tags take long")
	}
	t.Parallel()
	c := newSyncSetup(t)
	c.writeList("FROM/app TO/app")
	var many []byte
	for i := range 1_000_001 {
		many = append(strconv.AppendInt(append(many, `,"`...), int64(i), 16), '"')
	}
	c.source.Set(registry.Rule{Match: "^GET /v2/app/tags/list", Status: 200, Body: `{"tags":[` + string(many[1:]) + `]}`})
	c.do("sync -f @/images").want(1, "/app lists more than 1000000 tags")
}
