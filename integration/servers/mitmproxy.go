package servers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// RecordingProxy is mitmproxy in front of a registry. It writes down what passes it, and knows
// nothing of the client.
type RecordingProxy struct {
	Endpoint

	program string
	dir     string
	process *process
}

// Flow is a call as the witness has seen it.
type Flow struct {
	Method   string
	URL      string
	Status   int   // 0 when there was no answer
	Sent     int64 // bytes of the request's body
	Received int64 // bytes of the answer's
	Agent    string
}

// Mitmproxy starts mitmdump as a reverse proxy before a registry that speaks plain HTTP.
func Mitmproxy(t testing.TB, upstream *Registry) *RecordingProxy {
	t.Helper()
	w := &RecordingProxy{program: Find(t, "mitmdump", "mitmproxy"), dir: t.TempDir()}
	s := service{dir: w.dir, ports: 1}
	s.command = func(ports []int) *exec.Cmd {
		_, port, _ := strings.Cut(loopback(ports[0]), ":")
		cmd := w.command("--listen-host", "127.0.0.1", "--listen-port", port, "--mode", "reverse:"+upstream.URL,
			// The registry's Locations shall lead back here.
			"--set", "keep_host_header=true", "-w", w.file())
		return cmd
	}
	s.ready = func(ports []int) error {
		w.Endpoint = Options{}.endpoint(loopback(ports[0]))
		return w.answers(instance, upstream.Dir)
	}
	w.process, _ = s.start(t)
	return w
}

func (w *RecordingProxy) file() string { return filepath.Join(w.dir, "flows") }

// command is mitmdump with a folder of its own.
func (w *RecordingProxy) command(args ...string) *exec.Cmd {
	cmd := exec.Command(w.program, append([]string{"--set", "confdir=" + w.dir, "-q"}, args...)...)
	cmd.Env = environment(w.dir)
	return cmd
}

// lister is an addon that prints flows, one JSON object a line.
const lister = `
import json

def say(flow):
    print(json.dumps({
        "Method": flow.request.method,
        "URL": flow.request.path,
        "Status": flow.response.status_code if flow.response else 0,
        "Sent": len(flow.request.raw_content or b""),
        "Received": len(flow.response.raw_content or b"") if flow.response else 0,
        "Agent": flow.request.headers.get("User-Agent", ""),
    }), flush=True)

def response(flow):
    say(flow)

def error(flow):
    say(flow)
`

// Flows stops the witness and returns what it has written down, but for the harness's own calls.
func (w *RecordingProxy) Flows(t testing.TB) []Flow {
	t.Helper()
	w.process.stop(time.Until(Deadline(t)))
	script := filepath.Join(w.dir, "list.py")
	if err := os.WriteFile(script, []byte(lister), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := w.command("-n", "-r", w.file(), "-s", script).Output()
	if err != nil {
		t.Fatalf("reading mitmproxy's flows: %v", err)
	}
	var flows []Flow
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var f Flow
		if err := d.Decode(&f); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		f.URL = w.URL + f.URL // mitmproxy says where it has passed it on to
		if f.Agent != harness {
			flows = append(flows, f)
		}
	}
	return flows
}

// harDump is mitmproxy's own way to write HAR, which Debian counts among the package's documentation.
const harDump = "/usr/share/doc/mitmproxy/examples/contrib/har_dump.py"

// HAR stops the witness and returns the file that mitmproxy makes of its flows, the harness's own among them. It is empty on
// machines that have no documentation.
func (w *RecordingProxy) HAR(t testing.TB) string {
	t.Helper()
	w.process.stop(time.Until(Deadline(t)))
	if _, err := os.Stat(harDump); err != nil {
		t.Logf("mitmproxy's HAR is left out: %v", err)
		return ""
	}
	file := filepath.Join(w.dir, "flows.har")
	if out, err := w.command("-n", "-r", w.file(), "-s", harDump, "--set", "hardump="+file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}
