package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// load loads a text as the file of $TRANSSHIP_CONFIG.
func load(t *testing.T, text string) (*File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(t.Context(), environment{"TRANSSHIP_CONFIG": path}.get)
}

type environment map[string]string

func (e environment) get(name string) string { return e[name] }

func TestPath(t *testing.T) {
	for _, test := range []struct {
		env   environment
		want  string
		named bool
	}{
		{environment{"TRANSSHIP_CONFIG": "x.json", "HOME": "/h"}, "x.json", true},
		{environment{"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/transship/config.json", false},
		{environment{"XDG_CONFIG_HOME": "x", "HOME": "/h"}, "/h/.config/transship/config.json", false}, // the XDG specification skips it
		{environment{"HOME": "/h"}, "/h/.config/transship/config.json", false},
		{environment{}, "", false},
	} {
		if path, named := Path(test.env.get); path != test.want || named != test.named {
			t.Errorf("%v: got %s, %v", test.env, path, named)
		}
	}
}

func TestNoFile(t *testing.T) {
	for _, env := range []environment{{}, {"HOME": t.TempDir()}, {"TRANSSHIP_CONFIG": os.DevNull}} {
		if f, err := Load(t.Context(), env.get); err != nil || f.Path != "" || len(f.Host("docker.io").Mirrors) != 0 {
			t.Errorf("%v: got %+v, error %v", env, f, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := Load(t.Context(), environment{"TRANSSHIP_CONFIG": missing}.get); !os.IsNotExist(unwrap(err)) {
		t.Errorf("a named file that is missing: %v", err)
	}
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return err
}

func TestHost(t *testing.T) {
	f, err := load(t, `{
  "version": 1,
  "hosts": {
    "docker.io": {"mirrors": ["https://mirror.example.com/", "http://10.0.0.1:5000/hub/proxy"], "pull-from-mirror": "digest-only"},
    "registry.example.com:5000": {"ca": "certs/ca.pem", "cert": "/c.pem", "key": "/k.pem", "credential-helper": "pass"},
    "plain.example.com": {"plain-http": true}, "open.example.com": {"insecure": true}
  },
  "defaults": {"rate": "20MiB/s", "jobs": 4, "stall": "30s", "max-wait": "1h"}
}`)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(f.Path)
	for host, want := range map[string]Host{
		"registry-1.docker.io": {
			Mirrors:     []Mirror{{Host: "mirror.example.com"}, {Host: "10.0.0.1:5000", Prefix: "hub/proxy", PlainHTTP: true}},
			DigestsOnly: true,
		},
		"Registry.example.com:5000": {CA: filepath.Join(dir, "certs/ca.pem"), Cert: "/c.pem", Key: "/k.pem", Helper: "pass"},
		"plain.example.com":         {PlainHTTP: true},
		"open.example.com":          {Insecure: true},
		"other.example.com":         {},
	} {
		got := f.Host(host)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Host{}, "From", "MirrorsFrom", "InsecureFrom")); diff != "" {
			t.Errorf("%s: %s", host, diff)
		}
	}
	if from := f.Host("docker.io").MirrorsFrom; from != f.Path+" hosts.docker.io" {
		t.Errorf("from %s", from)
	}
	want := map[string]string{"rate": "20MiB/s", "jobs": "4", "stall": "30s", "max-wait": "1h"}
	if diff := cmp.Diff(want, f.Defaults); diff != "" {
		t.Error(diff)
	}
}

// Each mistake is one line that names the file, the line and the member.
func TestMistakes(t *testing.T) {
	const hosts, end = "{\"version\": 1, \"hosts\": {\n", "}}"
	for text, want := range map[string]string{
		"":                                  ":1: the file is empty",
		" \n ":                              ":1: the file is empty",
		"null":                              ":1: want an object, not null",
		"[]":                                ":1: want an object, not a list",
		"{\n":                               ":2: unexpected end of JSON input",
		"{}{}":                              ":1: invalid character '{' after top-level value",
		"{}":                                `:1: the member "version" is missing; it is 1`,
		"\xff":                              ":1: the text is not UTF-8",
		`{"version": 2}`:                    ":1: version: version 2 is not known; this transship reads version 1",
		`{"version": 1.0}`:                  ":1: version: version 1.0 is not known",
		`{"version": "1"}`:                  ":1: version: want the number 1, not a string",
		`{"version": null}`:                 ":1: version: want the number 1, not null",
		"{\"version\": 1,\n\"version\": 1}": ":2: version: the member comes twice",
		"{\"version\": 1,\n\"host\": {}}":   `:2: host: there is no such member; did you mean "hosts"?`,
		"{\"version\": 1,\n\"Hosts\": {}}":  `:2: Hosts: there is no such member; did you mean "hosts"?`,
		`{"version": 1, "x": 1}`:            ":1: x: there is no such member; there are: defaults, docker-daemon, hosts, version",
		`{"version": 1, "hosts": []}`:       ":1: hosts: want an object, not a list",
		hosts + `"a.example": null` + end:   ":2: hosts.a.example: want an object, not null",
		hosts + `"a.example": {"mirror": []}` + end:                                   `:2: hosts.a.example.mirror: there is no such member; did you mean "mirrors"?`,
		hosts + `"a.example": {"mirrors": "m.example"}` + end:                         ":2: hosts.a.example.mirrors: want a list, not a string",
		hosts + `"a.example": {"mirrors": ["m.example", 1]}` + end:                    ":2: hosts.a.example.mirrors[2]: want a string, not a number",
		hosts + `"a.example": {"mirrors": [""]}` + end:                                ":2: hosts.a.example.mirrors[1]: the string is empty",
		hosts + `"a.example": {"mirrors": ["m.example", "https://M.example/"]}` + end: "mirrors[2]: this mirror comes twice",
		hosts + `"a.example": {"mirrors": ["a.example"]}` + end:                       "mirrors[1]: this is the registry itself",
		hosts + `"docker.io": {"mirrors": ["registry-1.docker.io"]}` + end:            "mirrors[1]: this is the registry itself",
		hosts + `"a.example": {"mirrors": ["https://m.example/v2/"]}` + end:           "mirrors[1]: leave out /v2",
		hosts + `"a.example": {"mirrors": ["u:pass@m.example"]}` + end:                "mirrors[1]: a mirror is written without an account",
		hosts + `"a.example": {"mirrors": ["ftp://m.example"]}` + end:                 "mirrors[1]: want host[:port][/prefix]",
		hosts + `"a.example": {"mirrors": ["m.example/UP"]}` + end:                    "mirrors[1]: want host[:port][/prefix]",
		hosts + `"a.example": {"plain-http": "yes"}` + end:                            "plain-http: want true or false, not a string",
		hosts + `"a.example": {"plain-http": true, "ca": "/x"}` + end:                 "hosts.a.example: plain-http is without TLS",
		hosts + `"a.example": {"cert": "/x"}` + end:                                   "hosts.a.example: cert and key belong together",
		hosts + `"a.example": {"ca": "~/x"}` + end:                                    "hosts.a.example.ca: ~/x: write the folder out",
		hosts + `"a.example": {"pull-from-mirror": "tags"}` + end:                     `pull-from-mirror: want "all" or "digest-only"`,
		hosts + `"a.example": {"pull-from-mirror": "digest-only"}` + end:              "pull-from-mirror needs mirrors",
		hosts + `"a.example": {"credential-helper": "docker-credential-pass"}` + end:  "credential-helper: want the name of a helper",
		hosts + `"index.docker.io": {}` + end:                                         ":2: hosts.index.docker.io: write the host as docker.io",
		hosts + `"A.example": {}` + end:                                               ":2: hosts.A.example: write the host as a.example",
		hosts + `"a.example/team": {}` + end:                                          "this is not the host of a registry",
		hosts + `"alpine": {}` + end:                                                  "this is not the host of a registry",
		hosts + `"": {}` + end:                                                        "this is not the host of a registry",
		`{"version": 1, "defaults": {"jobs": 0}}`:                                     `defaults.jobs: "0" is not a whole number of 1 or more`,
		`{"version": 1, "defaults": {"jobs": true}}`:                                  "defaults.jobs: want a string, not a boolean",
		`{"version": 1, "defaults": {"rate": "fast"}}`:                                `defaults.rate: "fast" is not a number of bytes per second`,
		`{"version": 1, "defaults": {"stall": "1ms"}}`:                                `defaults.stall: "1ms" is not a time of a second or more`,
		`{"version": 1, "defaults": {"platform": "x"}}`:                               "defaults.platform: there is no such member",
		`{"version": 1, "docker-daemon": 1}`:                                          "docker-daemon: want true, or the path of a daemon.json, not a number",
		strings.Repeat("[", 20000):                                                    "exceeded max depth",
		`{"version": 1, "` + strings.Repeat("x", 1000) + `": 1}`:                      "x...: there is no such member",
	} {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
			t.Errorf("%.80s\ngot  %v\nwant %s", text, err, want)
		}
		if text != "" && err != nil && strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: the error shows an account: %v", text, err)
		}
	}
}

func TestDockerDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "daemon.json")
	text := `{"debug": true, "registry-mirrors": ["https://m.example"], "insecure-registries": ["i.example:5000", "10.0.0.0/8"]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := load(t, `{"version": 1, "docker-daemon": "`+path+`", "hosts": {"10.9.9.9": {"plain-http": true}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if h := f.Host("docker.io"); len(h.Mirrors) != 1 || h.MirrorsFrom != path+" registry-mirrors" {
		t.Errorf("got %+v", h)
	}
	for host, insecure := range map[string]bool{
		"i.example:5000": true, "i.example": false, "10.1.2.3:5000": true, "11.1.2.3": false, "10.9.9.9": false,
	} {
		if h := f.Host(host); h.Insecure != insecure || h.InsecureHTTP != insecure {
			t.Errorf("%s: got %+v", host, h)
		}
	}
	f, err = load(t, `{"version": 1, "docker-daemon": "`+path+`", "hosts": {"docker.io": {"mirrors": ["own.example"]}}}`)
	if err != nil || f.Host("docker.io").Mirrors[0].Host != "own.example" {
		t.Errorf("daemon.json beats the configuration: %+v, error %v", f.Host("docker.io"), err)
	}
	for text, want := range map[string]string{
		`{"registry-mirrors": "m"}`:          path + ":1: registry-mirrors: want a list, not a string",
		`{"insecure-registries": ["a/b/c"]}`: path + ":1: insecure-registries[1]: want host[:port] or a network",
		``:                                   path + ":1: the file is empty",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, `{"version": 1, "docker-daemon": "`+path+`"}`); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir: "is neither a file nor a pipe", "/dev/zero": "is neither a file nor a pipe", large: "is larger than",
	} {
		_, err := Load(t.Context(), environment{"TRANSSHIP_CONFIG": path}.get)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
