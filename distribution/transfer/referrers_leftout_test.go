package transfer_test

import (
	"errors"
	"io/fs"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// leftOut returns an engine that copies referrers, and the events of those that it leaves out.
func leftOut(t testing.TB, keep ...string) (*transfer.Engine, *[]transfer.Event) {
	t.Helper()
	var mu sync.Mutex
	var events []transfer.Event
	e := platforms(t, keep...)
	e.Referrers = true
	e.OnEvent = func(ev transfer.Event) {
		mu.Lock()
		defer mu.Unlock()
		if ev.Kind == transfer.ReferrerLeftOut {
			events = append(events, ev)
		}
	}
	return e, &events
}

// A list of referrers may name a manifest that was deleted. The image and the others are copied.
func TestReferrerThatTheSourceLacksIsLeftOut(t *testing.T) {
	for name, run := range map[string]func(e *transfer.Engine, src, dst *repo) error{
		"Copy": func(e *transfer.Engine, src, dst *repo) error {
			_, err := e.Copy(t.Context(), src, "t", dst, "t")
			return err
		},
		"CopyAll": func(e *transfer.Engine, src, dst *repo) error {
			_, errs, _ := e.CopyAll(t.Context(), src, "t", to(dst, newRepo("other"))...)
			return errors.Join(errs...)
		},
		"Collect": func(e *transfer.Engine, src, dst *repo) error {
			c, err := e.Collect(t.Context(), src, "t")
			for _, m := range c.Manifests {
				dst.manifests[string(m.Digest)] = m
			}
			dst.manifests["t"] = c.Root
			return err
		},
	} {
		src, root := threePlatforms(t)
		gone := manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Digest: blob.FromBytes(nil), Size: 10}
		signature := src.addReferrer(t, root, "signature")
		src.referrers[root.Digest] = append([]manifest.Descriptor{gone}, src.referrers[root.Digest]...)
		dst := newRepo("dst")
		e, events := leftOut(t)
		if err := run(e, src, dst); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, signed := dst.manifests[string(signature.Digest)]
		if dst.manifests["t"].Digest != root.Digest || !signed {
			t.Errorf("%s: the target has %v", name, dst.log)
		}
		if len(*events) != 1 || (*events)[0].Descriptor.Digest != gone.Digest || !errors.Is((*events)[0].Err, fs.ErrNotExist) {
			t.Errorf("%s: got events %+v", name, *events)
		}
	}
}

// A referrer that is there and lacks a part, such as a signed index without an entry, is damaged.
func TestReferrerThatLacksAPartIsAnError(t *testing.T) {
	src, root := threePlatforms(t)
	d := src.addIndex(t, "", manifest.Descriptor{
		MediaType: manifest.MediaTypeOCIManifest, Digest: blob.FromBytes(nil), Size: 10,
	})
	src.referrers = map[blob.Digest][]manifest.Descriptor{root.Digest: {d}}
	dst := newRepo("dst")
	if err := copyWithReferrers(t, src, dst); !errors.Is(err, fs.ErrNotExist) || dst.count("put t") != 0 {
		t.Errorf("got error %v", err)
	}
}

// A subset is another image: what refers to the whole one cannot go with it.
func TestReferrersOfTheWholeImageAreLeftOutOfASubset(t *testing.T) {
	src := newRepo("src")
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	root := src.addIndex(t, "t", amd64, arm64)
	of := src.addReferrer(t, root, "of the index")
	kept := src.addReferrer(t, amd64, "of the image")
	for _, subject := range []manifest.Descriptor{root, amd64} {
		d := src.addManifest(t, manifest.Image{Layers: []manifest.Descriptor{src.addBlob("text/plain", "by cosign")}})
		src.manifests["sha256-"+subject.Digest.Hex()+".sig"] = src.manifests[string(d.Digest)]
	}
	for name, flatten := range map[string]bool{"Platforms": false, "Flatten": true} {
		for _, several := range []bool{false, true} {
			dst := newRepo("dst")
			e, events := leftOut(t, "linux/amd64")
			e.Flatten = flatten
			var err error
			if several {
				_, errs, _ := e.CopyAll(t.Context(), src, "t", to(dst, newRepo("other"))...)
				err = errors.Join(errs...)
			} else {
				_, err = e.Copy(t.Context(), src, "t", dst, "t")
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, ev := range *events {
				var changed *transfer.SubjectError
				if !errors.As(ev.Err, &changed) || changed.Subject != root.Digest {
					t.Errorf("%s: got error %v", name, ev.Err)
				}
				got = append(got, ev.Ref+string(ev.Descriptor.Digest))
			}
			want := []string{string(of.Digest), "sha256-" + root.Digest.Hex() + ".sig"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: left out (-want +got):\n%s", name, diff)
			}
			for _, ref := range []string{string(kept.Digest), "sha256-" + amd64.Digest.Hex() + ".sig"} {
				if _, there := dst.manifests[ref]; !there {
					t.Errorf("%s: the target does not have %s", name, ref)
				}
			}
		}
	}
}

// A copy of all platforms leaves out nothing.
func TestReferrersOfAllPlatformsAreKept(t *testing.T) {
	src, root := threePlatforms(t)
	signature := src.addReferrer(t, root, "signature")
	e, events := leftOut(t, "linux/amd64", "linux/arm/v7", "linux/arm64")
	dst := newRepo("dst")
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if _, there := dst.manifests[string(signature.Digest)]; !there || len(*events) != 0 {
		t.Errorf("got events %+v", *events)
	}
}
