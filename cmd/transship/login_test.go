package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// loginSetup is a registry that wants the captain's password, and a program to log in there.
type loginSetup struct {
	*program
	host, configFile string // the registry, and docker's configuration
}

func newLoginSetup(t testing.TB) *loginSetup {
	t.Helper()
	s := startServer(t)
	s.pushThreePlatforms()
	p := newProgram(t)
	return &loginSetup{p, listen(t, &tokenRegistry{next: s}), filepath.Join(p.env["HOME"], ".docker/config.json")}
}

// storedCredentials returns user:password for the registry as docker's configuration has it, "" for none.
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
		"flags":        {args: "-u captain -p " + password},
		"long flags":   {args: "--username=captain --password=" + password},
		"stdin":        {args: "-u captain --password-stdin", stdin: password + "\n"},
		"stdin, CRLF":  {args: "-u captain --password-stdin", stdin: password + "\r\n"},
		"stdin, bare":  {args: "-u captain --password-stdin", stdin: password},
		"creds":        {args: "--creds captain:" + password},
		"creds, stdin": {args: "--creds -", stdin: "captain:" + password + "\n"},
		"typed":        {stdin: "captain\n" + password + "\n", terminal: true, message: "Username: Password: "},
		"half typed":   {args: "-u captain", stdin: password + "\n", terminal: true, message: "Password: "},
		"creds, typed": {args: "--creds -", stdin: "captain:" + password + "\n", terminal: true, message: "user:password for --creds: "},
	} {
		t.Run(name, func(t *testing.T) {
			p := newLoginSetup(t)
			p.stdin, p.stdinTerminal = test.stdin, test.terminal
			o := p.run(strings.Fields("login " + test.args + " " + p.host)...).want(0)
			if want := test.message + "logged in to " + p.host + " as captain; the credentials are in " + p.configFile + "\n"; o.stderr != want || o.stdout != "" {
				t.Errorf("%s\nsays %s%s\nwant %s", o.line, o.stdout, o.stderr, want)
			}
			if got := p.storedCredentials(); got != user+":"+password {
				t.Errorf("%q is stored", got)
			}
			if info, err := os.Stat(p.configFile); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, error %v", info.Mode(), err)
			}
			p.run("digest", p.host+"/halohub/halo:1.6").want(0)
		})
	}
}

func TestLoginQuietly(t *testing.T) {
	p := newLoginSetup(t)
	if o := p.run("login", "-q", "-u", user, "-p", password, p.host).want(0); o.stderr+o.stdout != "" {
		t.Errorf("says %s", o.stderr)
	}
}

// Nothing is stored that the registry does not accept.
func TestLoginRefused(t *testing.T) {
	p := newLoginSetup(t)
	p.run("login", "-u", user, "-p", secret, p.host).wantError(wantedError{3, `answered 401 Unauthorized to user "captain"`, "check the user name and the password"})
	p.run("login", "-u", user, "-p", secret, listen(t, requirePassword(startServer(t)))).wantError(wantedError{3, "401 Unauthorized", "check the user name and the password"})
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
	p.run("login", "-u", user, "-p", password, p.host).want(0, "warning: "+p.host+" asks for no credentials, so these could not be checked\n")
	if p.storedCredentials() == "" {
		t.Error("nothing is stored")
	}
}

func TestLoginKeepsOtherEntries(t *testing.T) {
	p := newLoginSetup(t)
	p.writeFile(".docker/config.json", `{"auths":{"`+p.host+`":{"auth":"b2xkOm9sZA=="},"other.example.com":{"auth":"eDp5"}},"psFormat":"table"}`)
	p.run("login", "-u", user, "-p", password, p.host).want(0)
	raw, err := os.ReadFile(p.configFile)
	if err != nil || !strings.Contains(string(raw), "eDp5") || !strings.Contains(string(raw), "psFormat") || p.storedCredentials() != user+":"+password {
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
	p.writeFile("docker-credential-box", "#!/bin/sh\n[ $1 = store ] && cat > $0.kept; [ $1 = get ] && cat $0.kept; echo 'the box is open' >&2")
	if err := os.Chmod(filepath.Join(p.env["HOME"], "docker-credential-box"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.env["PATH"] += ":" + os.Getenv("PATH")
	p.writeFile(".docker/config.json", `{"credsStore":"box"}`)
	p.run("login", "-u", user, "-p", password, p.host).want(0, "the box is open\n", "the credentials are in docker-credential-box\n")
	if p.storedCredentials() != "" {
		t.Error("the file has them too")
	}
	p.run("digest", p.host+"/halohub/halo:1.6").want(0)
	p.writeFile("docker-credential-box", "#!/bin/sh\necho 'the box is locked'; exit 1")
	p.run("digest", p.host+"/halohub/halo:1.6").wantError(wantedError{3, "the box is locked", "credsStore and credHelpers"})
}
