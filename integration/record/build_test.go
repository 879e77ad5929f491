package record

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// interrupted is the exit code of a program after an interrupt.
const interrupted = 130

// A docker engine that record runs has its builds and pushes on the record, call for call as the registry
// sees them. The registry is not on loopback, which Go's programs do not call by a proxy.
func TestBuildOnTheRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, own, served := filepath.Join(dir, "store"), filepath.Join(dir, "record.jsonl"), filepath.Join(dir, "served.jsonl")
	filling := servers.Serve(t, "--writable", store)
	if err := filling.Repository("team/app").Push(t.Context(), fixture.Real(), "1"); err != nil {
		t.Fatal(err)
	}
	filling.Stop(t)
	at := servers.Serve(t, "--listen", machineAddress(t)+":0", "--tls-new", filepath.Join(dir, "certs"), "--writable", "--audit", served, store)
	ca := filepath.Join(dir, "certs", "ca.crt")
	recorder, _ := servers.Transship(t)
	recorder.Args = []string{"record", "--audit", own, "--ca", ca, "--"}
	engine := servers.EngineRunBy(t, recorder)
	docker := engine.CLI(t)
	docker.Env = append(docker.Env, "DOCKER_BUILDKIT=0")
	built := at.Host + "/team/built:1"
	if o := docker.RunInput(t, "FROM "+at.Host+"/team/app:1\nLABEL checked=yes\n", "build", "-t", built, "-"); o.Exit != 0 {
		t.Fatalf("docker build ends with %d\n%s%s", o.Exit, o.Stdout, o.Stderr)
	}
	docker.Output(t, "push", built)
	if exit := engine.Stop(t); exit != interrupted {
		t.Errorf("record ends with %d", exit)
	}
	if exit := at.Stop(t); exit != 0 {
		t.Errorf("serve ends with %d: %s", exit, at.Log())
	}
	got, want := recorded(t, own), recorded(t, served)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the record has\n%s\nand the registry\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, call := range []string{"GET /v2/team/app/manifests/sha256:", "GET /v2/team/app/blobs/sha256:", "PUT /v2/team/built/manifests/1"} {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, call) }) {
			t.Errorf("no %s is on the record:\n%s", call, strings.Join(got, "\n"))
		}
	}
}

// machineAddress returns an address of this machine that is not loopback.
func machineAddress(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() && network.IP.To4() != nil {
			return network.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}
