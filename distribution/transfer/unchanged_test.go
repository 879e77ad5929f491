package transfer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// What is there already costs one HEAD at the target, and one at the source where the image is asked for by its tag.
func TestUnchangedCosts(t *testing.T) {
	arm := []manifest.Platform{platform(t, "linux/arm64")}
	for name, test := range map[string]struct {
		engine     *transfer.Engine
		byDigest   bool
		heads, get int // at the source
	}{
		"by tag":        {&transfer.Engine{}, false, 1, 0},
		"by digest":     {&transfer.Engine{}, true, 0, 0},
		"of a platform": {&transfer.Engine{Platforms: arm}, false, 0, 1}, // what is kept has another digest
		"flat":          {&transfer.Engine{Platforms: arm, Flatten: true}, false, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			src, root := three(t)
			ref := "t"
			if test.byDigest {
				ref = string(root.Digest)
			}
			dst := newHub("to").repo("halo")
			for range 2 {
				src.hub.log, dst.hub.log = nil, nil
				if _, err := test.engine.Copy(t.Context(), src, ref, dst, "t"); err != nil {
					t.Fatal(err)
				}
			}
			if src.hub.count("head") != test.heads || src.hub.count("get") != test.get || len(src.hub.log) != test.heads+test.get {
				t.Errorf("the source was asked for %v", src.hub.log)
			}
			if len(dst.hub.log) != 1 || dst.hub.count("head") != 1 {
				t.Errorf("the target was asked for %v", dst.hub.log)
			}
		})
	}
}

// A tag that has moved at the source is copied anew, and one that is gone there is an error, whatever the target has.
func TestChangedIsSeen(t *testing.T) {
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	copyIt := func() (manifest.Descriptor, error) { return new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t") }
	if _, err := copyIt(); err != nil {
		t.Fatal(err)
	}
	moved := src.addIndex(t, "t", src.addImage(t, "linux/amd64", "shared", "new"))
	if d, err := copyIt(); err != nil || d.Digest != moved.Digest || dst.hub.manifests["halo"]["t"].Digest != moved.Digest {
		t.Errorf("got %s, error %v", d.Digest, err)
	}
	delete(src.hub.manifests["halo"], "t")
	if _, err := copyIt(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

// A HEAD that is denied or fails says nothing: the GET after it says why.
func TestUnchangedAsksWhenInDoubt(t *testing.T) {
	for _, headErr := range []error{fs.ErrPermission, fs.ErrNotExist} {
		src, _ := three(t)
		dst := newHub("to").repo("halo")
		if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil {
			t.Fatal(err)
		}
		src.headErr = fmt.Errorf("no: %w", headErr)
		src.hub.log = nil
		if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil || src.hub.count("get t") != 1 {
			t.Errorf("%v: did %v, error %v", headErr, src.hub.log, err)
		}
	}
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	src.headErr = errors.New("down")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); !errors.Is(err, src.headErr) {
		t.Errorf("got error %v", err)
	}
}

// An eager copy asks both sides at once: a round trip less, and a GET in place of a HEAD where nothing has changed.
func TestEager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, root := three(t)
		dst, beside := newHub("to").repo("halo"), src.hub.repo("beside")
		src.slow, dst.slow = time.Second, time.Second
		for _, step := range []struct {
			name, ref string
			to        *repo
			engine    *transfer.Engine
			took      time.Duration
			again     string // what was done, where nothing had to be
		}{
			{"cold", "t", dst, &transfer.Engine{Eager: true}, 2 * time.Second, ""}, // the entries after the index
			{"again", "t", dst, &transfer.Engine{Eager: true}, time.Second, "[get t] [head t]"},
			{"by digest", string(root.Digest), dst, &transfer.Engine{Eager: true}, time.Second, "[] [head t]"},
			{"one thing after the other", "t", dst, &transfer.Engine{Eager: true, Jobs: 1}, 2 * time.Second, "[get t] [head t]"},
			{"within a registry", "t", beside, &transfer.Engine{Eager: true}, 2 * time.Second, ""},
			{"that again", "t", beside, &transfer.Engine{Eager: true}, time.Second, "[head t head t] []"},
		} {
			src.hub.log, dst.hub.log = nil, nil
			began := time.Now()
			if d, err := step.engine.Copy(t.Context(), src, step.ref, step.to, "t"); err != nil || d.Digest != root.Digest {
				t.Fatalf("%s: got %s, error %v", step.name, d.Digest, err)
			}
			if took := time.Since(began); took != step.took {
				t.Errorf("%s took %s, want %s", step.name, took, step.took)
			}
			if got := fmt.Sprint(src.hub.log, dst.hub.log); step.again != "" && got != step.again {
				t.Errorf("%s did %s, want %s", step.name, got, step.again)
			}
		}
	})
}

// Where one side fails the other's answer does not count, and nothing is written.
func TestEagerFailures(t *testing.T) {
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	e := &transfer.Engine{Eager: true}
	if _, err := e.Copy(t.Context(), src, "none", dst, "t"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an image that is not there: error %v", err)
	}
	dst.headErr = errors.New("on fire")
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); !errors.Is(err, dst.headErr) {
		t.Errorf("a target that fails: error %v", err)
	}
	if n := dst.hub.count("put") + dst.hub.count("upload"); n > 0 {
		t.Errorf("%d things were written", n)
	}
}
