package serve

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// startMirror serves images of three hosts, two of which have the same path and tag, in plain HTTP.
func startMirror(t *testing.T) (host string, images map[string]fixture.Image) {
	t.Helper()
	images = map[string]fixture.Image{
		"quay.io/dst/repo:1":            fixture.Real(),
		"ghcr.io/dst/repo:1":            fixture.Real().OCI(),
		"docker.io/library/transship:1": fixture.Real(),
	}
	at := servers.Serve(t, "--writable", t.TempDir())
	for name, im := range images {
		repository, tag, _ := strings.Cut(name, ":")
		if err := at.Repository(repository).Push(t.Context(), im, tag); err != nil {
			t.Fatal(err)
		}
	}
	return at.Host, images
}

// writeFromPage writes a file as docs/serve.md shows it, for the registry at host in plain HTTP.
func writeFromPage(t *testing.T, name, host, path string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/serve.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)" + regexp.QuoteMeta(name) + "`:\n\n```\\w+\n(.*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatalf("docs/serve.md shows no %s", name)
	}
	text := strings.ReplaceAll(string(found[1]), "https://far.example:5000", "http://"+host)
	text = regexp.MustCompile(`(?m)^ *ca = .*\n`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`location = "far.example:5000.*`).ReplaceAllString(text, "$0\ninsecure = true")
	text = strings.ReplaceAll(text, "far.example:5000", host)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// containerd pulls every image from its one mirror under the image's own name.
func TestContainerdMirrorsAllRegistries(t *testing.T) {
	t.Parallel()
	ctr, hosts := servers.Engine(t).Ctr(t), t.TempDir()
	host, images := startMirror(t)
	writeFromPage(t, "/etc/containerd/certs.d/_default/hosts.toml", host, filepath.Join(hosts, "_default", "hosts.toml"))
	for name, im := range images {
		ctr.Output(t, "image", "pull", "--hosts-dir", hosts, "--platform", "linux/amd64", "--snapshotter", "native", name)
		wantText(t, ctr.Output(t, "image", "ls", "name=="+name), im.Root().Digest.String())
	}
	if got := ctr.Run(t, "image", "pull", "--hosts-dir", hosts, "gcr.invalid/dst/repo:1"); got.Exit == 0 {
		t.Error("containerd got an image of another host")
	}
}

// docker takes images of Docker Hub from its mirror, and others by their long name.
func TestDockerMirror(t *testing.T) {
	t.Parallel()
	host, images := startMirror(t)
	config := filepath.Join(t.TempDir(), "daemon.json")
	writeFromPage(t, "/etc/docker/daemon.json", host, config)
	docker := servers.Engine(t, "--config-file="+config).CLI(t)
	for ref, name := range map[string]string{
		"transship:1":                "docker.io/library/transship:1",
		host + "/quay.io/dst/repo:1": "quay.io/dst/repo:1",
		host + "/ghcr.io/dst/repo:1": "ghcr.io/dst/repo:1",
	} {
		wantText(t, docker.Output(t, "pull", ref), images[name].Root().Digest.String())
	}
}

// podman finds the images of each host at its mirror.
func TestPodmanMirror(t *testing.T) {
	t.Parallel()
	podman := servers.Podman(t)
	host, images := startMirror(t)
	config := filepath.Join(t.TempDir(), "registries.conf")
	writeFromPage(t, "/etc/containers/registries.conf.d/far.conf", host, config)
	podman.Env = append(podman.Env, "CONTAINERS_REGISTRIES_CONF="+config)
	for _, name := range []string{"quay.io/dst/repo:1", "docker.io/library/transship:1"} {
		podman.Output(t, "pull", "--quiet", name)
		wantText(t, podman.Output(t, "image", "inspect", "--format", "{{.RepoDigests}}", name), images[name].Root().Digest.String())
	}
}
