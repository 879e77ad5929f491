package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hczjl/transship/manifest"
)

func TestDemo(t *testing.T) {
	p := newProgram(t)
	p.stderrTerminal = true // progress must not be drawn between the calls
	o := p.run("demo").want(0, "copied 127.0.0.1:", "/halohub/halo:1.6 to 127.0.0.1:", ": 3 images; blobs: 10 sent; ")
	for call, want := range map[string]int{
		`200 GET  source /v2/halohub/halo/manifests/\S+`:                                           4,
		`200 GET  source /v2/halohub/halo/blobs/sha256:[0-9a-f]{12}\.\.\.`:                         10,
		`404 HEAD target /v2/hczjl/halo/manifests/1\.6`:                                            1,
		`202 POST target /v2/hczjl/halo/blobs/uploads/\?from=hczjl/halo&mount=sha256:\w{12}\.\.\.`: 10,
		`201 PUT  target /v2/hczjl/halo/blobs/uploads/\w{8}\.\.\.\?digest=sha256:\w{12}\.\.\.`:     10,
		`201 PUT  target /v2/hczjl/halo/manifests/\S+`:                                             4,
		`\d{3} [A-Z]+ +\S.*`: 39,
	} {
		if got := len(regexp.MustCompile(`(?m)^  `+call+`$`).FindAllString(o.stdout, -1)); got != want {
			t.Errorf("%d calls like %s, want %d", got, call, want)
		}
	}
	_, list, _ := strings.Cut(o.stdout, "$ transship inspect --raw ")
	_, list, _ = strings.Cut(list, "\n")
	list, next, _ := strings.Cut(list, "\n\nNow with your own images:\n")
	m, err := manifest.Parse("", []byte(list))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(o.stdout, "/hczjl/halo:1.6@"+string(m.Digest)+"\n") {
		t.Errorf("the list shown has digest %s, which is not the one of the copy", m.Digest)
	}
	ix, err := m.Index()
	if got := platformNames(ix); err != nil || got != "linux/amd64 linux/arm/v7 linux/arm64" {
		t.Errorf("the list has %s, error %v", got, err)
	}
	if !strings.Contains(next, "transship copy ") {
		t.Errorf("it ends with %q", next)
	}
	if strings.Contains(o.stderr, "\x1b") {
		t.Errorf("standard error has a picture: %q", o.stderr)
	}
}

func TestInterruptedDemo(t *testing.T) {
	p := newProgram(t)
	p.ctx = interruptedContext()
	p.run("demo").want(130)
}

// The demo's audit has the 39 calls that it prints and the one of inspect.
func TestAuditOfDemo(t *testing.T) {
	p := newProgram(t)
	file := filepath.Join(p.env["HOME"], "demo.har")
	p.run("demo", "--audit", file).want(0)
	r, entries := readAudit(t, file)
	if len(entries) != 40 || r.End == nil || entries[0].Why.Command != "demo" {
		t.Errorf("%d calls: %+v", len(entries), r)
	}
}
