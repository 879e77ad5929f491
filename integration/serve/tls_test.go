package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// Clients trust the certificate of --tls-new once they have its CA, and only then.
func TestClientsTrustNewCA(t *testing.T) {
	t.Parallel()
	ctr, podman, skopeo, crane := servers.Engine(t).Ctr(t), servers.Podman(t), servers.Skopeo(t), servers.Crane(t)
	certs, hosts, trusted := t.TempDir(), t.TempDir(), t.TempDir()
	at := servers.Serve(t, "--tls-new", certs, saveBundle(t, map[string]fixture.Image{"dst/repo:1": fixture.Real()}))
	ref, ca := at.Host+"/dst/repo:1", filepath.Join(certs, "ca.crt")
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(trusted, "ca.crt"), pem, 0o600); err != nil {
		t.Fatal(err)
	}
	toml := fmt.Sprintf("[host.%q]\n  ca = %q\n", "https://"+at.Host, ca)
	if err := os.Mkdir(filepath.Join(hosts, at.Host), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(hosts, at.Host, "hosts.toml"), []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	withCA := crane
	withCA.Env = append(withCA.Env, "SSL_CERT_FILE="+ca)
	pull := []string{"image", "pull", "--platform", "linux/amd64", "--snapshotter", "native"}
	for name, refused := range map[string]servers.Result{
		"containerd": ctr.Run(t, append(pull, ref)...),
		"podman":     podman.Run(t, "pull", "--quiet", ref),
		"skopeo":     skopeo.Run(t, "inspect", "docker://"+ref),
		"crane":      crane.Run(t, "digest", ref),
	} {
		if refused.Exit == 0 {
			t.Errorf("%s trusts any CA", name)
		}
	}
	ctr.Output(t, append(pull, "--hosts-dir", hosts, ref)...)
	podman.Output(t, "pull", "--quiet", "--cert-dir", trusted, ref)
	skopeo.Output(t, "inspect", "--cert-dir", trusted, "docker://"+ref)
	withCA.Output(t, "validate", "--remote", ref)
}
