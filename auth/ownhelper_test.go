package auth

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A helper of Helpers comes before the files, and gets what is stored.
func TestHelperOfTheConfig(t *testing.T) {
	dir := newHelper(t)
	c := helperConfig(t, dir, `{"auths":{"ghcr.io":{"auth":"ZmlsZTpwdw=="},"other.example.com":{"auth":"ZmlsZTpwdw=="}}}`)
	c.Helpers = map[string]string{"ghcr.io": "test", "docker.io": "test"}
	c.HelpersOrigin = "the configuration"
	user := func(host string) string {
		t.Helper()
		got, err := c.Credential(t.Context(), host, "")
		if err != nil {
			t.Fatal(err)
		}
		return got.Username
	}
	if got := user("ghcr.io"); got != "file" {
		t.Errorf("the helper has no credential: got %q, want that of the file", got)
	}
	for _, host := range []string{"ghcr.io", "registry-1.docker.io"} {
		where, err := c.Store(t.Context(), host, Credential{Username: "helped", Password: "sesame"})
		if err != nil || where != helperPrefix+"test" {
			t.Errorf("stored in %q, error %v", where, err)
		}
		if got := user(host); got != "helped" {
			t.Errorf("%s: got %q, want that of the helper", host, got)
		}
	}
	if got := user("other.example.com"); got != "file" {
		t.Errorf("another host: got %q", got)
	}
	if found, err := c.Erase(t.Context(), "registry-1.docker.io"); err != nil || !found || user("registry-1.docker.io") != "" {
		t.Errorf("erased: %v, error %v", found, err)
	}
}

func TestPlaces(t *testing.T) {
	dir := newHelper(t)
	c := helperConfig(t, dir, `{"credHelpers":{"a.example":"test"},"auths":{"b.example":{"auth":"ZmlsZTpwdw=="}}}`)
	c.Helpers, c.HelpersOrigin = map[string]string{"c.example": "own"}, "the configuration"
	c.Inline = `{"auths":{"b.example":{"auth":"ZmlsZTpwdw=="}}}`
	name := c.Files[0]
	c.Files = append(c.Files, filepath.Join(dir, "missing.json"))
	for host, want := range map[string][]Place{
		"a.example": {{Name: "$DOCKER_AUTH_CONFIG"}, {Name: helperPrefix + "test", Origin: "credHelpers in " + name, Helper: true}, {Name: name}},
		"b.example": {{Name: "$DOCKER_AUTH_CONFIG", Found: true}, {Name: name, Found: true}},
		"c.example": {{Name: helperPrefix + "own", Origin: "the configuration", Helper: true}, {Name: "$DOCKER_AUTH_CONFIG"}, {Name: name}},
	} {
		got, err := c.Places(host)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", host, diff)
		}
	}
	c.Inline = "{"
	if _, err := c.Places("a.example"); err == nil {
		t.Error("a broken file is no error")
	}
}
