package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// loginSetup is a tokenRegistry with src/repo:1.6, and a program that logs in there.
type loginSetup struct {
	*program
	host, configFile string // of the registry, and of docker's config.json
}

func newLoginSetup(t testing.TB) *loginSetup {
	t.Helper()
	s := startServer(t)
	s.pushThreePlatforms()
	p := newProgram(t)
	return &loginSetup{p, listen(t, &tokenRegistry{next: s}), filepath.Join(p.env["HOME"], ".docker/config.json")}
}

// storedCredentials returns the registry's user:password of docker's config.json, or "".
func (p *loginSetup) storedCredentials() string {
	p.t.Helper()
	var config struct {
		Auths map[string]struct{ Auth string }
	}
	raw, err := os.ReadFile(p.configFile)
	if os.IsNotExist(err) {
		return ""
	}
	if err == nil {
		err = json.Unmarshal(raw, &config)
	}
	text, decodeErr := base64.StdEncoding.DecodeString(config.Auths[p.host].Auth)
	if err != nil || decodeErr != nil {
		p.t.Fatal(err, decodeErr)
	}
	return string(text)
}

func TestLogin(t *testing.T) {
	for name, test := range map[string]struct {
		args, stdin string
		terminal    bool
		message     string
	}{
		"flags":        {args: "-u user -p " + password},
		"long flags":   {args: "--username=user --password=" + password},
		"stdin":        {args: "-u user --password-stdin", stdin: password + "\n"},
		"stdin, CRLF":  {args: "-u user --password-stdin", stdin: password + "\r\n"},
		"stdin, -":     {args: "-u user -p -", stdin: password + "\n"},
		"stdin, bare":  {args: "-u user --password-stdin", stdin: password},
		"creds":        {args: "--creds user:" + password},
		"creds, stdin": {args: "--creds -", stdin: "user:" + password + "\n"},
		"typed":        {stdin: "user\n" + password + "\n", terminal: true, message: "Username: Password: "},
		"half typed":   {args: "-u user", stdin: password + "\n", terminal: true, message: "Password: "},
		"creds, typed": {args: "--creds -", stdin: "user:" + password + "\n", terminal: true,
			message: "user:password for --creds: "},
	} {
		t.Run(name, func(t *testing.T) {
			p := newLoginSetup(t)
			p.stdin, p.stdinTerminal = test.stdin, test.terminal
			o := p.run(strings.Fields("login " + test.args + " " + p.host)...).want(0)
			if want := test.message + "logged in to " + p.host + " as user; the credentials are stored in " + p.configFile +
				"\n"; o.stderr != want || o.stdout != "" {
				t.Errorf("%s\nsays %s%s\nwant %s", o.line, o.stdout, o.stderr, want)
			}
			if got := p.storedCredentials(); got != user+":"+password {
				t.Errorf("%q is stored", got)
			}
			if info, err := os.Stat(p.configFile); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, error %v", info.Mode(), err)
			}
			p.run("digest", p.host+"/src/repo:1.6").want(0)
		})
	}
}

func TestLoginQuietly(t *testing.T) {
	p := newLoginSetup(t)
	if o := p.run("login", "-q", "-u", user, "-p", password, p.host).want(0); o.stderr+o.stdout != "" {
		t.Errorf("says %s", o.stderr)
	}
}

// Credentials that the registry refuses are not stored.
func TestLoginRefused(t *testing.T) {
	p := newLoginSetup(t)
	p.run("login", "-u", user, "-p", secret, p.host).
		wantError(wantedError{3, `answered 401 Unauthorized to user "user"`, "check the user name and the password"})
	p.run("login", "-u", user, "-p", secret, listen(t, requirePassword(startServer(t)))).
		wantError(wantedError{3, "401 Unauthorized", "check the user name and the password"})
	p.run("login", "-u", user, "-p", secret, unusedAddress(t)).want(5)
	if _, err := os.Stat(p.configFile); !os.IsNotExist(err) {
		t.Error("something is stored")
	}
	html := &registry.Faults{Handler: startServer(t)}
	html.Set(registry.Rule{Status: 404, Body: "<html>"})
	p.run("login", "-u", user, "-p", secret, listen(t, html)).wantError(wantedError{4, "404 Not Found", "check"})
}

func TestLoginWithoutChallengeWarns(t *testing.T) {
	p := newLoginSetup(t)
	p.host = startServer(t).host
	p.run("login", "-u", user, "-p", password, p.host).
		want(0, "warning: "+p.host+" did not ask for credentials, so they were not checked\n")
	if p.storedCredentials() == "" {
		t.Error("nothing is stored")
	}
}

func TestLoginKeepsOtherEntries(t *testing.T) {
	p := newLoginSetup(t)
	p.writeFile(".docker/config.json",
		`{"auths":{"`+p.host+`":{"auth":"b2xkOm9sZA=="},"other.example.com":{"auth":"eDp5"}},"psFormat":"table"}`)
	p.run("login", "-u", user, "-p", password, p.host).want(0)
	raw, err := os.ReadFile(p.configFile)
	if err != nil || !strings.Contains(string(raw), "eDp5") || !strings.Contains(string(raw), "psFormat") ||
		p.storedCredentials() != user+":"+password {
		t.Errorf("%s, error %v", raw, err)
	}
	p.run("logout", p.host).want(0, "removed the credentials for "+p.host+"\n")
	raw, _ = os.ReadFile(p.configFile)
	if p.storedCredentials() != "" || !strings.Contains(string(raw), "eDp5") {
		t.Errorf("%s is left", raw)
	}
	p.run("logout", p.host).want(0, "not logged in to "+p.host+"\n")
}

func TestLoginStoresInHelper(t *testing.T) {
	p := newLoginSetup(t)
	p.writeFile("docker-credential-test",
		"#!/bin/sh\n[ $1 = store ] && cat > $0.kept; [ $1 = get ] && cat $0.kept; echo 'a note of the helper' >&2")
	if err := os.Chmod(filepath.Join(p.env["HOME"], "docker-credential-test"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.env["PATH"] += ":" + os.Getenv("PATH")
	p.writeFile(".docker/config.json", `{"credsStore":"test"}`)
	p.run("login", "-u", user, "-p", password, p.host).
		want(0, "a note of the helper\n", "the credentials are stored in docker-credential-test\n")
	if p.storedCredentials() != "" {
		t.Error("the file has them too")
	}
	p.run("digest", p.host+"/src/repo:1.6").want(0)
	p.writeFile("docker-credential-test", "#!/bin/sh\necho '{\"Secret\":\""+password+"\"}'; echo 'an error of the helper' >&2; exit 1")
	p.run("digest", p.host+"/src/repo:1.6").
		wantError(wantedError{3, "an error of the helper", "credsStore and credHelpers"})
}

// What answers at the host is not always a registry. No credentials are stored for it.
func TestLoginAtAHostThatIsNoRegistry(t *testing.T) {
	p := newLoginSetup(t)
	for want, h := range map[wantedError]http.HandlerFunc{
		{5, "the answer is a web page", "is a registry and that no proxy answers for it"}: func(
			w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<!DOCTYPE html><title>Sign in</title>")
		},
		{4, "404 Not Found", "there is no registry at that host and port"}: http.NotFound,
	} {
		p.host = listen(t, h)
		p.run("login", "-u", user, "-p", password, p.host).wantError(want)
		if p.storedCredentials() != "" {
			t.Errorf("%s: the credentials are stored", want.message)
		}
	}
}

// docker login takes a URL as the registry, and means Docker Hub without one.
func TestLoginTakesDockersSpellings(t *testing.T) {
	p := newLoginSetup(t)
	p.run("login", "-u", user, "-p", password, "https://"+p.host+"/v2/").want(0, "logged in to "+p.host+" as user")
	if got := p.storedCredentials(); got != user+":"+password {
		t.Errorf("%q is stored", got)
	}
	p.run("logout", "https://"+p.host+"/v1/").want(0, "removed the credentials for "+p.host+"\n")
	p.run("login", "-u", user, "-p", password, "--allow-host", p.host).
		wantError(wantedError{9, "registry-1.docker.io", "--allow-host registry-1.docker.io"})
	p.run("logout").want(0, "not logged in to docker.io\n")
}
