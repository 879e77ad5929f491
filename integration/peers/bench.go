package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hczjl/transship/integration/servers"
)

// bench runs works with tools.
type bench struct {
	t        testing.TB
	tools    []tool
	scale    scale
	rounds   int
	limit    time.Duration // for one run
	patience time.Duration // a tool whose run took longer is not asked again for that work
	disk     string        // a folder on a disk
	log      func(format string, args ...any)
	machine  string // for the report
	ca       string // the file of the CA that registries with TLS have their certificates from

	plain   pair
	tls     pair    // zero where no work needs it
	remote  *remote // nil where no work needs it, or the machine cannot have it
	samples []sample
}

// sample is what one run of a tool has shown.
type sample struct {
	Work    string  `json:"work"`
	Tool    string  `json:"tool"`
	Round   int     `json:"round"`
	Wall    float64 `json:"wall"`           // seconds
	CPU     float64 `json:"cpu"`            // seconds in user and kernel mode
	Peak    int64   `json:"peak"`           // most bytes resident
	Written int64   `json:"written"`        // bytes to a disk
	Size    int64   `json:"size"`           // bytes of what was moved or, by save, of the files written
	Source  int     `json:"source"`         // calls on the source registry
	Target  int     `json:"target"`         // calls on the target registry
	Late    bool    `json:"late,omitempty"` // it was ended after Wall, so that it takes longer than that
	Error   string  `json:"error,omitempty"`
}

// run does a work in all rounds, the tools by turns within each, and begins each round with another one.
func (b *bench) run(w work) {
	c := w.content(b.scale)
	at := b.sites(w)
	b.must(c.push(b.t.Context(), at.from.Endpoint))
	if w.repeat {
		b.must(c.push(b.t.Context(), at.to.Endpoint))
	}
	runners := b.able(w)
	for round := range w.rounds(b.rounds) {
		for i := range runners {
			if t := runners[(i+round)%len(runners)]; b.patient(w, t) {
				b.note(b.once(w, c, t, at, round))
			}
			b.must(context.Cause(b.t.Context()))
		}
	}
	b.must(at.from.empty())
	b.must(at.to.empty())
}

// sites are the registries of a work. The same two serve all works but those of the embedded one.
func (b *bench) sites(w work) pair {
	switch {
	case w.path != nil:
		return b.remote.sites(w)
	case w.embedded:
		return pair{embedded(b.t), embedded(b.t)}
	case w.tls:
		return b.tls
	}
	return b.plain
}

// able are the tools that can do a work.
func (b *bench) able(w work) []tool {
	return slices.DeleteFunc(slices.Clone(b.tools), func(t tool) bool {
		return t.commands[w.task] == nil || w.alone && t.name != subject || t.fetches && (w.path == nil || w.up) ||
			t.name == ofSystem && !w.cubicUpload()
	})
}

// patient tells whether a tool may run, after what it took before.
func (b *bench) patient(w work, t tool) bool {
	return !slices.ContainsFunc(b.samples, func(s sample) bool {
		return s.Work == w.name && s.Tool == t.name && s.Wall > b.patience.Seconds()
	})
}

// note keeps a sample and tells of it.
func (b *bench) note(s sample) {
	b.samples = append(b.samples, s)
	b.log("%-7s round %d  %-10s %8.3f s  cpu %6.3f s  peak %5.1f MB  calls %d+%d  %s",
		s.Work, s.Round+1, s.Tool, s.Wall, s.CPU, float64(s.Peak)/1e6, s.Source, s.Target, s.reason())
}

// once runs a tool, and then compares every byte of what it has made with the source.
func (b *bench) once(w work, c content, t tool, at pair, round int) sample {
	if !w.repeat {
		b.must(at.to.empty())
	}
	program := b.program(w, t, round)
	j := job{
		src: at.from.over(w.link).Host, dst: at.to.over(w.link).Host, repo: c.repository, tag: c.tag(),
		dir: b.folder(w), tls: w.tls, blobs: c.digests(), ca: b.ca,
	}
	args := t.commands[w.task](b.t, j)
	at.from.forget()
	at.to.forget()
	u, err := measure(b.t.Context(), program, b.limit, args...)
	s := sample{
		Work: w.name, Tool: t.name, Round: round,
		Wall: u.wall.Seconds(), CPU: u.cpu.Seconds(), Peak: u.peak, Written: u.written, Size: c.size(),
		Source: at.from.calls(), Target: at.to.calls(),
	}
	if err == nil {
		err = b.check(w, c, t, j, at.to, &s)
	}
	if err != nil {
		s.Late, s.Error = errors.Is(err, errLate), err.Error()
	}
	b.must(os.RemoveAll(j.dir))
	return s
}

// program is a tool as it is started for a work: over a real path, at its near end.
func (b *bench) program(w work, t tool, round int) servers.Program {
	if w.path == nil {
		return t.Program
	}
	b.must(b.remote.link.Set(*w.path, uint64(round)))
	p := t.Program
	words := append(slices.Clone(b.remote.link.Near.Enter), append([]string{p.Path}, p.Args...)...)
	p.Path, p.Args = words[0], words[1:]
	return p
}

// check holds what a tool has made against the source.
func (b *bench) check(w work, c content, t tool, j job, to *site, s *sample) (err error) {
	if t.fetches {
		return c.verifyFetched(j.dir)
	}
	if w.task != save {
		return c.verify(b.t.Context(), to.Endpoint)
	}
	s.Size, err = c.verifySaved(j)
	return err
}

// folder makes the folder of a job.
func (b *bench) folder(w work) string {
	if !w.disk {
		return b.t.TempDir()
	}
	dir, err := os.MkdirTemp(b.disk, "job")
	b.must(err)
	return dir
}

// must ends the comparison after an error of the harness's own.
func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}
