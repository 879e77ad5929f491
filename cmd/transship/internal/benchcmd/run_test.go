package benchcmd

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/benchcmd/bench"
	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/cmd/transship/internal/run"
)

// execute runs a command on embedded registries and returns what it prints.
func execute(t *testing.T, kind bench.Kind, args ...string) (stdout, notes string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	r := run.New(cli.NewStreams(func(string) string { return "" }, nil, &out, &errOut))
	args = append(args, "--size", "2x1KiB", "--count", "2", "--warmup", "1", "--jobs", "2")
	err = Bench(kind).Execute(t.Context(), r, args)
	if err := r.PrintDocument(err); err != nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), err
}

// Every kind prints a line for each measured round and removes what it pushed.
func TestBenchOfEveryKind(t *testing.T) {
	for _, kind := range []bench.Kind{bench.Push, bench.Pull, bench.Copy, bench.Mount, bench.Resolve} {
		args := []string{"--requests", "3"}
		if kind != bench.Resolve {
			args = nil
		}
		stdout, notes, err := execute(t, kind, args...)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if n := strings.Count(stdout, "/jobs=2/platforms=1/layers=2/size=2x1KiB"); n != 2 {
			t.Errorf("%s prints %d lines:\n%s", kind, n, stdout)
		}
		if !strings.Contains(notes, "\n"+string(kind)+" jobs=2: ") || strings.Contains(notes, "left on") {
			t.Errorf("%s says\n%s", kind, notes)
		}
	}
}

func TestBenchJSONWithLimit(t *testing.T) {
	stdout, notes, err := execute(t, bench.Push, "--json", "--limit", "--seed", "3")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Benchmark string
		Seed      uint64
		Limit     *struct{ Link []any }
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.Benchmark != "push" || got.Seed != 3 || got.Limit == nil || len(got.Limit.Link) == 0 {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(notes, "the minimum: plain TCP on loopback ") || strings.Contains(notes, "seed 3") {
		t.Errorf("it says\n%s", notes)
	}
}

func TestBenchRefusals(t *testing.T) {
	for _, test := range []struct {
		args []string
		code int
	}{
		{[]string{"--layers", "3"}, cli.ExitUsage},                              // beside --size
		{[]string{"--http2"}, cli.ExitUsage},                                    // the embedded registry has none
		{[]string{"localhost:1/a:tag"}, cli.ExitUsage},                          // no repository
		{[]string{"203.0.113.7/a"}, cli.ExitRefused},                            // a public address (RFC 5737)
		{[]string{"--html", t.TempDir() + "/none/page.html"}, cli.ExitNotFound}, // no such folder
		{[]string{"--creds", "-"}, cli.ExitUsage},                               // without standard input
	} {
		_, _, err := execute(t, bench.Push, test.args...)
		if code := run.ExitCode(err); err == nil || code != test.code {
			t.Errorf("%v: error %v with exit code %d, want %d", test.args, err, code, test.code)
		}
	}
}

func TestCredentialsAreReadOnce(t *testing.T) {
	c := newCommand(bench.Push)
	stdin := strings.NewReader("me:secret\n")
	r := run.New(cli.NewStreams(func(string) string { return "" }, stdin, io.Discard, io.Discard))
	c.registry = r.NewRemote("")
	c.registry.Creds = "-"
	for range 2 {
		if err := c.readCredentials(t.Context()); err != nil || c.registry.Creds != "me:secret" {
			t.Errorf("got %q, error %v", c.registry.Creds, err)
		}
	}
}
