package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// pushRehosted returns a registry with images that transship has put there, by tag: copied
// completely, copied in part, and made by the manifest commands.
func pushRehosted(t *testing.T) (*servers.Registry, map[string]fixture.Image) {
	t.Helper()
	from, to := servers.CNCF(t, servers.Options{}), servers.Debian(t, servers.Options{})
	transship, _ := servers.Transship(t)
	docker, oci := fixture.Real(), fixture.Real().OCI()
	target := to.Host + "/dst/klibc:"
	runCopy(t, transship, docker, push(t, from, docker, "klibc", "docker"), target+"docker")
	runCopy(t, transship, oci, push(t, from, oci, "klibc", "oci"), target+"oci")
	part := keepEntries(t, oci, ofPlatforms(oci, "linux/amd64", "linux/arm64"))
	runCopy(t, transship, part, "--platform", "linux/amd64,linux/arm64", from.Host+"/klibc:oci", target+"part")

	r := rehosting{list: target + "made"}
	for _, p := range platforms {
		r.images = append(r.images, push(t, from, docker.Only(p.platform), "klibc", p.tag))
	}
	run(t, transship, r.steps())
	return to, map[string]fixture.Image{"docker": docker, "oci": oci, "part": part, "made": docker}
}

// dockerd pulls every platform, and containerd pulls all at once.
func TestDockerPull(t *testing.T) {
	t.Parallel()
	e := servers.Engine(t)
	docker, ctr := e.CLI(t), e.Ctr(t)
	at, images := pushRehosted(t)
	for tag, im := range images {
		ref := at.Host + "/dst/klibc:" + tag
		for _, platform := range im.Platforms() {
			pulled := docker.Output(t, "pull", "--platform", platform, ref)
			if want := "Digest: " + im.Root().Digest.String() + "\n"; !strings.Contains(pulled, want) {
				t.Errorf("%s for %s: docker pull printed %s, want %s", ref, platform, pulled, want)
			}
			got := docker.Output(t, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}/{{.Variant}}", ref)
			if got := strings.TrimSuffix(strings.TrimSpace(got), "/"); got != platform {
				t.Errorf("%s: pulled %s, want %s", ref, got, platform)
			}
		}
		ctr.Output(t, "content", "fetch", "--plain-http", "--all-platforms", ref)
	}
}

func TestPodmanPull(t *testing.T) {
	t.Parallel()
	podman := servers.Podman(t)
	at, images := pushRehosted(t)
	for tag, im := range images {
		ref := at.Host + "/dst/klibc:" + tag
		for _, platform := range im.Platforms() {
			podman.Output(t, "pull", "--quiet", "--tls-verify=false", "--platform", platform, ref)
			got := podman.Output(t, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", ref)
			if got := strings.TrimSpace(got); !strings.HasPrefix(platform, got) {
				t.Errorf("%s: pulled %s, want %s", ref, got, platform)
			}
		}
	}
}

// skopeo reads the images, and copies them to another registry with the same digests.
func TestSkopeoCopy(t *testing.T) {
	t.Parallel()
	skopeo := servers.Skopeo(t)
	at, images := pushRehosted(t)
	to := servers.CNCF(t, servers.Options{})
	for tag, im := range images {
		ref := "docker://" + at.Host + "/dst/klibc:" + tag
		raw := skopeo.Output(t, "inspect", "--raw", "--tls-verify=false", ref)
		if raw != string(im.Root().Raw) {
			t.Errorf("%s is\n%s\nwant\n%s", ref, raw, im.Root().Raw)
		}
		skopeo.Output(t, "copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
			ref, "docker://"+to.Host+"/copy:"+tag)
		verify(t, to, im, "copy", tag)
	}
	var config v1.Image
	text := skopeo.Output(t, "inspect", "--config", "--tls-verify=false", "--override-arch=arm64",
		"docker://"+at.Host+"/dst/klibc:made")
	if err := json.Unmarshal([]byte(text), &config); err != nil || config.Architecture != "arm64" {
		t.Errorf("config %s, %v", text, err)
	}
}
