package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hczjl/transship/cmd/transship/internal/cli"
	"github.com/hczjl/transship/distribution/registry"
)

// A failed or interrupted save leaves no bundle. It keeps a partial file and names it, and the same
// command resumes.
func TestSaveResumes(t *testing.T) {
	t.Parallel()
	const blobs = "^GET .*/blobs/"
	for name, test := range map[string]struct {
		rule registry.Rule
		want wantedError
	}{
		"missing blob": {registry.Rule{Match: blobs, Skip: 3, Status: 404},
			wantedError{4, "404 Not Found", "PARTIAL keeps what was written: run the same command again"}},
		"damaged blob": {registry.Rule{Match: blobs, Skip: 3, Corrupt: true},
			wantedError{7, ": want sha256:", "PARTIAL keeps what was written: run the same command again"}},
		"broken": {registry.Rule{Match: blobs, Skip: 3, Cut: registry.CutResponse},
			wantedError{5, "EOF", "PARTIAL keeps what was written: run the same command again"}},
		"interrupted": {registry.Rule{Match: blobs, Skip: 3}, wantedError{130, "transship save: interrupted",
			"PARTIAL keeps what was written: run the same command again"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopySetup(t)
			ctx := c.ctx
			if name == "interrupted" {
				c.interruptOn(test.rule)
			} else {
				c.source.Set(test.rule)
			}
			test.want.hint = strings.Replace(test.want.hint, "PARTIAL", c.path("x.tar.partial"), 1)
			c.do("save --jobs 1 -o @/x.tar SRC").wantError(test.want)
			if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"x.tar.partial"}) {
				t.Errorf("there is %v", got)
			}
			c.ctx = ctx
			c.source.Set()
			c.source.ResetRequests()
			c.do("save -o @/x.tar SRC").want(0, "blobs: 4 fetched, 3 already there")
			if n := c.source.Count(blobs); n != 4 {
				t.Errorf("%d blobs were fetched, want those that had not come", n)
			}
			if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"x.tar", "x.tar.json"}) {
				t.Errorf("there is %v", got)
			}
			c.do("save -o @/y.tar SRC").want(0)
			if readFile(t, c.path("x.tar")) != readFile(t, c.path("y.tar")) {
				t.Error("it is another bundle than one at a stroke")
			}
		})
	}
}

// An earlier bundle is kept until the new one is complete, and then removed completely.
func TestSaveReplacesEarlierBundle(t *testing.T) {
	c := newCopySetup(t)
	c.source.pushImage("tool", "2", "linux/amd64", "shared", "tool")
	c.do("save -o @/x.tar --split 1k SRC").want(0)
	before := fileNames(t, c.path(""))
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/", Status: 404})
	c.do("save -o @/x.tar FROM/tool:2").want(4)
	c.source.Set()
	c.do("verify -q @/x.tar").want(0)
	if got := slices.DeleteFunc(fileNames(t, c.path("")),
		func(name string) bool { return name == "x.tar.partial" }); !slices.Equal(got, before) {
		t.Errorf("there is %v", got)
	}
	c.do("save -o @/x.tar FROM/tool:2").want(0)
	if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"x.tar", "x.tar.json"}) {
		t.Errorf("there is %v", got)
	}
	c.verifySound(c.path("x.tar"))
	file := c.writeFile("made-by-mktemp", "")
	c.do("save -o " + file + " FROM/tool:2").want(0)
	c.verifySound(file)
}

// A save interrupted before its first blob leaves no file, whatever its output. Then a save to a
// folder leaves only that.
func TestSaveInterruptedEarly(t *testing.T) {
	c := newCopySetup(t)
	ctx := c.ctx
	for _, line := range []string{"save -o @/x.tar SRC", "save -o - SRC", "save -o @/lay/ SRC"} {
		c.ctx = ctx
		c.interruptOn(registry.Rule{Match: "^GET .*/manifests/"})
		c.do(line).wantError(wantedError{130, "transship save: interrupted", ""})
	}
	c.ctx = ctx
	c.source.Set()
	c.do("save -o @/lay/ SRC").want(0)
	c.verifySound(c.path("lay"))
	if got := fileNames(t, c.path("")); !slices.Equal(got, []string{"lay"}) {
		t.Errorf("there is %v", got)
	}
}

// Errors of a save to standard output: a corrupt blob and a broken pipe.
func TestSaveToStdoutErrors(t *testing.T) {
	c := newCopySetup(t)
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/", Skip: 2, Corrupt: true})
	o := c.do("save -o - SRC")
	o.wantError(wantedError{7, ": want sha256:", "damaged at its source"})
	c.writeFile("x.tar", o.stdout)
	c.do("verify @/x.tar").wantError(wantedError{7, "x.tar: ", "transfer the file again"})
	c.source.Set()
	c.stdout = failingWriter{}
	c.do("save -o - SRC").wantError(wantedError{1, "writing the result: no space left", ""})
}

// A second save or copy to a file that is being written is refused.
func TestConcurrentSavesToOneFile(t *testing.T) {
	c := newCopySetup(t)
	asked, go_on := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.source.Set(registry.Rule{Match: "^GET .*/blobs/", Edit: func(http.Header) {
		once.Do(func() { close(asked) })
		<-go_on
	}})
	var first sync.WaitGroup
	first.Go(func() { c.do("save -o @/x.tar SRC").want(0) })
	<-asked
	c.do("save -o @/x.tar SRC").wantError(wantedError{1, "x.tar: another process is writing it", "wait for the other process to end"})
	c.do("copy SRC oci-archive:@/x.tar").
		wantError(wantedError{1, "x.tar: another process is writing it", "wait for the other process to end"})
	close(go_on)
	first.Wait()
	c.verifySound(c.path("x.tar"))
	c.do("save -o @/x.tar SRC").want(0)
}

// interruptOn interrupts the program when the source gets a request that matches. The request is
// not answered.
func (c *copySetup) interruptOn(when registry.Rule) {
	c.t.Helper()
	ctx, cancel := context.WithCancelCause(c.ctx)
	c.ctx = ctx
	when.Edit = func(http.Header) {
		cancel(cli.ErrInterrupted)
		panic(http.ErrAbortHandler)
	}
	c.source.Set(when)
}
