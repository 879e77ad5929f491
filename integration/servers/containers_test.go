package servers

import (
	"runtime"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
)

// pushReal starts a registry with the real image and its OCI twin in one repository, under the tags
// that are the keys.
func pushReal(t *testing.T) (*Registry, map[string]fixture.Image) {
	t.Helper()
	r := CNCF(t, Options{})
	images := map[string]fixture.Image{"docker": fixture.Real(), "oci": fixture.Real().OCI()}
	for tag, im := range images {
		if err := r.Repository("dst/klibc").Push(t.Context(), im, tag); err != nil {
			t.Fatal(err)
		}
	}
	return r, images
}

// The engine pulls every platform, and runs the machine's own.
func TestEngine(t *testing.T) {
	t.Parallel()
	e := Engine(t)
	docker := e.CLI(t)
	r, images := pushReal(t)
	for tag := range images {
		ref := r.Host + "/dst/klibc:" + tag
		for _, platform := range fixture.Real().Platforms() {
			docker.Output(t, "pull", "--quiet", "--platform", platform, ref)
			got := docker.Output(t, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}/{{.Variant}}", ref)
			if got := strings.TrimSuffix(strings.TrimSpace(got), "/"); got != platform {
				t.Errorf("%s: pulled %s, want %s", ref, got, platform)
			}
		}
	}
	if runtime.GOARCH != "amd64" {
		return
	}
	out := docker.Output(t, "run", "--rm", "--network=none", "--platform=linux/amd64", r.Host+"/dst/klibc:docker", "uname", "-m")
	if out != "x86_64\n" {
		t.Errorf("the container printed %q", out)
	}
}

// containerd fetches an image with all its platforms.
func TestContainerd(t *testing.T) {
	t.Parallel()
	e := Engine(t)
	ctr := e.Ctr(t)
	r, images := pushReal(t)
	for tag, im := range images {
		ctr.Output(t, "content", "fetch", "--plain-http", "--all-platforms", r.Host+"/dst/klibc:"+tag)
		for _, m := range im.Manifests {
			if got := ctr.Output(t, "content", "get", m.Digest.String()); got != string(m.Raw) {
				t.Errorf("%s holds %s\nwant %s", m.Digest, got, m.Raw)
			}
		}
	}
}

func TestPodman(t *testing.T) {
	t.Parallel()
	podman := Podman(t)
	r, images := pushReal(t)
	for tag := range images {
		ref := r.Host + "/dst/klibc:" + tag
		for _, platform := range fixture.Real().Platforms() {
			podman.Output(t, "pull", "--quiet", "--tls-verify=false", "--platform", platform, ref)
			got := podman.Output(t, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", ref)
			if got := strings.TrimSpace(got); !strings.HasPrefix(platform, got) {
				t.Errorf("%s: pulled %s, want %s", ref, got, platform)
			}
		}
	}
}

// skopeo copies an image to a registry with tokens and keeps every byte.
func TestSkopeo(t *testing.T) {
	t.Parallel()
	skopeo := Skopeo(t)
	from, images := pushReal(t)
	tokens := Tokens(t, TokenOptions{Users: map[string]string{"alice": "secret"}})
	to := Debian(t, Options{Tokens: tokens})
	for tag, im := range images {
		skopeo.Output(t, "copy", "--all", "--preserve-digests", "--dest-creds=alice:secret",
			"--src-tls-verify=false", "--dest-tls-verify=false",
			"docker://"+from.Host+"/dst/klibc:"+tag, "docker://"+to.Host+"/copy:"+tag)
		if err := to.Repository("copy").Verify(t.Context(), im, tag); err != nil {
			t.Error(err)
		}
	}
	requests := tokens.Requests()
	if len(requests) == 0 {
		t.Fatal("skopeo asked for no token")
	}
	for _, r := range requests {
		if r.User != "alice" || r.Status != 200 {
			t.Errorf("token request %+v", r)
		}
	}
}
