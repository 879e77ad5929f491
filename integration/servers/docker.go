package servers

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// DockerCLI is the docker command with a configuration of its own. Its manifest commands need no engine, but create and
// inspect need --insecure for a registry without TLS, even on loopback; push does not.
//
// The lists that it pushes are the same in 20.10 and in 28.2. What differs: before 23.0 it knows Docker's media types
// only, calls an OCI image "no such manifest", and its local store has no field Raw.
type DockerCLI struct {
	Program
	Config   string // $DOCKER_CONFIG: config.json, and the local lists in manifests/
	Version  string // such as 20.10.24+dfsg1
	KnowsOCI bool   // whether docker manifest takes OCI images (docker/cli #3990)
}

// Docker is the docker command that comes first on PATH.
func Docker(t testing.TB) *DockerCLI {
	t.Helper()
	return newDocker(t, Find(t, "docker", "docker.io"))
}

// DockerManifestCLI is docker's own manifest commands at the version that go.mod pins, and no other
// commands: what every machine can compare bytes with, whatever docker it has.
func DockerManifestCLI(t testing.TB) *DockerCLI {
	t.Helper()
	return newDocker(t, goTool(t, "dockercli"))
}

// DockerVersions are the oracle and all docker commands on PATH, so that a test of manifest
// commands can compare versions.
func DockerVersions(t testing.TB) []*DockerCLI {
	t.Helper()
	Find(t, "docker", "docker.io")
	all := []*DockerCLI{DockerManifestCLI(t)}
	seen := map[string]bool{}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, "docker"))
		if err != nil || seen[path] {
			continue
		}
		seen[path] = true
		all = append(all, newDocker(t, path))
	}
	return all
}

func newDocker(t testing.TB, path string) *DockerCLI {
	t.Helper()
	home := t.TempDir()
	d := &DockerCLI{Config: filepath.Join(home, ".docker")}
	d.Program = Program{Path: path, Env: environment(home, "DOCKER_CONFIG="+d.Config)}
	if err := os.Mkdir(d.Config, 0o700); err != nil {
		t.Fatal(err)
	}
	text := d.Output(t, "--version")
	var major int
	if _, err := fmt.Sscanf(text, "Docker version %d.", &major); err != nil {
		t.Fatalf("docker --version says %q: %v", text, err)
	}
	d.Version, _, _ = strings.Cut(strings.TrimPrefix(text, "Docker version "), ",")
	d.KnowsOCI = major >= 23
	return d
}

// WriteAuths writes a docker config.json with credentials ("user:password") per host, and gives its folder: the value for
// DOCKER_CONFIG. The file alone is also what REGISTRY_AUTH_FILE wants.
func WriteAuths(t testing.TB, dir string, auths map[string]string) string {
	t.Helper()
	entries := map[string]any{}
	for host, login := range auths {
		entries[host] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(login))}
	}
	raw, err := json.MarshalIndent(map[string]any{"auths": entries}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// DockerEngine is a running dockerd with its containerd.
type DockerEngine struct {
	Host       string // its socket, as DOCKER_HOST wants it
	Containerd string // the socket of its containerd
	Version    string
	process    *process
}

// Engine starts Debian's docker engine with state of its own, without networks. It runs beside other engines. Loopback
// registries may speak plain HTTP to it. args are more arguments of dockerd.
func Engine(t testing.TB, args ...string) *DockerEngine {
	t.Helper()
	return startEngine(t, Program{}, args)
}

// EngineRunBy is Engine with dockerd run by another program, such as transship record --audit FILE --.
func EngineRunBy(t testing.TB, by Program) *DockerEngine {
	t.Helper()
	return startEngine(t, by, nil)
}

// startEngine starts an engine, by another program unless that is empty.
func startEngine(t testing.TB, by Program, args []string) *DockerEngine {
	t.Helper()
	program := Find(t, "dockerd", "docker.io")
	unshare := Find(t, "unshare", "util-linux")
	needRoot(t, "dockerd")
	dir := shortDir(t)
	e := &DockerEngine{
		Host:       "unix://" + filepath.Join(dir, "docker.sock"),
		Containerd: filepath.Join(dir, "exec", "containerd", "containerd.sock"),
	}
	cli := e.CLI(t)
	s := service{dir: dir}
	s.command = func([]int) *exec.Cmd {
		// Its mounts end with its mount namespace, even if it is killed.
		cmd := exec.Command(unshare, "--mount", "--propagation=private", program,
			"--host="+e.Host,
			"--data-root="+filepath.Join(dir, "data"),
			"--exec-root="+filepath.Join(dir, "exec"),
			"--pidfile="+filepath.Join(dir, "docker.pid"),
			"--log-level=warn",
			"--storage-driver=vfs",
			"--bridge=none", "--iptables=false", "--ip6tables=false")
		cmd.Args = append(cmd.Args, args...)
		if by.Path != "" {
			cmd = exec.Command(by.Path, slices.Concat(by.Args, cmd.Args)...)
			cmd.Env = by.Env
		}
		return cmd
	}
	s.ready = func([]int) error {
		out, err := exec.Command(cli.Path, "--host", e.Host, "version", "--format", "{{.Server.Version}}").Output()
		e.Version = strings.TrimSpace(string(out))
		return err
	}
	e.process, _ = s.start(t)
	return e
}

// Stop asks the engine to end, and returns its exit status.
func (e *DockerEngine) Stop(t testing.TB) int {
	e.process.stop(time.Until(Deadline(t)))
	return e.process.cmd.ProcessState.ExitCode()
}

// CLI is a docker command that talks to the engine.
func (e *DockerEngine) CLI(t testing.TB) *DockerCLI {
	t.Helper()
	d := Docker(t)
	d.Env = append(d.Env, "DOCKER_HOST="+e.Host)
	return d
}

// shortDir is a temporary folder whose name leaves room for the names of sockets, which may have 107 bytes.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ts-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
