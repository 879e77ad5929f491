package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/registry"
)

// What is wrong in the configuration file is one line with its place, before any call.
func TestConfigurationMistakes(t *testing.T) {
	s := startServer(t)
	s.pushImage("repo", "1", "linux/amd64", "layer")
	s.ResetRequests()
	for text, want := range map[string]string{
		"":               "config.json:1: the file is empty",
		"null":           "config.json:1: want an object, not null",
		`{"version": 9}`: "config.json:1: version: version 9 is not known",
		"{\"version\": 1,\n\"hosts\": {\"a.example\": {\"mirrros\": []}}}": `config.json:2: hosts.a.example.mirrros: there is no such member; did you mean "mirrors"?`,
	} {
		p := newProgram(t)
		p.writeFile(".config/transship/config.json", text)
		p.run("digest", s.host+"/repo:1").want(2, want)
		p.run("copy", s.host+"/repo:1", s.host+"/repo:2").want(2, want)
		p.run("logout", "registry.example.com").want(2, want)
		p.run("version").want(0)
		p.run("images").want(0)
		p.env["TRANSSHIP_CONFIG"] = os.DevNull
		p.run("digest", s.host+"/repo:1").want(0)
	}
	if n := s.Count("^PUT"); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestConfigurationFileOfVariable(t *testing.T) {
	p := newProgram(t)
	p.env["TRANSSHIP_CONFIG"] = filepath.Join(p.env["HOME"], "missing.json")
	p.run("digest", "registry.example.com/repo:1").want(4, "TRANSSHIP_CONFIG", "missing.json")
	p.env["TRANSSHIP_CONFIG"] = p.env["HOME"]
	p.run("digest", "registry.example.com/repo:1").want(2, "is neither a file nor a pipe")
	p.env["TRANSSHIP_CONFIG"] = "/dev/zero"
	p.run("digest", "registry.example.com/repo:1").want(2, "/dev/zero is neither a file nor a pipe")
}

// The file says how a host is reached; a flag beats it.
func TestConfigurationOfHost(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("repo", "1", "linux/amd64", "layer")
	secure := listenTLS(t, s)
	p.run("digest", secure+"/repo:1").want(5, "certificate")
	ca := p.writeFile("ca.pem", string(serverCertificate(t, secure)))
	write := func(host, members string) {
		p.writeFile(".config/transship/config.json", fmt.Sprintf(`{"version": 1, "hosts": {%q: {%s}}}`, host, members))
	}
	write(secure, `"ca": "../../ca.pem"`)
	p.run("digest", secure+"/repo:1").want(0)
	for name, code := range map[string]int{"missing.pem": 4, "config.json": 5} {
		write(secure, fmt.Sprintf(`"ca": %q`, name))
		p.run("digest", secure+"/repo:1").want(code, name+": ",
			"hint: the file is that of "+filepath.Join(p.env["HOME"], ".config/transship/config.json")+" hosts."+secure+".ca")
		p.run("digest", "--ca", ca, secure+"/repo:1").want(0)
	}
	write(secure, `"ca": "../../ca.pem"`)
	p.run("digest", "--ca", ca+".missing", secure+"/repo:1").want(4, "ca.pem.missing")
	write(secure, `"insecure": true`)
	p.run("digest", secure+"/repo:1").want(0)
	p.run("digest", "--insecure=false", secure+"/repo:1").want(5, "certificate")
	write("other.example.com", `"insecure": true`)
	p.run("digest", secure+"/repo:1").want(5, "certificate")
}

func TestConfigurationOfPlainHTTP(t *testing.T) {
	s, p := startServer(t), newProgram(t)
	s.pushImage("repo", "1", "linux/amd64", "layer")
	host := listenNonLoopback(t, s)
	p.run("digest", host+"/repo:1").want(5)
	p.writeFile(".config/transship/config.json", fmt.Sprintf(`{"version": 1, "hosts": {%q: {"plain-http": true}}}`, host))
	p.run("digest", host+"/repo:1").want(0)
	p.run("copy", host+"/repo:1", host+"/repo:2").want(0)
	p.run("digest", "--plain-http=false", host+"/repo:1").want(5)
	daemon := p.writeFile("daemon.json", fmt.Sprintf(`{"insecure-registries": [%q]}`, host))
	p.writeFile(".config/transship/config.json", fmt.Sprintf(`{"version": 1, "docker-daemon": %q}`, daemon))
	p.run("digest", host+"/repo:1").want(0)
}

// A default is that of a flag which is not given.
func TestConfigurationDefaults(t *testing.T) {
	p, s := newProgram(t), startServer(t)
	s.pushImage("repo", "1", "linux/amd64", "layer")
	s.Set(registry.Rule{Status: 429, Header: map[string]string{"Retry-After": "3600"}})
	p.writeFile(".config/transship/config.json", `{"version": 1, "defaults": {"max-wait": "5m", "jobs": 2, "rate": "1MiB"}}`)
	p.run("save", "-o", filepath.Join(p.env["HOME"], "a.tar"), s.host+"/repo:1").want(6, "more than the 5m0s allowed")
	p.run("digest", "--max-wait", "6m", s.host+"/repo:1").want(6, "more than the 6m0s allowed")
	p.run("bench", "push", "-h").want(0)
}

// --authfile is looked into alone, whatever else has an account.
func TestAuthFile(t *testing.T) {
	p := newProgram(t)
	s := startServer(t)
	s.pushImage("repo", "1", "linux/amd64", "layer")
	host := listen(t, requirePassword(s))
	file := filepath.Join(p.env["HOME"], "accounts", "auth.json")
	p.run("digest", "--authfile", file, host+"/repo:1").want(4, "--authfile", "auth.json")
	p.run("login", "--authfile", file, "-u", user, "-p", password, host).want(0, "stored in "+file)
	if _, err := os.Stat(filepath.Join(p.env["HOME"], ".docker", "config.json")); err == nil {
		t.Error("docker's file was written")
	}
	p.run("digest", host+"/repo:1").want(3)
	p.run("digest", "--authfile", file, host+"/repo:1").want(0)
	p.run("copy", "--authfile", file, host+"/repo:1", host+"/repo:2").want(0)
	p.run("logout", "--authfile", file, host).want(0, "removed the credentials")
	p.run("digest", "--authfile", file, host+"/repo:1").want(3)

	p.run("login", "-u", user, "-p", password, host).want(0)
	p.env["REGISTRY_AUTH_FILE"] = filepath.Join(p.env["HOME"], ".docker", "config.json")
	p.run("digest", "--authfile", file, host+"/repo:1").want(3)
	p.run("digest", "--authfile", p.env["HOME"], host+"/repo:1").want(2, "is not a file")
	p.run("digest", "--authfile", "", host+"/repo:1").want(2, "the name is empty")
	p.run("digest", "--authfile", file, "--authfile", file, host+"/repo:1").want(2, "is given twice")
}

// A credential helper of the configuration file is asked before docker's files, and login stores
// there.
func TestConfigurationHelper(t *testing.T) {
	p := newProgram(t)
	s := startServer(t)
	s.pushImage("repo", "1", "linux/amd64", "layer")
	host := listen(t, requirePassword(s))
	helper := p.writeFile("docker-credential-keep", "#!/bin/sh\ncd "+p.env["HOME"]+
		"\ncase $1 in store) cat > kept ;; get) cat kept || { echo credentials not found in native keychain; exit 1; } ;; erase) rm kept ;; esac\n")
	if err := os.Chmod(helper, 0o700); err != nil {
		t.Fatal(err)
	}
	p.env["PATH"] += string(filepath.ListSeparator) + os.Getenv("PATH")
	t.Setenv("PATH", p.env["PATH"])
	p.writeFile(".config/transship/config.json", fmt.Sprintf(`{"version": 1, "hosts": {%q: {"credential-helper": "keep"}}}`, host))
	p.run("digest", host+"/repo:1").want(3)
	o := p.run("login", "-u", user, "-p", password, host).want(0)
	if !strings.Contains(o.stderr, "stored in docker-credential-keep") {
		t.Errorf("%s\nsays %s", o.line, o.stderr)
	}
	p.run("digest", host+"/repo:1").want(0)
	p.run("logout", host).want(0, "removed")
	p.run("digest", host+"/repo:1").want(3)
}

// The example of docs/configuration.md is a configuration file, and its tables have every member.
func TestConfigurationDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "\n    {\n")
	example, _, _ = strings.Cut(example, "\n    }\n")
	p := newProgram(t)
	p.env["TRANSSHIP_CONFIG"] = p.writeFile("c.json", "{"+example+"}")
	p.run("logout", "registry.example.com").want(0)
	p.env["TRANSSHIP_CONFIG"] = p.writeFile("c.json", `{"version": 1, "x": 1}`)
	members := p.run("logout", "registry.example.com").want(2).stderr
	p.env["TRANSSHIP_CONFIG"] = p.writeFile("c.json", `{"version": 1, "hosts": {"a.example": {"x": 1}}}`)
	members += p.run("logout", "registry.example.com").want(2).stderr
	for list := range strings.Lines(members) {
		_, list, found := strings.Cut(list, "there are: ")
		if !found {
			continue
		}
		for name := range strings.SplitSeq(strings.TrimSpace(list), ", ") {
			if !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("the document has no %s", name)
			}
		}
	}
}
