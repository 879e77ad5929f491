package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/servers"
)

// small is what a test can move.
func small() scale {
	return scale{layers: [3]int64{3000, 70_000, 100_000}, images: 3, base: [5]int64{9000, 50, 7000, 10, 100}, own: 500, big: 200_000, tags: 250}
}

// ready are the tools that need no network to be installed.
func ready(t *testing.T) []tool {
	mine := transship()
	mine.Program, _ = servers.Transship(t)
	if _, err := exec.LookPath("skopeo"); err != nil {
		return []tool{mine}
	}
	other := skopeo()
	other.Program = servers.Skopeo(t)
	return []tool{mine, other}
}

func newBench(t *testing.T, tools []tool) *bench {
	return &bench{
		t: t, tools: tools, scale: small(), rounds: 1, limit: time.Until(servers.Deadline(t)), patience: time.Hour, disk: t.TempDir(), log: t.Logf,
		plain: cncf(t, "", servers.Options{}),
	}
}

// near are works without the links, which toxiproxy would carry.
func near(names ...string) []work {
	var some []work
	for _, w := range works() {
		if slices.Contains(names, w.name) {
			w.link, w.short = servers.Link{}, false
			some = append(some, w)
		}
	}
	return some
}

// One round of all works: every tool makes byte-equal copies, and transship with the calls that its design promises.
func TestRound(t *testing.T) {
	t.Parallel()
	b := newBench(t, ready(t))
	ran := near("copy", "tls", "many", "repeat", "big", "save", "disk", "tags")
	b.secure(ran, "")
	for _, w := range ran {
		b.run(w)
	}
	for _, s := range b.samples {
		if s.Error != "" || s.Wall <= 0 || s.CPU <= 0 || s.Size < 1000 || s.Source == 0 {
			t.Errorf("%+v", s)
		}
	}
	if most := spreadOf(results(b.samples).measured(peak)).most; most < 1e6 || most > 100e6 {
		t.Errorf("the peak of all is %.0f bytes", most)
	}
	const shared, own, n = 5, 4, 3 // blobs, and images
	for name, want := range map[string][2]int{
		"copy": {1 + 3 + 12, 1 + 2*12 + 3 + 1}, "tls": {1 + 3 + 12, 1 + 2*12 + 3 + 1},
		"many":   {1 + 3*n + shared + own*n, n + 2*(shared+own*n) + 3*n},
		"repeat": {1 + n, n}, "big": {1 + 1 + 2, 1 + 2*2 + 1 + 1}, "save": {16, 0}, "disk": {16, 0},
	} {
		got := good(b.samples).of(name, subject)
		if len(got) != 1 || got[0].Source != want[0] || got[0].Target != want[1] {
			t.Errorf("%s: %+v, want %v calls", name, got, want)
		}
	}
	checkReport(t, b.report(ran))
}

// checkReport makes sure that the tables have all rows, and that the files can be read.
func checkReport(t *testing.T, r report) {
	var out bytes.Buffer
	r.print(&out)
	for _, w := range r.works {
		if !strings.Contains(out.String(), "| "+w.title+" | transship | ") {
			t.Errorf("%s is not in the tables", w.name)
		}
	}
	t.Log("\n" + out.String())
	file := filepath.Join(t.TempDir(), "peers.json")
	if err := r.write(file); err != nil {
		t.Error(err)
	}
	wellFormed(t, comparison(r))
}

// wellFormed parses XML.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, text)
			return
		}
	}
}

// A tool that does nothing, fails or takes too long is found out.
func TestFailures(t *testing.T) {
	t.Parallel()
	says := func(words ...string) map[task]arguments {
		do := func(testing.TB, job) []string { return words }
		return map[task]arguments{copyOne: do, copyAll: do, save: do}
	}
	sh := servers.Program{Path: servers.Find(t, "sh", "dash")}
	for name, c := range map[string]struct {
		does  map[task]arguments
		limit time.Duration
		want  string
	}{
		"idle":   {says("-c", "true"), time.Hour, ""},
		"fails":  {says("-c", "echo no idea; exit 3"), time.Hour, "exit status 3\nno idea"},
		"sleeps": {says("-c", "exec sleep 60"), 100 * time.Millisecond, "takes longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, []tool{{Program: sh, name: name, commands: c.does}})
			b.limit = c.limit
			b.run(near("copy")[0])
			b.run(near("save")[0])
			for _, s := range b.samples {
				if s.Error == "" || !strings.Contains(s.Error, c.want) {
					t.Errorf("%+v, want an error with %q", s, c.want)
				}
			}
		})
	}
}

// A short work is done more often.
func TestRounds(t *testing.T) {
	for _, w := range works() {
		if want := map[bool]int{false: 2, true: 10}[w.short]; w.rounds(2) != want {
			t.Errorf("%s: %d rounds, want %d", w.name, w.rounds(2), want)
		}
	}
}

// A tool that has taken long is not asked again for that work.
func TestPatience(t *testing.T) {
	t.Parallel()
	b := newBench(t, ready(t)[:1])
	b.rounds, b.patience = 3, time.Nanosecond
	b.run(near("copy")[0])
	if len(b.samples) != 1 {
		t.Errorf("%d runs, want 1", len(b.samples))
	}
	b.patience = time.Hour
	b.run(near("big")[0])
	if len(b.samples) != 1+3 {
		t.Errorf("%d runs of a work with patience, want 3", len(b.samples)-1)
	}
}
