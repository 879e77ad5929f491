package serve

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// Every client can push to a folder, and the images are complete.
func TestClientsPush(t *testing.T) {
	t.Parallel()
	docker, podman, skopeo, crane := servers.Engine(t).CLI(t), servers.Podman(t), servers.Skopeo(t), servers.Crane(t)
	host, images := startBundle(t)
	folder := t.TempDir()
	to := servers.Serve(t, "--writable", folder)
	from := host + "/dst/repo:1.6"

	docker.Output(t, "pull", from)
	docker.Output(t, "tag", from, to.Host+"/docker/repo:1")
	docker.Output(t, "push", to.Host+"/docker/repo:1")
	podman.Output(t, "pull", "--quiet", "--tls-verify=false", from)
	podman.Output(t, "push", "--quiet", "--tls-verify=false", from, to.Host+"/podman/repo:1")
	skopeo.Output(t, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
		"docker://"+from, "docker://"+to.Host+"/skopeo/repo:1")
	crane.Output(t, "copy", from, to.Host+"/crane/repo:1")
	for _, name := range []string{"skopeo/repo", "crane/repo"} {
		if err := to.Repository(name).Verify(t.Context(), images["dst/repo:1.6"], "1"); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"docker", "podman", "skopeo", "crane"} {
		crane.Output(t, "validate", "--remote", to.Host+"/"+name+"/repo:1")
	}
	if exit := to.Stop(t); exit != 0 {
		t.Errorf("it ends with %d", exit)
	}
	verifyFolder(t, folder)
}

// Clients log in with hashes that htpasswd writes, with and without -B.
func TestClientsLogIn(t *testing.T) {
	t.Parallel()
	docker, podman, skopeo, crane := servers.Engine(t).CLI(t), servers.Podman(t), servers.Skopeo(t), servers.Crane(t)
	users := filepath.Join(t.TempDir(), "users")
	const content = "user:$2y$05$cFY7XX85DaNOmC7GROaUJebKewi11RsbfRHYMKiYR2bKjuNzlPF0e\nother:$apr1$maVDpNv2$BDsxEZcZGL5nHS9zqmKyR/\n"
	if err := os.WriteFile(users, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	at := servers.Serve(t, "--htpasswd", users, saveBundle(t, map[string]fixture.Image{"repo:1": fixture.Real()}))
	ref := at.Host + "/repo:1"
	for name, refused := range map[string]servers.Result{
		"docker": docker.Run(t, "pull", ref),
		"podman": podman.Run(t, "pull", "--tls-verify=false", ref),
		"skopeo": skopeo.Run(t, "inspect", "--tls-verify=false", "docker://"+ref),
		"crane":  crane.Run(t, "digest", ref),
	} {
		if refused.Exit == 0 {
			t.Errorf("%s needed no password", name)
		}
	}
	docker.Output(t, "login", "-u", "user", "-p", "password", at.Host)
	docker.Output(t, "pull", ref)
	podman.Output(t, "login", "--tls-verify=false", "-u", "other", "-p", "password", at.Host)
	podman.Output(t, "pull", "--quiet", "--tls-verify=false", ref)
	skopeo.Output(t, "inspect", "--tls-verify=false", "--creds", "user:password", "docker://"+ref)
	crane.Output(t, "auth", "login", "-u", "other", "-p", "password", at.Host)
	crane.Output(t, "validate", "--remote", ref)
}
