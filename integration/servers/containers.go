package servers

import (
	"path/filepath"
	"testing"
)

// Podman is podman with storage of its own: vfs, no systemd, no events. Registries on loopback need --tls-verify=false.
func Podman(t testing.TB) Program {
	t.Helper()
	path := Find(t, "podman", "podman")
	needRoot(t, "podman")
	dir := shortDir(t)
	WriteAuths(t, dir, nil)
	return Program{
		Path: path,
		Args: []string{
			"--root", filepath.Join(dir, "root"),
			"--runroot", filepath.Join(dir, "run"),
			"--tmpdir", filepath.Join(dir, "tmp"),
			"--storage-driver", "vfs",
			"--cgroup-manager", "cgroupfs",
			"--events-backend", "none",
		},
		Env: environment(dir, "XDG_RUNTIME_DIR="+dir, "REGISTRY_AUTH_FILE="+filepath.Join(dir, "config.json")),
	}
}

// Skopeo is skopeo without a signature policy.
func Skopeo(t testing.TB) Program {
	t.Helper()
	path := Find(t, "skopeo", "skopeo")
	dir := t.TempDir()
	WriteAuths(t, dir, nil)
	return Program{
		Path: path,
		Args: []string{"--insecure-policy"},
		Env:  environment(dir, "XDG_RUNTIME_DIR="+dir, "REGISTRY_AUTH_FILE="+filepath.Join(dir, "config.json")),
	}
}

// Ctr is the ctr command of an engine's containerd, in a namespace of its own.
func (e *DockerEngine) Ctr(t testing.TB) Program {
	t.Helper()
	return Program{
		Path: Find(t, "ctr", "containerd"),
		Args: []string{"--address", e.Containerd, "--namespace", "transship"},
		Env:  environment(t.TempDir()),
	}
}

// Crane is crane (github.com/google/go-containerregistry/cmd/crane, see go.mod for the version) with a docker configuration
// of its own. It speaks plain HTTP to registries on loopback.
func Crane(t testing.TB) Program {
	t.Helper()
	home := t.TempDir()
	return Program{Path: goTool(t, "crane"), Env: environment(home, "DOCKER_CONFIG="+home)}
}

// Oras is oras (oras.land/oras/cmd/oras, see go.mod for the version) with a docker configuration of its own.
func Oras(t testing.TB) Program {
	t.Helper()
	home := t.TempDir()
	return Program{Path: goTool(t, "oras"), Env: environment(home, "DOCKER_CONFIG="+home)}
}

// Regctl is regctl (github.com/regclient/regclient/cmd/regctl, see go.mod for the version) with a configuration of its own,
// which speaks plain HTTP to hosts.
func Regctl(t testing.TB, hosts ...string) Program {
	t.Helper()
	home := t.TempDir()
	regctl := Program{
		Path: goTool(t, "regctl"),
		Env:  environment(home, "DOCKER_CONFIG="+home, "REGCTL_CONFIG="+filepath.Join(home, "regctl.json")),
	}
	for _, host := range hosts {
		regctl.Output(t, "registry", "set", "--skip-check", "--tls", "disabled", host)
	}
	return regctl
}
