package serve

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// Every client pulls without a password, and pushes only as the user who may.
func TestClientsPullAnonymously(t *testing.T) {
	t.Parallel()
	engine, podman, skopeo, crane := servers.Engine(t), servers.Podman(t), servers.Skopeo(t), servers.Crane(t)
	docker, ctr := engine.CLI(t), engine.Ctr(t)
	users := filepath.Join(t.TempDir(), "users")
	const content = "ci:$2y$05$cFY7XX85DaNOmC7GROaUJebKewi11RsbfRHYMKiYR2bKjuNzlPF0e\n" +
		"reader:$apr1$maVDpNv2$BDsxEZcZGL5nHS9zqmKyR/\n"
	if err := os.WriteFile(users, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	open := servers.Serve(t, "--writable", folder)
	if err := open.Repository("src/repo").Push(t.Context(), fixture.Real(), "1"); err != nil {
		t.Fatal(err)
	}
	open.Stop(t)
	at := servers.Serve(t, "--htpasswd", users, "--writable", "--anonymous-pull", "--push-users", "ci", folder)
	ref, dst := at.Host+"/src/repo:1", at.Host+"/dst/"

	docker.Output(t, "pull", "--platform", "linux/amd64", ref)
	podman.Output(t, "pull", "--quiet", "--tls-verify=false", "--platform", "linux/amd64", ref)
	ctr.Output(t, "image", "pull", "--plain-http", "--platform", "linux/amd64", "--snapshotter", "native", ref)
	crane.Output(t, "validate", "--remote", ref)

	push := map[string]func() servers.Result{
		"docker": func() servers.Result { return docker.Run(t, "push", dst+"docker:1") },
		"podman": func() servers.Result {
			return podman.Run(t, "push", "--quiet", "--tls-verify=false", ref, dst+"podman:1")
		},
		"skopeo": func() servers.Result {
			return skopeo.Run(t, "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false",
				"docker://"+ref, "docker://"+dst+"skopeo:1")
		},
		"crane": func() servers.Result { return crane.Run(t, "copy", ref, dst+"crane:1") },
	}
	docker.Output(t, "tag", ref, dst+"docker:1")
	all := func(says ...string) {
		t.Helper()
		for name, run := range push {
			got := run()
			text := strings.ToLower(got.Stdout + got.Stderr)
			said := slices.ContainsFunc(says, func(s string) bool { return strings.Contains(text, s) })
			if (got.Exit == 0) != (says == nil) || !said && says != nil {
				t.Errorf("%s says none of %q: exit %d\n%s%s", name, says, got.Exit, got.Stdout, got.Stderr)
			}
		}
	}
	login := func(user string) {
		t.Helper()
		docker.Output(t, "login", "-u", user, "-p", "password", at.Host)
		podman.Output(t, "login", "--tls-verify=false", "-u", user, "-p", "password", at.Host)
		skopeo.Output(t, "login", "--tls-verify=false", "-u", user, "-p", "password", at.Host)
		crane.Output(t, "auth", "login", "-u", user, "-p", "password", at.Host)
	}
	all("authentication required", "denied: requested access") // docker says the latter
	login("reader")
	all("denied")
	login("ci")
	all()
	if got := docker.Run(t, "login", "-u", "ci", "-p", "wrong", at.Host); got.Exit == 0 {
		t.Error("docker logs in with a wrong password")
	}
	ctr.Output(t, "image", "tag", ref, dst+"ctr:1")
	if got := ctr.Run(t, "image", "push", "--plain-http", "--platform", "linux/amd64", dst+"ctr:1"); got.Exit == 0 {
		t.Error("containerd pushes without a password")
	}
	ctr.Output(t, "image", "push", "--plain-http", "--platform", "linux/amd64", "--user", "ci:password", dst+"ctr:1")
}
