package transfer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/distribution/transfer"
)

func TestCallsForAnUnchangedImage(t *testing.T) {
	arm64 := platforms(t, "linux/arm64")
	for name, test := range map[string]struct {
		engine      *transfer.Engine
		byDigest    bool
		heads, gets int // at the source; at the target it is one HEAD
	}{
		"by tag":    {&transfer.Engine{}, false, 1, 0},
		"by digest": {&transfer.Engine{}, true, 0, 0},
		"platform":  {arm64, false, 0, 1}, // what is kept has another digest
		"flattened": {&transfer.Engine{Platforms: arm64.Platforms, Flatten: true}, false, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			src, root := threePlatforms(t)
			ref := "t"
			if test.byDigest {
				ref = string(root.Digest)
			}
			dst := newRepo("dst")
			for range 2 {
				src.log, dst.log = nil, nil
				if _, err := test.engine.Copy(t.Context(), src, ref, dst, "t"); err != nil {
					t.Fatal(err)
				}
			}
			heads, gets := src.count("head"), src.count("get")
			if heads != test.heads || gets != test.gets || len(src.log) != heads+gets {
				t.Errorf("calls to the source: %v", src.log)
			}
			if len(dst.log) != 1 || dst.count("head") != 1 {
				t.Errorf("calls to the target: %v", dst.log)
			}
		})
	}
}

// The target has an image under the tag, and the source another one, or none.
func TestMovedTagIsCopiedAndMissingTagIsAnError(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
	moved := src.addIndex(t, "t", src.addImage(t, "linux/amd64", "shared", "new"))
	d, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t")
	if err != nil || d.Digest != moved.Digest || dst.manifests["t"].Digest != moved.Digest {
		t.Errorf("got %s, error %v", d.Digest, err)
	}
	delete(src.manifests, "t")
	if err := copyImage(t, src, dst, "t"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v", err)
	}
}

// A tag that moves is reported with what it pointed to, and NoClobber refuses that before it writes.
func TestMovedTagIsReportedOrRefused(t *testing.T) {
	src, _ := threePlatforms(t)
	dst, second := newRepo("dst"), newRepo("second")
	old := dst.addIndex(t, "t", dst.addImage(t, "linux/amd64", "old"))
	dst.log = nil
	var moved []transfer.Event
	note := func(ev transfer.Event) {
		if ev.Kind == transfer.TagMoved {
			moved = append(moved, ev)
		}
	}
	to := []transfer.Destination{{Target: dst, As: "t"}, {Target: second, As: "t"}}
	keeps := &transfer.Engine{NoClobber: true, OnEvent: note}
	_, err := keeps.Copy(t.Context(), src, "t", dst, "t")
	_, errs, common := keeps.CopyAll(t.Context(), src, "t", to...)
	for _, err := range []error{err, errs[0]} {
		var refused *transfer.ClobberError
		if !errors.As(err, &refused) || refused.Have != old.Digest || refused.Tag != "t" {
			t.Errorf("got error %v", err)
		}
	}
	if errs[1] != nil || common != nil || second.manifests["t"].Digest == "" {
		t.Errorf("the other target: %v, %v", errs[1], common)
	}
	if dst.manifests["t"].Digest != old.Digest || len(dst.log) != dst.count("head") || len(moved) != 0 {
		t.Errorf("calls to the target: %v; moved: %v", dst.log, moved)
	}
	_, errs, _ = (&transfer.Engine{OnEvent: note}).CopyAll(t.Context(), src, "t", to...)
	if errs[0] != nil || errs[1] != nil || len(moved) != 1 || moved[0].Descriptor.Digest != old.Digest {
		t.Errorf("errors %v; moved: %v", errs, moved)
	}
	dst.addIndex(t, "t", old)
	if err := (copyWith(t, &transfer.Engine{OnEvent: note}, src, dst)); err != nil || len(moved) != 2 {
		t.Errorf("error %v; moved: %v", err, moved)
	}
	if err := copyWith(t, keeps, src, dst); err != nil { // it is there now
		t.Error(err)
	}
}

// copyWith copies the image with the tag t.
func copyWith(t *testing.T, e *transfer.Engine, src, dst *repo) error {
	_, err := e.Copy(t.Context(), src, "t", dst, "t")
	return err
}

func TestDeniedHeadAtTheSourceIsFollowedByAGet(t *testing.T) {
	for _, test := range []struct {
		headErr error
		fails   bool
	}{
		{fs.ErrPermission, false}, {fs.ErrNotExist, false}, {errors.New("down"), true},
	} {
		src, _ := threePlatforms(t)
		dst := newRepo("dst")
		if err := copyImage(t, src, dst, "t"); err != nil {
			t.Fatal(err)
		}
		src.headErr = fmt.Errorf("HEAD: %w", test.headErr)
		src.log = nil
		err := copyImage(t, src, dst, "t")
		switch {
		case test.fails && !errors.Is(err, test.headErr):
			t.Errorf("%v: got error %v", test.headErr, err)
		case !test.fails && (err != nil || src.count("get t") != 1):
			t.Errorf("%v: calls %v, error %v", test.headErr, src.log, err)
		}
	}
}

// An eager copy asks both sides at once: it saves a round trip, but sends a GET instead of a HEAD
// if nothing has changed.
func TestEager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, root := threePlatforms(t)
		dst, sameRegistry := newRepo("dst"), src.repo("other")
		src.delay, dst.delay = time.Second, time.Second
		for _, step := range []struct {
			name, ref string
			to        *repo
			jobs      int
			took      time.Duration
			calls     string // for an unchanged image
		}{
			{"first copy", "t", dst, 0, 2 * time.Second, ""}, // the entries follow the index
			{"again", "t", dst, 0, time.Second, "[get t] [head t]"},
			{"by digest", string(root.Digest), dst, 0, time.Second, "[] [head t]"},
			{"one job", "t", dst, 1, 2 * time.Second, "[get t] [head t]"},
			{"within a registry", "t", sameRegistry, 0, 2 * time.Second, ""},
			{"within a registry, again", "t", sameRegistry, 0, time.Second, "[head t head t] []"},
		} {
			src.log, dst.log = nil, nil
			e := &transfer.Engine{Eager: true, Jobs: step.jobs}
			began := time.Now()
			if d, err := e.Copy(t.Context(), src, step.ref, step.to, "t"); err != nil || d.Digest != root.Digest {
				t.Fatalf("%s: got %s, error %v", step.name, d.Digest, err)
			}
			if took := time.Since(began); took != step.took {
				t.Errorf("%s took %s, want %s", step.name, took, step.took)
			}
			if got := fmt.Sprint(src.log, dst.log); step.calls != "" && got != step.calls {
				t.Errorf("%s: calls %s, want %s", step.name, got, step.calls)
			}
		}
	})
}

func TestEagerWritesNothingIfOneSideFails(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	e := &transfer.Engine{Eager: true}
	if _, err := e.Copy(t.Context(), src, "none", dst, "t"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an image that does not exist: error %v", err)
	}
	dst.headErr = errors.New("broken")
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); !errors.Is(err, dst.headErr) {
		t.Errorf("a target that fails: error %v", err)
	}
	if n := dst.count("put") + dst.count("upload"); n > 0 {
		t.Errorf("%d writes", n)
	}
}
