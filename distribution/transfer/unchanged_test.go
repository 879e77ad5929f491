package transfer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

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
