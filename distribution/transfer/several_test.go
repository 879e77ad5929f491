package transfer_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

func TestCopyAllReadsOnce(t *testing.T) {
	src, root := three(t)
	var to []transfer.Destination
	for i := range 3 {
		to = append(to, transfer.Destination{Target: newHub(fmt.Sprint("to", i)).repo("halo"), As: fmt.Sprint("tag", i)})
	}
	var e transfer.Engine
	for range 2 { // the second time all is there
		d, errs := e.CopyAll(t.Context(), src, "t", to...)
		if d.Digest != root.Digest || errors.Join(errs...) != nil {
			t.Fatalf("got %s, errors %v", d.Digest, errs)
		}
	}
	if n := src.hub.count("read"); n != 10 {
		t.Errorf("%d blobs were read, want each once", n)
	}
	if n := src.hub.count("get"); n != 4 || src.hub.count("head") != 1 {
		t.Errorf("%d manifests were read, want each once: %v", n, src.hub.log)
	}
	for i, d := range to {
		r := d.Target.(*repo)
		if m, ok := r.hub.manifests["halo"][fmt.Sprint("tag", i)]; !ok || m.Digest != root.Digest {
			t.Errorf("target %d has %s", i, m.Digest)
		}
		if len(r.hub.blobs["halo"]) != 10 {
			t.Errorf("target %d has %d blobs", i, len(r.hub.blobs["halo"]))
		}
	}
}

func TestCopyAllToSomeWhoHaveIt(t *testing.T) {
	src, _ := three(t)
	has, lacks, half := newHub("has").repo("halo"), newHub("lacks").repo("halo"), newHub("half").repo("halo")
	var e transfer.Engine
	if _, err := e.Copy(t.Context(), src, "t", has, "t"); err != nil {
		t.Fatal(err)
	}
	for d, b := range src.hub.blobs["halo"] {
		if len(half.hub.blobs["halo"]) < 5 {
			half.hub.blobs["halo"][d] = b
		}
	}
	has.hub.log, src.hub.log = nil, nil
	if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", transfer.Destination{Target: has, As: "t"}, transfer.Destination{Target: lacks, As: "t"}, transfer.Destination{Target: half, As: "t"}); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if fmt.Sprint(has.hub.log) != "[head t]" {
		t.Errorf("the target that has the image did %v", has.hub.log)
	}
	if src.hub.count("read") != 10 || lacks.hub.count("upload") != 10 || half.hub.count("upload") != 5 {
		t.Errorf("%d reads, %d and %d uploads", src.hub.count("read"), lacks.hub.count("upload"), half.hub.count("upload"))
	}
}

func TestCopyAllMountsOnTheSourcesRegistry(t *testing.T) {
	src, _ := three(t)
	near, far := src.hub.repo("near"), newHub("far").repo("halo")
	if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", transfer.Destination{Target: near, As: "t"}, transfer.Destination{Target: far, As: "t"}); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if src.hub.count("mount") != 10 || src.hub.count("upload") != 0 || far.hub.count("upload") != 10 {
		t.Errorf("near: %d mounts, %d uploads; far: %d uploads", src.hub.count("mount"), src.hub.count("upload"), far.hub.count("upload"))
	}
}

// Of the targets on one registry one gets the bytes, the others mount them; within a repository nothing is done twice.
func TestCopyAllWithinOneRegistry(t *testing.T) {
	src, root := three(t)
	hub := newHub("to")
	to := []transfer.Destination{{Target: hub.repo("a"), As: "1"}, {Target: hub.repo("a"), As: "2"}, {Target: hub.repo("b"), As: "1"}}
	if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", to...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	for _, d := range to {
		if m := hub.manifests[d.Target.(*repo).name][d.As]; m.Digest != root.Digest {
			t.Errorf("%s:%s is %q", d.Target, d.As, m.Digest)
		}
	}
	if n := hub.count("upload"); n != 10 || hub.count("mount") != 10 || src.hub.count("read") != 10 {
		t.Errorf("%d uploads, %d mounts, %d reads, want 10 of each", n, hub.count("mount"), src.hub.count("read"))
	}
	if n := hub.count("put"); n != 3+2+3+1 { // three images and two tags, and again with one
		t.Errorf("%d manifests were put: %v", n, hub.log)
	}
}

// Where nothing can be mounted, those who come behind the first share what is read from the source.
func TestCopyAllWithinOneRegistryWithoutMounts(t *testing.T) {
	src, _ := three(t)
	hub := newHub("to")
	hub.mountless = true
	var to []transfer.Destination
	for _, name := range []string{"a", "b", "c", "d"} {
		to = append(to, transfer.Destination{Target: hub.repo(name), As: "t"})
	}
	if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", to...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if n := hub.count("upload"); n != 40 || src.hub.count("read") != 20 {
		t.Errorf("%d uploads and %d reads, want 40 and 20", n, src.hub.count("read"))
	}
}

// Where the one that is to get the bytes fails, the others on its registry get them all the same.
func TestCopyAllWithinOneRegistryWhereTheFirstFails(t *testing.T) {
	for _, repository := range []string{"a", "b"} {
		src, root := three(t)
		hub := newHub("to")
		denied, other := hub.repo("a"), hub.repo(repository)
		denied.putErr = func(manifest.Descriptor) error { return errors.New("denied") }
		_, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", transfer.Destination{Target: denied, As: "1"}, transfer.Destination{Target: other, As: "2"})
		if errs[0] == nil || errs[1] != nil {
			t.Errorf("errors %v", errs)
		}
		if m := hub.manifests[repository]["2"]; m.Digest != root.Digest {
			t.Errorf("the other is %q", m.Digest)
		}
	}
}

func TestCopyAllGoesOnWithoutAFailedTarget(t *testing.T) {
	for _, jobs := range []int{1, 6} {
		src, root := three(t)
		good, bad, gone := newHub("good").repo("halo"), newHub("bad").repo("halo"), newHub("gone").repo("halo")
		full := errors.New("no room")
		bad.putErr = func(d manifest.Descriptor) error {
			if d.Digest == blob.FromBytes([]byte("b1")) {
				return full
			}
			return nil
		}
		gone.headErr = errors.New("gone")
		e := transfer.Engine{Jobs: jobs}
		_, errs := e.CopyAll(t.Context(), src, "t", transfer.Destination{Target: bad, As: "t"}, transfer.Destination{Target: good, As: "t"}, transfer.Destination{Target: gone, As: "t"})
		if !errors.Is(errs[0], full) || errs[1] != nil || !errors.Is(errs[2], gone.headErr) {
			t.Errorf("jobs %d: got errors %v", jobs, errs)
		}
		if good.hub.manifests["halo"]["t"].Digest != root.Digest || bad.hub.count("put t") != 0 {
			t.Errorf("jobs %d: good did %v, bad %v", jobs, good.hub.log, bad.hub.log)
		}
	}
}

func TestCopyAllWithNobodyLeft(t *testing.T) {
	src, _ := three(t)
	bad := newHub("bad").repo("halo")
	full := errors.New("no room")
	bad.putErr = func(manifest.Descriptor) error { return full }
	_, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", transfer.Destination{Target: bad, As: "t"}, transfer.Destination{Target: bad, As: "t2"})
	for _, err := range errs {
		if !errors.Is(err, full) {
			t.Errorf("got errors %v", errs)
		}
	}
}

func TestCopyAllOfADamagedImage(t *testing.T) {
	src, _ := three(t)
	src.corrupt = blob.FromBytes([]byte("b2"))
	a, b := newHub("a").repo("halo"), newHub("b").repo("halo")
	_, errs := new(transfer.Engine).CopyAll(t.Context(), src, "t", transfer.Destination{Target: a, As: "t"}, transfer.Destination{Target: b, As: "t"})
	for i, err := range errs {
		var mismatch *blob.MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("target %d: error %v", i, err)
		}
	}
	if _, errs := new(transfer.Engine).CopyAll(t.Context(), src, "unknown", transfer.Destination{Target: a, As: "t"}); errs[0] == nil {
		t.Error("an image that is not there was copied")
	}
}

func TestCopyAllWithReferrers(t *testing.T) {
	src, root := three(t)
	config := src.addBlob(manifest.MediaTypeOCIEmpty, "{}")
	signature := src.addDocument(t, manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &config,
		Subject: &manifest.Descriptor{MediaType: root.MediaType, Digest: root.Digest, Size: root.Size}})
	src.referrers = map[blob.Digest][]manifest.Descriptor{root.Digest: {signature}}
	a, b := newHub("a").repo("halo"), newHub("b").repo("halo")
	e := transfer.Engine{Referrers: true}
	if _, errs := e.CopyAll(t.Context(), src, "t", transfer.Destination{Target: a, As: "1"}, transfer.Destination{Target: b, As: "2"}); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	for _, r := range []*repo{a, b} {
		if _, ok := r.hub.manifests["halo"][string(signature.Digest)]; !ok {
			t.Errorf("%s lacks the signature", r)
		}
	}
}
