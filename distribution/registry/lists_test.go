package registry_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/distribution/registry"
)

// tags returns the tags of a repository that one request returns.
func (c client) tags(name, query string) []string {
	c.t.Helper()
	var got struct {
		Name string
		Tags []string
	}
	resp := c.do("GET", "/v2/"+name+"/tags/list"+query, "").want(c.t, 200, "")
	if err := json.Unmarshal([]byte(resp.body), &got); err != nil || got.Name != name || got.Tags == nil {
		c.t.Errorf("got %s, error %v", resp.body, err)
	}
	return got.Tags
}

// A repository whose last manifest was deleted lists no tags, as registries do that never forget a
// repository. The clients' own tests rely on it. One that never had a manifest is unknown.
func TestTagsOfAnEmptiedRepository(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		c.pushBlob("a", "x")
		c.do("GET", "/v2/a/tags/list", "").want(t, 404, "NAME_UNKNOWN")
		d := c.pushManifest("a", "1", imageOf("x"))
		c.do("DELETE", "/v2/a/manifests/"+d, "").want(t, 202, "")
		c.do("GET", "/v2/a/tags/list", "").want(t, 200, "").wantBody(t, `{"name":"a","tags":[]}`+"\n")
		if got := c.listPages("/v2/_catalog", "repositories"); len(got[0]) != 0 {
			t.Errorf("the catalog has %v", got)
		}
	})
}

var nextLink = regexp.MustCompile(`^<(.*)>; rel="next"$`)

// listPages returns all pages of a list.
func (c client) listPages(path, member string) [][]string {
	c.t.Helper()
	var pages [][]string
	for path != "" {
		resp := c.do("GET", path, "").want(c.t, 200, "")
		var got map[string]json.RawMessage
		var page []string
		if err := json.Unmarshal([]byte(resp.body), &got); err != nil {
			c.t.Fatal(err)
		}
		if err := json.Unmarshal(got[member], &page); err != nil {
			c.t.Fatal(err)
		}
		pages = append(pages, page)
		path = ""
		if link := nextLink.FindStringSubmatch(resp.Header.Get("Link")); link != nil {
			path = link[1]
		}
	}
	return pages
}

func TestTags(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		c.do("GET", "/v2/a/tags/list", "").want(t, 404, "NAME_UNKNOWN")
		c.pushManifest("a", "", imageOf("x"))
		if got := c.tags("a", ""); len(got) != 0 {
			t.Errorf("got %v", got)
		}
		for _, tag := range []string{"b", "B", "a", "10", "9", "c"} {
			c.pushManifest("a", tag, imageOf("x"))
		}
		c.pushManifest("a/b", "other", imageOf("x"))
		for query, want := range map[string][]string{
			"":               {"10", "9", "B", "a", "b", "c"},
			"?n=0":           {},
			"?n=2":           {"10", "9"},
			"?n=100":         {"10", "9", "B", "a", "b", "c"},
			"?last=B":        {"a", "b", "c"},
			"?last=bb":       {"c"},
			"?last=c":        {},
			"?n=1&last=a":    {"b"},
			"?n=2&last=none": {},
		} {
			if diff := cmp.Diff(want, c.tags("a", query)); diff != "" {
				t.Errorf("%q: %s", query, diff)
			}
		}
		for n, want := range map[int][][]string{
			1: {{"10"}, {"9"}, {"B"}, {"a"}, {"b"}, {"c"}},
			4: {{"10", "9", "B", "a"}, {"b", "c"}},
			6: {{"10", "9", "B", "a", "b", "c"}},
		} {
			if diff := cmp.Diff(want, c.listPages(fmt.Sprintf("/v2/a/tags/list?n=%d", n), "tags")); diff != "" {
				t.Errorf("n=%d: %s", n, diff)
			}
		}
		for _, n := range []string{"-1", "x", "99999999999999999999"} {
			c.do("GET", "/v2/a/tags/list?n="+n, "").want(t, 400, "UNSUPPORTED")
		}
		c.do("GET", "/v2/a/tags/list?n=0", "").wantHeader(t, "Link:")
	})
}

func TestPageSize(t *testing.T) {
	c := serve(t, &registry.Handler{PageSize: 2})
	for _, tag := range []string{"1", "2", "3"} {
		c.pushManifest("a", tag, imageOf("x"))
	}
	for _, query := range []string{"", "?n=100"} {
		if diff := cmp.Diff([][]string{{"1", "2"}, {"3"}}, c.listPages("/v2/a/tags/list"+query, "tags")); diff != "" {
			t.Errorf("%q: %s", query, diff)
		}
	}
}

func TestCatalog(t *testing.T) {
	eachStore(t, func(t *testing.T, store registry.Store) {
		c := serve(t, &registry.Handler{Store: store})
		if got := c.do("GET", "/v2/_catalog", "").want(t, 200, "").body; got != `{"repositories":[]}`+"\n" {
			t.Errorf("got %s", got)
		}
		for _, name := range []string{"b", "a/b/c", "a", "a-b"} {
			c.pushManifest(name, "1", imageOf("x"))
		}
		c.pushBlob("only/blobs", "x")
		d := c.pushManifest("deleted", "1", imageOf("x"))
		c.do("DELETE", "/v2/deleted/manifests/"+d, "").want(t, 202, "")
		want := [][]string{{"a", "a-b", "a/b/c"}, {"b"}}
		if diff := cmp.Diff(want, c.listPages("/v2/_catalog?n=3", "repositories")); diff != "" {
			t.Error(diff)
		}
	})
}
