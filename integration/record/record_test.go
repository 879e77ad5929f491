// Package record tests `transship record` with real clients and registries.
package record

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hczjl/transship/distribution/audit"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/integration/servers"
)

// client pulls an image through a recording registry, and pushes it there under another name.
type client struct {
	pull, push func(t *testing.T, host string)
}

// clients are the usual ones. from is the reference on the registry itself, from which pushes are made.
func clients(t *testing.T, from string) map[string]client {
	engine := servers.Engine(t)
	docker, podman, skopeo, crane := engine.CLI(t), servers.Podman(t), servers.Skopeo(t), servers.Crane(t)
	oras, ctr := servers.Oras(t), engine.Ctr(t)
	dir := t.TempDir()
	return map[string]client{
		"docker": {
			func(t *testing.T, host string) { docker.Output(t, "pull", host+"/src/repo:1") },
			func(t *testing.T, host string) {
				docker.Output(t, "pull", from)
				docker.Output(t, "tag", from, host+"/docker/repo:1")
				docker.Output(t, "push", host+"/docker/repo:1")
			},
		},
		"containerd": {
			func(t *testing.T, host string) {
				ctr.Output(t, "content", "fetch", "--plain-http", "--all-platforms", host+"/src/repo:1")
			},
			func(t *testing.T, host string) {
				ctr.Output(t, "content", "fetch", "--plain-http", "--all-platforms", from)
				ctr.Output(t, "image", "push", "--plain-http", host+"/containerd/repo:1", from)
			},
		},
		"podman": {
			func(t *testing.T, host string) {
				podman.Output(t, "pull", "--quiet", "--tls-verify=false", host+"/src/repo:1")
			},
			func(t *testing.T, host string) {
				podman.Output(t, "pull", "--quiet", "--tls-verify=false", from)
				podman.Output(t, "push", "--quiet", "--tls-verify=false", from, host+"/podman/repo:1")
			},
		},
		"skopeo": {
			func(t *testing.T, host string) {
				skopeo.Output(t, "copy", "--all", "--src-tls-verify=false", "docker://"+host+"/src/repo:1", "dir:"+dir+"/skopeo")
			},
			func(t *testing.T, host string) {
				skopeo.Output(t, "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "dir:"+dir+"/skopeo",
					"docker://"+host+"/skopeo/repo:1")
			},
		},
		"crane": {
			func(t *testing.T, host string) {
				crane.Output(t, "pull", "--format", "oci", host+"/src/repo:1", dir+"/crane")
			},
			func(t *testing.T, host string) { crane.Output(t, "copy", from, host+"/crane/repo:1") },
		},
		"regctl": {
			func(t *testing.T, host string) {
				servers.Regctl(t, host).Output(t, "image", "export", host+"/src/repo:1", dir+"/regctl.tar")
			},
			func(t *testing.T, host string) {
				images, _, _ := strings.Cut(from, "/")
				servers.Regctl(t, images, host).Output(t, "image", "copy", from, host+"/regctl/repo:1")
			},
		},
		"oras": {
			func(t *testing.T, host string) {
				oras.Output(t, "copy", "--from-plain-http", "--to-oci-layout", host+"/src/repo:1", dir+"/oras:1")
			},
			func(t *testing.T, host string) {
				oras.Output(t, "copy", "--to-plain-http", "--from-oci-layout", dir+"/oras:1", host+"/oras/repo:1")
			},
		},
	}
}

// What the record says of docker, containerd, podman, skopeo, crane, regctl and oras is what the registry's
// own access log says, call for call, and their images are the same as without it.
func TestClientsOnTheRecord(t *testing.T) {
	t.Parallel()
	images, at := servers.CNCF(t, servers.Options{}), servers.CNCF(t, servers.Options{})
	im := fixture.Real().OCI()
	for _, r := range []*servers.Registry{images, at} {
		if err := r.Repository("src/repo").Push(t.Context(), im, "1"); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range clients(t, images.Host+"/src/repo:1") {
		for _, act := range []func(*testing.T, string){c.pull, c.push} {
			file := filepath.Join(t.TempDir(), "record.jsonl")
			record := servers.Record(t, "--audit", file, at.Host)
			at.ForgetCalls(t)
			act(t, record.Host)
			if exit := record.Stop(t); exit != 0 {
				t.Errorf("%s: record ends with %d: %s", name, exit, record.Log())
			}
			compare(t, name, recorded(t, file), at.Calls(t))
		}
	}
	for _, name := range []string{"containerd", "skopeo", "crane", "regctl", "oras"} {
		if err := at.Repository(name+"/repo").Verify(t.Context(), im, "1"); err != nil {
			t.Errorf("%s pushed another image: %v", name, err)
		}
	}
	crane := servers.Crane(t)
	for _, name := range []string{"docker", "podman"} {
		crane.Output(t, "validate", "--remote", at.Host+"/"+name+"/repo:1")
	}
}

// A record of 300 MB, read and written, needs less than 40 MiB of resident memory.
func TestMemory(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("what is resident is read from Linux's /proc")
	}
	at := servers.CNCF(t, servers.Options{})
	im := fixture.Synthetic(fixture.Spec{Seed: 43, Layers: []int64{90 << 20, 30 << 20, 30 << 20}})
	if err := at.Repository("src/repo").Push(t.Context(), im, "1"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "record.har")
	record := servers.Record(t, "--audit", file, at.Host)
	peak := record.Peak()
	dir := t.TempDir()
	skopeo := servers.Skopeo(t)
	skopeo.Output(t, "copy", "--all", "--src-tls-verify=false", "docker://"+record.Host+"/src/repo:1", "dir:"+dir)
	skopeo.Output(t, "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", "dir:"+dir, "docker://"+record.Host+"/dst/repo:1")
	if exit := record.Stop(t); exit != 0 {
		t.Fatalf("record ends with %d: %s", exit, record.Log())
	}
	most := <-peak
	t.Logf("at most %d KiB resident", most>>10)
	if most < 1<<20 || most >= 40<<20 {
		t.Errorf("at most %d KiB resident, want less than 40 MiB", most>>10)
	}
}

// recorded returns the calls of an audit as a registry's access log has them.
func recorded(t *testing.T, name string) []string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := audit.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for e, err := range r.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(e.URL)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, line(e.Method, u.EscapedPath(), u.RawQuery, e.Status))
	}
	return calls
}

// line returns a call without the state of an upload session, which the record does not have.
func line(method, path, query string, status int) string {
	values, _ := url.ParseQuery(query)
	values.Del("_state")
	return fmt.Sprintf("%s %s?%s %d", method, path, values.Encode(), status)
}

// compare compares calls in any order: the record has them by their starts, the log by their ends.
func compare(t *testing.T, client string, got []string, log servers.Calls) {
	t.Helper()
	var want []string
	for _, c := range log {
		want = append(want, line(c.Method, c.Path, c.Query, c.Status))
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%s: the record has\n%s\nand the registry\n%s", client, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
