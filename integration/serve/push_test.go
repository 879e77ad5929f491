package serve

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// Every client pushes to a folder, and what it pushed is whole.
func TestClientsPush(t *testing.T) {
	t.Parallel()
	docker, podman, skopeo, crane := servers.Engine(t).CLI(t), servers.Podman(t), servers.Skopeo(t), servers.Crane(t)
	host, images := startBundle(t)
	folder := t.TempDir()
	to := servers.Serve(t, "--writable", folder)
	from := host + "/hczjl/halo:1.6"

	docker.Output(t, "pull", from)
	docker.Output(t, "tag", from, to.Host+"/docker/halo:1")
	docker.Output(t, "push", to.Host+"/docker/halo:1")
	podman.Output(t, "pull", "--quiet", "--tls-verify=false", from)
	podman.Output(t, "push", "--quiet", "--tls-verify=false", from, to.Host+"/podman/halo:1")
	skopeo.Output(t, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
		"docker://"+from, "docker://"+to.Host+"/skopeo/halo:1")
	crane.Output(t, "copy", from, to.Host+"/crane/halo:1")
	for _, name := range []string{"skopeo/halo", "crane/halo"} {
		if err := to.Repository(name).Verify(t.Context(), images["hczjl/halo:1.6"], "1"); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"docker", "podman", "skopeo", "crane"} {
		crane.Output(t, "validate", "--remote", to.Host+"/"+name+"/halo:1")
	}
	if exit := to.Stop(t); exit != 0 {
		t.Errorf("it ends with %d", exit)
	}
	verifyFolder(t, folder)
}

// Real clients log in with what htpasswd -B and htpasswd write.
func TestClientsLogIn(t *testing.T) {
	t.Parallel()
	docker, podman, skopeo, crane := servers.Engine(t).CLI(t), servers.Podman(t), servers.Skopeo(t), servers.Crane(t)
	users := filepath.Join(t.TempDir(), "users")
	const content = "captain:$2y$05$uuFMglWwJnOuOx/ZindKsu/IbBm4cBRgBOLngOi/9rIulCT8cNOz6\nmate:$apr1$maVDpNv2$Sp4bFpfaSu5ryps0oicJq/\n"
	if err := os.WriteFile(users, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	at := servers.Serve(t, "--htpasswd", users, saveBundle(t, map[string]fixture.Image{"halo:1": fixture.Real()}))
	ref := at.Host + "/halo:1"
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
	docker.Output(t, "login", "-u", "captain", "-p", "anchor", at.Host)
	docker.Output(t, "pull", ref)
	podman.Output(t, "login", "--tls-verify=false", "-u", "mate", "-p", "anchor", at.Host)
	podman.Output(t, "pull", "--quiet", "--tls-verify=false", ref)
	skopeo.Output(t, "inspect", "--tls-verify=false", "--creds", "captain:anchor", "docker://"+ref)
	crane.Output(t, "auth", "login", "-u", "mate", "-p", "anchor", at.Host)
	crane.Output(t, "validate", "--remote", ref)
}
