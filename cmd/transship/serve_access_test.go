package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
)

// writeUsers writes a password file with the users ci and reader, whose password is "password".
func (p *program) writeUsers() string {
	const hash = "$apr1$maVDpNv2$BDsxEZcZGL5nHS9zqmKyR/"
	return p.writeFile("users", "ci:"+hash+"\nreader:"+hash+"\n")
}

// With --push-users the others may only pull, and are told so.
func TestServePushUsers(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	r := p.startServe("--writable", "--htpasswd", p.writeUsers(), "--push-users", "ci, gone",
		filepath.Join(p.env["HOME"], "images"))
	src, dst := s.host+"/x:1", r.host+"/x:1"
	p.run("copy", "--dst-creds", "ci:password", src, dst).want(0)
	p.run("copy", "--dst-creds", "reader:password", src, r.host+"/x:2").
		want(cli.ExitAuth, "403 Forbidden", `DENIED user "reader" may only pull`)
	p.run("delete", "--creds", "reader:password", dst).want(cli.ExitAuth, "DENIED")
	p.run("digest", "--creds", "reader:password", dst).want(0)
	p.run("digest", dst).want(cli.ExitAuth)
	p.run("delete", "--creds", "ci:password", dst).want(0)
	r.stop().want(0, `warning: --push-users names "gone", whom `+p.env["HOME"]+"/users does not have")
}

// With --anonymous-pull a pull and the page need no password, and a push needs one.
func TestServeAnonymousPull(t *testing.T) {
	t.Parallel()
	s, p := startServer(t), newProgram(t)
	s.pushImage("x", "1", "linux/amd64", "x")
	folder := filepath.Join(p.env["HOME"], "images")
	r := p.startServe("--writable", "--htpasswd", p.writeUsers(), "--anonymous-pull", "--push-users", "ci", folder)
	src, dst := s.host+"/x:1", r.host+"/x:1"
	p.run("copy", src, dst).want(cli.ExitAuth, "401 Unauthorized", "login")
	p.run("copy", "--dst-creds", "ci:"+secret, src, dst).want(cli.ExitAuth)
	p.run("copy", "--dst-creds", "reader:password", src, dst).want(cli.ExitAuth, "DENIED")
	p.run("copy", "--dst-creds", "ci:password", src, dst).want(0)
	p.run("copy", dst, startServer(t).host+"/x:1").want(0)
	p.run("login", "-u", "reader", "-p", secret, r.host).want(cli.ExitAuth)
	p.run("login", "-u", "reader", "-p", "password", r.host).want(0)
	p.run("digest", dst).want(0)
	p.run("logout", r.host).want(0)
	wanted := map[string]int{"/": 200, "/v2/_catalog": 200, "/v2/x/tags/list": 200, "/v2/": 401, "/v2/x": 404}
	for path, status := range wanted {
		if got, body := get(t, http.DefaultClient, r.url+path); got != status {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
	if text, _ := getPage(t, r.url+"/", ""); strings.Contains(text, "--user") {
		t.Errorf("the page tells to log in:\n%s", text)
	}
	r.stop().want(0)
	again := p.startServe("--writable", "--htpasswd", p.writeUsers(), "--anonymous-pull", folder)
	again.stop().want(0, "try: docker pull "+again.host+"/x:1\n")
}

func TestServeAccessErrors(t *testing.T) {
	p := newProgram(t)
	dir, users := p.writeEmptyLayout(), p.writeUsers()
	for flags, message := range map[string]string{
		"--anonymous-pull":                                     "without --htpasswd there are no users",
		"--writable --push-users ci":                           "without --htpasswd there are no users",
		"--htpasswd " + users + " --anonymous-pull":            "leaves nothing that needs a password",
		"--htpasswd " + users + " --push-users ci":             "add --writable, or leave out --push-users",
		"--writable --htpasswd " + users + " --push-users ci,": "--push-users has an empty name",
		"--writable --htpasswd " + users + " --push-users=":    "--push-users has an empty name",
		"--writable --htpasswd " + users + "x --push-users ci": "no such file",
	} {
		code := cli.ExitUsage
		if strings.Contains(flags, "usersx") {
			code = cli.ExitNotFound
		}
		p.run(append([]string{"serve", dir}, strings.Fields(flags)...)...).want(code, message)
	}
}
