package e2e

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// users are the accounts of every registry that requires one.
var users = map[string]string{"alice": "secret", "bob": "pass:word"}

// privateRegistries starts a registry for each kind of authentication.
var privateRegistries = map[string]func(testing.TB) *servers.Registry{
	"htpasswd": func(t testing.TB) *servers.Registry { return servers.Debian(t, servers.Options{Users: users}) },
	"tokens": func(t testing.TB) *servers.Registry {
		return servers.Debian(t, servers.Options{Tokens: servers.Tokens(t, servers.TokenOptions{Users: users})})
	},
	"tokens, OAuth2": func(t testing.TB) *servers.Registry {
		o := servers.TokenOptions{Users: users, OAuth2: true, RefreshTokens: true}
		return servers.CNCF(t, servers.Options{Tokens: servers.Tokens(t, o)})
	},
}

// login checks the credentials before it stores them, and docker can use what it stores.
func TestLogin(t *testing.T) {
	t.Parallel()
	for name, start := range privateRegistries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := start(t)
			ref := push(t, at, fixture.Real(), "dst/repo", "1.6")
			transship, config := servers.Transship(t)
			file := filepath.Join(config, "config.json")

			wantRefused(t, transship.Run(t, "digest", ref), exitAuth, "transship login "+at.Host)
			wrong := transship.RunInput(t, "guess\n", "login", "--username", "bob", "--password-stdin", at.Host)
			wantRefused(t, wrong, exitAuth, at.Host, "bob")
			if strings.Contains(wrong.Stderr, "guess") {
				t.Errorf("it tells the password: %s", wrong.Stderr)
			}
			if _, err := os.Stat(file); err == nil {
				t.Errorf("a wrong password left %v", readFiles(t, config))
			}

			got := transship.RunInput(t, "pass:word\n", "login", "--username", "bob", "--password-stdin", at.Host)
			if got.Exit != 0 || got.Stdout != "" {
				t.Fatalf("login: %+v", got)
			}
			wantStored(t, file, map[string]string{at.Host: "bob:pass:word"})
			if got, want := transship.Output(t, "digest", ref), fixture.Real().Root().
				Digest.String()+"\n"; got != want {
				t.Errorf("digest printed %q, want %q", got, want)
			}
			docker := servers.DockerManifestCLI(t)
			docker.Env = append(docker.Env, "DOCKER_CONFIG="+config)
			docker.Output(t, "manifest", "inspect", "--insecure", ref)

			transship.Output(t, "logout", at.Host)
			wantStored(t, file, map[string]string{})
			wantRefused(t, transship.Run(t, "digest", ref), exitAuth, "transship login "+at.Host)
		})
	}
}

// wantStored checks the credentials in a config.json, and that only its owner can read it.
func wantStored(t *testing.T, file string, want map[string]string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", file, info.Mode())
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Auths map[string]struct{ Auth []byte }
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for host, entry := range config.Auths {
		got[host] = string(entry.Auth)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}

// login and logout keep all other entries of a configuration. A wrong password does not change the
// file.
func TestLoginKeepsOtherEntries(t *testing.T) {
	t.Parallel()
	at := servers.Debian(t, servers.Options{Users: users})
	transship, config := servers.Transship(t)
	file := filepath.Join(config, "config.json")
	before := `{"auths":{"other.example.com":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("me:mine")) +
		`","email":"me@example.com"}},"psFormat":"table {{.ID}}","HttpHeaders":{"X-Meta":"1"},"unknown":[1,2.50,"<&>"]}`
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, transship.Run(t, "login", "-u", "alice", "-p", "guess", at.Host), exitAuth, "alice")
	if raw, err := os.ReadFile(file); err != nil || string(raw) != before {
		t.Errorf("a wrong password changed the file to %s, %v", raw, err)
	}
	transship.Output(t, "login", "-u", "alice", "-p", "secret", at.Host)
	wantStored(t, file, map[string]string{at.Host: "alice:secret", "other.example.com": "me:mine"})
	transship.Output(t, "logout", at.Host)
	wantStored(t, file, map[string]string{"other.example.com": "me:mine"})
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decode[map[string]any](t, []byte(before)), decode[map[string]any](t, raw)); diff != "" {
		t.Error(diff)
	}
}

// Source and target each take credentials from the configuration, from flags, or from lines of
// standard input.
func TestCredentials(t *testing.T) {
	t.Parallel()
	for name, start := range privateRegistries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := start(t), start(t)
			im := fixture.Real()
			source := push(t, from, im, "src/repo", "1.6")
			for i, c := range []struct {
				stdin string
				flags []string
				auths map[string]string
			}{
				{flags: []string{"--src-creds", "alice:secret", "--dst-creds=bob:pass:word"}},
				{stdin: "alice:secret\nbob:pass:word\n", flags: []string{"--src-creds", "-", "--dst-creds", "-"}},
				{auths: map[string]string{from.Host: "bob:pass:word", to.Host: "alice:secret"}},
				{auths: map[string]string{from.Host: "alice:secret", to.Host: "alice:guess"},
					flags: []string{"--dst-creds=bob:pass:word"}},
				{stdin: "bob:pass:word", auths: map[string]string{from.Host: "alice:secret"},
					flags: []string{"--dst-creds=-"}},
			} {
				transship, config := servers.Transship(t)
				servers.WriteAuths(t, config, c.auths)
				repository := "dst/repo" + string(rune('a'+i))
				got := transship.RunInput(t, c.stdin,
					append([]string{"copy", source, to.Host + "/" + repository + ":1.6"}, c.flags...)...)
				if got.Exit != 0 {
					t.Errorf("%+v: exit %d\n%s", c, got.Exit, got.Stderr)
				}
				verify(t, to, im, repository, "1.6")
			}
		})
	}
}

// The error for wrong or missing credentials names the host, the account and the flag. Nothing is
// written.
func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	for name, start := range privateRegistries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := start(t), start(t)
			source, target := push(t, from, fixture.Real(), "src/repo", "1.6"), to.Host+"/dst/repo:1.6"
			transship, config := servers.Transship(t)
			copies := func(flags ...string) servers.Result {
				return transship.Run(t, append([]string{"copy", source, target}, flags...)...)
			}
			wantRefused(t, copies(), exitAuth, from.Host, "--src-creds")
			wantRefused(t, copies("--src-creds=alice:guess"), exitAuth, from.Host, "alice", "--src-creds")
			wantRefused(t, copies("--src-creds=alice:secret"), exitAuth, to.Host, "--dst-creds")
			wantRefused(t, copies("--src-creds=alice:secret", "--dst-creds=bob:guess"), exitAuth, to.Host, "bob",
				"--dst-creds")
			servers.WriteAuths(t, config, map[string]string{from.Host: "alice:secret", to.Host: "alice:guess"})
			wantRefused(t, copies(), exitAuth, to.Host, "alice", "config.json")
			wantAbsent(t, to, "dst/repo", "1.6")
		})
	}
}
