package auth

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Base64 of bob:sesame, eve:apple, and AWS:12h with the padding of old docker versions.
const (
	bobAuth = "Ym9iOnNlc2FtZQ=="
	eveAuth = "ZXZlOmFwcGxl"
	awsAuth = "QVdTOjEyaAAA"
)

// writeConfig writes a configuration file and returns its name.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestConfigAuths(t *testing.T) {
	const text = `{
	"HttpHeaders": {"X": "y"},
	"auths": {
		"https://index.docker.io/v1/": {"auth": "` + bobAuth + `"},
		"ghcr.io": {"auth": "` + eveAuth + `", "email": 7},
		"https://old.example.com/v1/": {"username": "u", "password": "p"},
		"http://both.example.com": {"username": "plain", "password": "p"},
		"https://both.example.com": {"username": "secure", "password": "p"},
		"marker.example.com": {},
		"https://marker.example.com/v2/": {"identitytoken": "i"},
		"azurecr.io": {"auth": "MDAwOg==", "identitytoken": "i"},
		"localhost:5000": {"registrytoken": "r"},
		"[::1]:5000": {"username": "six", "password": "p"},
		"aws.example.com": {"auth": "` + awsAuth + `"},
		"quay.io/team": {"username": "team", "password": "p"},
		"quay.io/team/app": {"username": "app", "password": "p"},
		"docker.io/private": {"username": "private", "password": "p"},
		"padded.example.com": {"auth": "Ym9iOnNlc2FtZQAA"},
		"bad.example.com": "text",
		"bad64.example.com": {"auth": "%%"},
		"badpair.example.com": {"auth": "c2VzYW1l"}
	}
}`
	name := writeConfig(t, text)
	config := &Config{Files: []string{name}}
	tests := []struct {
		host, repository string
		want             Credential
	}{
		{"registry-1.docker.io", "", Credential{Username: "bob", Password: "sesame"}},
		{"docker.io", "library/alpine", Credential{Username: "bob", Password: "sesame"}},
		{"index.docker.io", "", Credential{Username: "bob", Password: "sesame"}},
		{"registry-1.docker.io", "private/x", Credential{Username: "private", Password: "p"}},
		{"ghcr.io", "a/b", Credential{Username: "eve", Password: "apple"}},
		{"GHCR.io", "a/b", Credential{Username: "eve", Password: "apple"}},
		{"padded.example.com", "", Credential{Username: "bob", Password: "sesame"}}, // as old versions of docker wrote it
		{"old.example.com", "", Credential{Username: "u", Password: "p"}},
		{"both.example.com", "", Credential{Username: "secure", Password: "p"}},
		{"marker.example.com", "", Credential{IdentityToken: "i"}},
		{"azurecr.io", "", Credential{Username: "000", IdentityToken: "i"}},
		{"localhost:5000", "", Credential{RegistryToken: "r"}},
		{"[::1]:5000", "", Credential{Username: "six", Password: "p"}},
		{"aws.example.com", "", Credential{Username: "AWS", Password: "12h"}},
		{"quay.io", "team/app/sub", Credential{Username: "app", Password: "p"}},
		{"quay.io", "team/app", Credential{Username: "app", Password: "p"}},
		{"quay.io", "team/apple", Credential{Username: "team", Password: "p"}},
		{"quay.io", "teams/app", Credential{}},
		{"quay.io", "", Credential{}},
		{"localhost", "", Credential{}},
		{"", "", Credential{}},
	}
	for _, test := range tests {
		if !test.want.Anonymous() {
			test.want.Source = name
		}
		got, err := config.Credential(context.Background(), test.host, test.repository)
		if err != nil || got != test.want {
			t.Errorf("%s %s: got %+v %q, %v", test.host, test.repository, got, got.Password, err)
		}
	}
	for host, want := range map[string]string{
		"bad.example.com": "object of strings", "bad64.example.com": "base64", "badpair.example.com": "user:password",
	} {
		_, err := config.Credential(context.Background(), host, "")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) ||
			!strings.Contains(err.Error(), host) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestMalformedConfig(t *testing.T) {
	tests := []struct{ text, problem string }{
		{"{", "line 1"},
		{"{\n\"auths\": {},\n}", "line 3"},
		{"{} {}", "line 1"},
		{"[]", "JSON object"},
		{`"x"`, "JSON object"},
		{`{"auths": []}`, `"auths"`},
		{`{"credHelpers": "x"}`, `"credHelpers"`},
		{`{"credHelpers": {"a.example.com": 1}}`, "credHelpers of a.example.com"},
		{`{"credsStore": {}}`, "credsStore"},
	}
	for _, test := range tests {
		name := writeConfig(t, test.text)
		config := &Config{Files: []string{name}}
		_, err := config.Credential(context.Background(), "a.example.com", "")
		if err == nil || !strings.Contains(err.Error(), test.problem) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", test.text, err)
		}
		if _, err := config.Store(context.Background(), "a.example.com", Credential(bob)); err == nil {
			t.Errorf("%s: a credential was stored", test.text)
		}
		if got := readFile(t, name); got != test.text {
			t.Errorf("%s: the file became %s", test.text, got)
		}
	}
	for _, text := range []string{"", " \n", "null", "{}", `{"auths": null, "credHelpers": null, "credsStore": ""}`} {
		config := &Config{Files: []string{writeConfig(t, text)}}
		if got, err := config.Credential(context.Background(), "a.example.com", ""); err != nil || !got.Anonymous() {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestMissingConfigFile(t *testing.T) {
	for _, config := range []*Config{{}, {Files: []string{filepath.Join(t.TempDir(), "no", "config.json")}}} {
		if got, err := config.Credential(context.Background(), "ghcr.io", "a/b"); err != nil || !got.Anonymous() {
			t.Errorf("%v, %v", got, err)
		}
		if found, err := config.Erase(context.Background(), "ghcr.io"); err != nil || found {
			t.Errorf("erase: %v, %v", found, err)
		}
	}
	if _, err := new(Config).Store(context.Background(), "ghcr.io", Credential(bob)); err == nil {
		t.Error("Store without Files returned no error")
	}
	dir := t.TempDir() // a directory instead of a file
	_, err := (&Config{Files: []string{dir}}).Credential(context.Background(), "ghcr.io", "")
	if err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
}

func TestConfigFilesAreSearchedInOrder(t *testing.T) {
	first := writeConfig(t, `{"auths": {"a.example.com": {"auth": "`+bobAuth+`"}, "b.example.com": {}}}`)
	second := writeConfig(t, `{"auths": {
		"a.example.com": {"auth": "`+eveAuth+`"}, "b.example.com": {"auth": "`+eveAuth+`"}}}`)
	config := &Config{Files: []string{first, second}}
	for host, want := range map[string]string{"a.example.com": first, "b.example.com": second} {
		if got, err := config.Credential(context.Background(), host, ""); err != nil || got.Source != want {
			t.Errorf("%s: %v, %v", host, got, err)
		}
	}
	config.Inline = `{"auths": {"a.example.com": {"auth": "` + eveAuth + `"}}}`
	got, err := config.Credential(context.Background(), "a.example.com", "")
	if err != nil || got.Source != "$DOCKER_AUTH_CONFIG" {
		t.Errorf("%v, %v", got, err)
	}
	config.Inline = `{`
	_, err = config.Credential(context.Background(), "a.example.com", "")
	if err == nil || !strings.Contains(err.Error(), "$DOCKER_AUTH_CONFIG") {
		t.Errorf("got %v", err)
	}
}

func TestConfigFromEnv(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"by default", map[string]string{"HOME": "/h", "XDG_RUNTIME_DIR": "/run/user/1"},
			[]string{"/h/.docker/config.json", "/run/user/1/containers/auth.json", "/h/.config/containers/auth.json"}},
		{"DOCKER_CONFIG",
			map[string]string{"HOME": "/h", "XDG_RUNTIME_DIR": "/r", "DOCKER_CONFIG": "/d", "XDG_CONFIG_HOME": "/x"},
			[]string{"/d/config.json", "/r/containers/auth.json", "/x/containers/auth.json"}},
		{"REGISTRY_AUTH_FILE", map[string]string{"HOME": "/h", "XDG_RUNTIME_DIR": "/r", "REGISTRY_AUTH_FILE": "/a.json"},
			[]string{"/a.json", "/h/.docker/config.json"}},
		{"both", map[string]string{"HOME": "/h", "DOCKER_CONFIG": "/d", "REGISTRY_AUTH_FILE": "/a.json"},
			[]string{"/d/config.json", "/a.json"}},
		{"no home", map[string]string{"XDG_RUNTIME_DIR": "/r"}, []string{"/r/containers/auth.json"}},
	}
	for _, test := range tests {
		config := ConfigFromEnv(func(key string) string { return test.env[key] })
		if diff := cmp.Diff(test.want, config.Files); diff != "" {
			t.Errorf("%s: -want +got\n%s", test.name, diff)
		}
	}
	config := ConfigFromEnv(func(key string) string { return key })
	if config.Inline != "DOCKER_AUTH_CONFIG" || config.HelperPath != "PATH" {
		t.Errorf("got %q, %q", config.Inline, config.HelperPath)
	}
}

// FuzzConfigFile checks that no file makes the reader panic, and that storing and erasing a
// credential keep everything else.
func FuzzConfigFile(f *testing.F) {
	f.Add([]byte(`{"auths": {"ghcr.io": {"auth": "Ym9iOnNlc2FtZQ==", "email": "x"}}, "credsStore": "pass"}`), "ghcr.io")
	f.Add([]byte(`{"auths": {"https://index.docker.io/v1/": {"identitytoken": "<&>"}}, "a": [1.50, 1e9]}`), "docker.io")
	f.Add([]byte(`{"credHelpers": {"quay.io": ""}, "auths": null, "auths": {}}`), "quay.io")
	f.Add([]byte(`{"\u0061": "\u003c", "auths": {"h/v1/": {}, "h": 1}}`), "h")
	f.Fuzz(func(t *testing.T, data []byte, host string) {
		file, err := parseConfigFile("test", data)
		if err != nil {
			return
		}
		file.find(host, "a/b")
		file.helper(host)
		stored, err := file.store(host, Credential(bob))
		if err != nil || checkHost(host) != nil {
			return
		}
		again, err := parseConfigFile("test", stored.encode())
		if err != nil {
			t.Fatalf("the written file cannot be read: %v", err)
		}
		if got, err := again.find(host, ""); err == nil && got.Password != bob.Password {
			t.Errorf("stored for %q, but found %+v", host, got)
		}
		erased, found, err := again.erase(host)
		if err != nil || !found {
			t.Fatalf("erase: %v, %v", found, err)
		}
		if got, err := erased.find(host, ""); err != nil || !got.Anonymous() {
			t.Errorf("erased, but found %v, %v", got, err)
		}
		notAuths := func(o object) object { return o.without(func(key string) bool { return key == "auths" }) }
		compact := func(o object) string { c, _ := parseObject(configFile{root: o}.encode()); return string(c.encode()) }
		if before, after := compact(notAuths(file.root)), compact(notAuths(erased.root)); before != after {
			t.Errorf("the rest changed from %s to %s", before, after)
		}
	})
}

func TestConfigIsCredentials(t *testing.T) {
	var c Credentials = new(Config)
	if _, ok := c.(Forgetter); !ok {
		t.Error("*Config does not implement Forgetter")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	config := &Config{Files: []string{writeConfig(t, `{"credsStore": "none"}`)}}
	if _, err := config.Credential(ctx, "ghcr.io", ""); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestHomeVariable(t *testing.T) {
	for goos, want := range map[string]string{"windows": "USERPROFILE", "linux": "HOME", "darwin": "HOME"} {
		if got := homeVariable(goos); got != want {
			t.Errorf("%s: %s, want %s", goos, got, want)
		}
	}
}
