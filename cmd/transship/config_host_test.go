package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// explain runs config --json, and returns the settings as NAME: VALUE (FROM), with HOME for the home.
func explain(p *program, args ...string) []string {
	p.t.Helper()
	o := p.run(append([]string{"config", "--json"}, args...)...).want(0)
	var got struct {
		Registry string
		Settings []struct{ Name, Value, From string }
	}
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
		p.t.Fatalf("%s: %v", o.line, err)
	}
	var out []string
	for _, s := range got.Settings {
		out = append(out, strings.ReplaceAll(fmt.Sprintf("%s: %s (%s)", s.Name, s.Value, s.From), p.env["HOME"], "HOME"))
	}
	return out
}

func TestConfigOfHost(t *testing.T) {
	p := newProgram(t)
	p.writeFile(".config/transship/config.json", `{"version": 1, "hosts": {
		"docker.io": {"mirrors": ["m.example/hub", "http://n.example"], "pull-from-mirror": "digest-only"},
		"a.example": {"ca": "ca.pem", "credential-helper": "pass"}, "b.example": {"plain-http": true}},
		"defaults": {"stall": "30s"}}`)
	p.writeFile(".config/transship/ca.pem", "")
	p.writeFile(".docker/config.json", `{"credHelpers": {"c.example": "own"}, "auths": {"c.example": {"auth": "dXNlcjpzM2NyM3Q="}}}`)
	p.writeFile(".docker/certs.d/c.example/site.crt", "")
	const file = "HOME/.config/transship/config.json"
	for line, want := range map[string][]string{
		"docker.io": {
			"configuration: " + file + " (default)", "protocol: HTTPS (default)",
			"mirror: m.example/hub (" + file + " hosts.docker.io)", "mirror: http://n.example (" + file + " hosts.docker.io)",
			"tags: asked of the registry itself, not of mirrors (" + file + " hosts.docker.io)",
			"account: anonymous (default)", "proxy: none (default)", "--stall: 30s (" + file + " defaults)",
		},
		"a.example": {
			"TLS: the certificate is verified (default)", "CA: HOME/.config/transship/ca.pem (" + file + " hosts.a.example)",
			"account: docker-credential-pass, if it has one (" + file + ")", "account: anonymous otherwise (default)",
		},
		"b.example": {"protocol: HTTP without TLS (" + file + " hosts.b.example)"},
		"b.example --plain-http=false --creds user:" + secret: {"protocol: HTTPS (--plain-http)", "account: given (--creds)"},
		"c.example --insecure --ca HOME/missing.pem": {
			"TLS: the certificate is not verified (--insecure)", "CA: HOME/missing.pem (it cannot be read) (--ca)",
			"CA: HOME/.docker/certs.d/c.example/site.crt (certs.d)",
			"account: docker-credential-own, if it has one (credHelpers in HOME/.docker/config.json)",
			"account: stored (HOME/.docker/config.json)",
		},
		"c.example --authfile HOME/.docker/config.json": {"account: stored (HOME/.docker/config.json)"},
		"localhost:5000": {"protocol: HTTP if it speaks that, else HTTPS (loopback host)", "proxy: none (default)"},
	} {
		got := explain(p, strings.Fields(strings.ReplaceAll(line, "HOME", p.env["HOME"]))...)
		for _, setting := range want {
			if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+setting+"\n") {
				t.Errorf("config %s lacks %q:\n%s", line, setting, strings.Join(got, "\n"))
			}
		}
	}
	text := p.run("config", "docker.io").want(0).stdout
	if !strings.HasPrefix(text, "docker.io\n  configuration ") || !strings.Contains(text, "\n  mirror              m.example/hub  (") {
		t.Errorf("prints\n%s", text)
	}
}

func TestConfigOfHostMistakes(t *testing.T) {
	p := newProgram(t)
	p.run("config").want(2)
	p.run("config", "docker.io/library/alpine").want(2, "is not the host of a registry")
	p.writeFile(".docker/config.json", "{")
	p.run("config", "docker.io").want(3, "config.json")
	p.env["TRANSSHIP_CONFIG"] = p.writeFile("c.json", `{"version": 1, "host": {}}`)
	p.run("config", "docker.io").want(2, "c.json:1: host: there is no such member")
}

// The proxy is the one of the process's environment, without its account.
func TestConfigOfHostShowsProxy(t *testing.T) {
	t.Parallel()
	for variables, want := range map[string]string{
		"HTTPS_PROXY=http://user:" + secret + "@proxy.example:3128":       "http://REDACTED@proxy.example:3128  (HTTPS_PROXY)",
		"HTTPS_PROXY=http://proxy.example:3128 NO_PROXY=registry.example": "none  (NO_PROXY)",
		"HTTPS_PROXY=%zz" + secret:                                        "none, since the variable has no URL of a proxy  (HTTPS_PROXY)",
		"HTTP_PROXY=http://proxy.example:3128":                            "none  (default)",
	} {
		cmd, stderr := newProcess(t, "config", "registry.example")
		cmd.Env = append(cmd.Env, strings.Fields(variables)...)
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), want) || strings.Contains(string(out), secret) {
			t.Errorf("%s: prints %s%s, error %v", variables, out, stderr, err)
		}
	}
}
