package auth

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseScope(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", ""},
		{"  \t", ""},
		{"repository:a/b:pull", "repository:a/b:pull"},
		{"repository:a/b:push,pull,push,,pull", "repository:a/b:pull,push"},
		{"repository:b:pull  repository:a:push", "repository:a:push repository:b:pull"},
		{"repository:a:pull repository:a:push", "repository:a:pull,push"},
		{"registry:catalog:*", "registry:catalog:*"},
		{"repository:host:5000/a:pull", "repository:host:5000/a:pull"},
		{"repository(plugin):a:pull", "repository(plugin):a:pull"},
		{"openid a:b repository:a:", "a:b openid repository:a:"},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, ParseScope(test.text).String()); diff != "" {
			t.Errorf("ParseScope(%q): -want +got\n%s", test.text, diff)
		}
	}
}

func TestRepository(t *testing.T) {
	tests := []struct {
		name    string
		actions []string
		want    string
	}{
		{"hczjl/halo", []string{Push, Pull}, "repository:hczjl/halo:pull,push"},
		{"hczjl/halo", nil, ""},
		{"", []string{Pull}, ""},
		{"a b", []string{Pull}, ""},
		{"a", []string{"pull push"}, ""},
	}
	for _, test := range tests {
		if got := Repository(test.name, test.actions...).String(); got != test.want {
			t.Errorf("Repository(%q, %q) = %q, want %q", test.name, test.actions, got, test.want)
		}
	}
}

func TestRepositoryKeepsCallersSlice(t *testing.T) {
	actions := append(make([]string, 0, 8), Push, Pull)
	Repository("a", actions...)
	if !slices.Equal(actions, []string{Push, Pull}) {
		t.Errorf("the caller's actions became %q", actions)
	}
}

func TestScopeIsAValue(t *testing.T) {
	base := Repository("a", Pull)
	left, right := base.Union(Repository("b", Pull)), base.Union(Repository("c", Push))
	if base.String() != "repository:a:pull" || left.String() != "repository:a:pull repository:b:pull" ||
		right.String() != "repository:a:pull repository:c:push" {
		t.Errorf("unions share memory: %q, %q, %q", base, left, right)
	}
	if ParseScope("repository:b:pull repository:a:pull") != left {
		t.Error("equal scopes do not compare equal")
	}
	if Catalog() != ParseScope("registry:catalog:*") {
		t.Errorf("the catalog's scope is %q", Catalog())
	}
	if !(Scope{}).Empty() || base.Empty() {
		t.Error("Empty is wrong")
	}
}

func TestScopeContains(t *testing.T) {
	tests := []struct {
		have, want string
		contains   bool
	}{
		{"", "", true},
		{"repository:a:pull", "", true},
		{"", "repository:a:pull", false},
		{"repository:a:pull,push", "repository:a:pull", true},
		{"repository:a:pull", "repository:a:pull,push", false},
		{"repository:a:*", "repository:a:delete,pull", true},
		{"repository:a:pull", "repository:a:*", false},
		{"repository:a:pull repository:b:pull", "repository:b:pull", true},
		{"repository:a:pull", "repository:ab:pull", false},
		{"registry:catalog:*", "repository:catalog:*", false},
		{"openid repository:a:pull", "openid", true},
	}
	for _, test := range tests {
		if got := ParseScope(test.have).Contains(ParseScope(test.want)); got != test.contains {
			t.Errorf("(%q).Contains(%q) = %v", test.have, test.want, got)
		}
	}
}

func TestScopeRepository(t *testing.T) {
	const both = "repository:a/src:pull repository:b/dst:pull,push"
	tests := []struct{ scope, path, want string }{
		{"", "/v2/a/src/manifests/1", ""},
		{"registry:catalog:*", "/v2/_catalog", ""},
		{both, "/v2/a/src/manifests/1", "a/src"},
		{both, "/v2/b/dst/blobs/uploads/", "b/dst"},
		{both, "/other/upload/1", "b/dst"},
		{"repository:a:pull repository:a/b:pull", "/v2/a/b/tags/list", "a/b"},
		{"repository:b:pull repository:a:pull", "/v2/", "a"},
	}
	for _, test := range tests {
		if got := ParseScope(test.scope).repository(test.path); got != test.want {
			t.Errorf("(%q).repository(%q) = %q, want %q", test.scope, test.path, got, test.want)
		}
	}
}

func FuzzParseScope(f *testing.F) {
	f.Add("repository:a/b:pull,push", "repository:a/b:delete")
	f.Add("registry:catalog:* repository:h:5000/a:pull", "openid")
	f.Add("a:b repository:x:", "::: ,")
	f.Fuzz(func(t *testing.T, one, other string) {
		a, b := ParseScope(one), ParseScope(other)
		if ParseScope(a.String()) != a {
			t.Errorf("%q is not canonical", a)
		}
		union := a.Union(b)
		if !union.Contains(a) || !union.Contains(b) {
			t.Errorf("the union %q of %q and %q lacks something", union, a, b)
		}
		if !union.Contains(b.Union(a)) || !b.Union(a).Contains(union) {
			t.Errorf("%q and %q have two unions", a, b)
		}
	})
}
