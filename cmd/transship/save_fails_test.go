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

// A save that fails or is interrupted leaves no bundle, keeps what has come, and says where; the same command goes on.
func TestSaveGoesOn(t *testing.T) {
	t.Parallel()
	const blobs = "^GET .*/blobs/"
	for name, test := range map[string]struct {
		rule registry.Rule
		want complaint
	}{
		"missing blob": {registry.Rule{On: blobs, Skip: 3, Status: 404}, complaint{4, "404 Not Found", "PARTIAL: the same command goes on from there"}},
		"damaged blob": {registry.Rule{On: blobs, Skip: 3, Corrupt: true}, complaint{7, ": want sha256:", "PARTIAL: the same command goes on from there"}},
		"broken":       {registry.Rule{On: blobs, Skip: 3, Cut: registry.CutAnswer}, complaint{5, "EOF", "PARTIAL: the same command goes on from there"}},
		"interrupted":  {registry.Rule{On: blobs, Skip: 3}, complaint{130, "transship save: interrupted", "PARTIAL: the same command goes on from there"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoyage(t)
			ctx := v.ctx
			if name == "interrupted" {
				v.interruptAt(test.rule)
			} else {
				v.source.Set(test.rule)
			}
			test.want.hint = strings.Replace(test.want.hint, "PARTIAL", "is kept in "+v.path("x.tar.partial"), 1)
			v.do("save --jobs 1 -o @/x.tar SRC").complains(test.want)
			if got := files(t, v.path("")); !slices.Equal(got, []string{"x.tar.partial"}) {
				t.Errorf("there is %v", got)
			}
			v.ctx = ctx
			v.source.Set()
			v.source.Forget()
			v.do("save -o @/x.tar SRC").want(0, "blobs: 4 fetched, 3 there already")
			if n := v.source.Count(blobs); n != 4 {
				t.Errorf("%d blobs were fetched, want those that had not come", n)
			}
			if got := files(t, v.path("")); !slices.Equal(got, []string{"x.tar", "x.tar.json"}) {
				t.Errorf("there is %v", got)
			}
			v.do("save -o @/y.tar SRC").want(0)
			if content(t, v.path("x.tar")) != content(t, v.path("y.tar")) {
				t.Error("it is another bundle than one at a stroke")
			}
		})
	}
}

// An earlier bundle stays until the next one is whole, and then nothing of it does.
func TestSaveReplaces(t *testing.T) {
	v := newVoyage(t)
	v.source.image("tool", "2", "linux/amd64", "shared", "tool")
	v.do("save -o @/x.tar --split 1k SRC").want(0)
	before := files(t, v.path(""))
	v.source.Set(registry.Rule{On: "^GET .*/blobs/", Status: 404})
	v.do("save -o @/x.tar FROM/tool:2").want(4)
	v.source.Set()
	v.do("verify -q @/x.tar").want(0)
	if got := slices.DeleteFunc(files(t, v.path("")), func(name string) bool { return name == "x.tar.partial" }); !slices.Equal(got, before) {
		t.Errorf("there is %v", got)
	}
	v.do("save -o @/x.tar FROM/tool:2").want(0)
	if got := files(t, v.path("")); !slices.Equal(got, []string{"x.tar", "x.tar.json"}) {
		t.Errorf("there is %v", got)
	}
	v.sound(v.path("x.tar"))
	file := v.write("made-by-mktemp", "")
	v.do("save -o " + file + " FROM/tool:2").want(0)
	v.sound(file)
}

// Nothing is left of a save that ends before there is a bundle, or that goes elsewhere.
func TestSaveInterruptedEarly(t *testing.T) {
	v := newVoyage(t)
	ctx := v.ctx
	for _, line := range []string{"save -o @/x.tar SRC", "save -o - SRC", "save -o @/lay/ SRC"} {
		v.ctx = ctx
		v.interruptAt(registry.Rule{On: "^GET .*/manifests/"})
		v.do(line).complains(complaint{130, "transship save: interrupted", ""})
	}
	v.ctx = ctx
	v.source.Set()
	v.do("save -o @/lay/ SRC").want(0)
	v.sound(v.path("lay"))
	if got := files(t, v.path("")); !slices.Equal(got, []string{"lay"}) {
		t.Errorf("there is %v", got)
	}
}

// A pipe that breaks, and a blob that does not match, are failures of a bundle on standard output too.
func TestSaveToStandardOutputFails(t *testing.T) {
	v := newVoyage(t)
	v.source.Set(registry.Rule{On: "^GET .*/blobs/", Skip: 2, Corrupt: true})
	o := v.do("save -o - SRC")
	o.complains(complaint{7, ": want sha256:", "damaged at its source"})
	v.write("x.tar", o.stdout)
	v.do("verify @/x.tar").complains(complaint{7, "x.tar: ", "carry it over again"})
	v.source.Set()
	v.stdout = brokenWriter{}
	v.do("save -o - SRC").complains(complaint{1, "writing the result: no space left", ""})
}

// While one save writes a file another one does not.
func TestSaveTwiceAtOnce(t *testing.T) {
	v := newVoyage(t)
	asked, go_on := make(chan struct{}), make(chan struct{})
	var once sync.Once
	v.source.Set(registry.Rule{On: "^GET .*/blobs/", Edit: func(http.Header) {
		once.Do(func() { close(asked) })
		<-go_on
	}})
	var first sync.WaitGroup
	first.Go(func() { v.do("save -o @/x.tar SRC").want(0) })
	<-asked
	v.do("save -o @/x.tar SRC").complains(complaint{1, "x.tar: another process is writing it", "wait for it to end"})
	v.do("copy SRC oci-archive:@/x.tar").complains(complaint{1, "x.tar: another process is writing it", "wait for it to end"})
	close(go_on)
	first.Wait()
	v.sound(v.path("x.tar"))
	v.do("save -o @/x.tar SRC").want(0)
}

// interruptAt presses Ctrl-C when the source is asked for something. The answer comes no more.
func (v *voyage) interruptAt(when registry.Rule) {
	v.t.Helper()
	ctx, cancel := context.WithCancelCause(v.ctx)
	v.ctx = ctx
	when.Edit = func(http.Header) {
		cancel(cli.ErrInterrupted)
		panic(http.ErrAbortHandler)
	}
	v.source.Set(when)
}
