package transfer_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

func TestCopyAllReadsOnce(t *testing.T) {
	src, root := threePlatforms(t)
	var list []transfer.Destination
	for i := range 3 {
		list = append(list, transfer.Destination{Target: newRepo(fmt.Sprint("dst", i)), As: fmt.Sprint("tag", i)})
	}
	var e transfer.Engine
	for range 2 { // the second time every target has the image
		d, errs, _ := e.CopyAll(t.Context(), src, "t", list...)
		if d.Digest != root.Digest || errors.Join(errs...) != nil {
			t.Fatalf("got %s, errors %v", d.Digest, errs)
		}
	}
	if n := src.count("read"); n != 10 {
		t.Errorf("%d blobs were read, want each once", n)
	}
	if n := src.count("get"); n != 4 || src.count("head") != 1 {
		t.Errorf("%d manifests were read, want each once: %v", n, src.log)
	}
	for i, d := range list {
		r := d.Target.(*repo)
		if m, ok := r.manifests[fmt.Sprint("tag", i)]; !ok || m.Digest != root.Digest {
			t.Errorf("target %d has %s", i, m.Digest)
		}
		if len(r.blobs) != 10 {
			t.Errorf("target %d has %d blobs", i, len(r.blobs))
		}
	}
}

func TestCopyAllSkipsWhatATargetHas(t *testing.T) {
	src, _ := threePlatforms(t)
	has, lacks, half := newRepo("has"), newRepo("lacks"), newRepo("half")
	if err := copyImage(t, src, has, "t"); err != nil {
		t.Fatal(err)
	}
	for d, b := range src.blobs {
		if len(half.blobs) < 5 {
			half.blobs[d] = b
		}
	}
	has.log, src.log = nil, nil
	if errs := copyAll(t, src, to(has, lacks, half)...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if fmt.Sprint(has.log) != "[head t]" {
		t.Errorf("calls to the target that has the image: %v", has.log)
	}
	if src.count("read") != 10 || lacks.count("upload") != 10 || half.count("upload") != 5 {
		t.Errorf("%d reads, %d and %d uploads", src.count("read"), lacks.count("upload"), half.count("upload"))
	}
}

func TestCopyAllMountsOnTheSourcesRegistry(t *testing.T) {
	src, _ := threePlatforms(t)
	near, far := src.repo("near"), newRepo("far")
	if errs := copyAll(t, src, to(near, far)...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if src.count("mount") != 10 || src.count("upload") != 0 || far.count("upload") != 10 {
		t.Errorf("near: %d mounts, %d uploads; far: %d uploads",
			src.count("mount"), src.count("upload"), far.count("upload"))
	}
}

// Of the targets on one registry one gets the bytes and the others mount them. Within a repository
// nothing is put twice.
func TestCopyAllWithinOneRegistry(t *testing.T) {
	src, root := threePlatforms(t)
	reg := newRegistry("dst")
	list := []transfer.Destination{
		{Target: reg.repo("a"), As: "1"}, {Target: reg.repo("a"), As: "2"}, {Target: reg.repo("b"), As: "1"},
	}
	if errs := copyAll(t, src, list...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	for _, d := range list {
		if m := d.Target.(*repo).manifests[d.As]; m.Digest != root.Digest {
			t.Errorf("%s:%s is %q", d.Target, d.As, m.Digest)
		}
	}
	if n := reg.count("upload"); n != 10 || reg.count("mount") != 10 || src.count("read") != 10 {
		t.Errorf("%d uploads, %d mounts, %d reads, want 10 of each", n, reg.count("mount"), src.count("read"))
	}
	if n := reg.count("put"); n != 3+2+3+1 { // three images and two tags, then three images and one tag
		t.Errorf("%d manifests were put: %v", n, reg.log)
	}
}

// Images that share layers are copied at once, each to several targets on two registries in an order of
// its own, or to one. A registry gets each blob once.
func TestConcurrentCopiesToSeveralReadEachBlobOnce(t *testing.T) {
	from, dst, other := newRegistry("src"), newRegistry("dst"), newRegistry("other")
	const images = 20
	for i := range images {
		r := from.repo(fmt.Sprintf("r%d", i))
		r.addIndex(t, "t", r.addImage(t, "linux/amd64", "base", "runtime", fmt.Sprint("own", i)))
	}
	e := &transfer.Engine{Jobs: 4}
	var group sync.WaitGroup
	for i := range images {
		group.Go(func() {
			name := fmt.Sprintf("r%d", i)
			list := to(dst.repo(name), other.repo(name), dst.repo("all"), dst.repo("all"))
			list[3].As = fmt.Sprint("tag", i)
			switch i % 4 {
			case 1:
				slices.Reverse(list)
			case 2:
				list = list[1:2]
			case 3: // another one fails
				bad := dst.repo("bad")
				bad.putErr = func(manifest.Descriptor) error { return errors.New("denied") }
				list = append(list, to(bad)...)
			}
			if _, errs, _ := e.CopyAll(t.Context(), from.repo(name), "t", list...); errors.Join(errs[:min(len(errs), 4)]...) != nil {
				t.Error(errs)
			}
		})
	}
	group.Wait()
	// One config and two layers are shared, each image has one layer of its own.
	if n := dst.count("upload"); n != 3+images*3/4 {
		t.Errorf("%d uploads, want %d", n, 3+images*3/4)
	}
	if n := other.count("upload"); n != 3+images {
		t.Errorf("%d uploads to the other registry, want %d", n, 3+images)
	}
}

func TestCopyAllWithoutMountsReadsTwice(t *testing.T) {
	src, _ := threePlatforms(t)
	reg := newRegistry("dst")
	reg.refuseMounts = true
	errs := copyAll(t, src, to(reg.repo("a"), reg.repo("b"), reg.repo("c"), reg.repo("d"))...)
	if errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if n := reg.count("upload"); n != 40 || src.count("read") != 20 {
		t.Errorf("%d uploads and %d reads, want 40 and 20", n, src.count("read"))
	}
}

// The target that is to get the bytes fails: another one on its registry, or in its repository,
// gets them.
func TestCopyAllWithinOneRegistryIfTheFirstFails(t *testing.T) {
	for _, repository := range []string{"a", "b"} {
		src, root := threePlatforms(t)
		reg := newRegistry("dst")
		bad, good := reg.repo("a"), reg.repo(repository)
		bad.putErr = func(manifest.Descriptor) error { return errors.New("denied") }
		errs := copyAll(t, src, transfer.Destination{Target: bad, As: "1"}, transfer.Destination{Target: good, As: "2"})
		if errs[0] == nil || errs[1] != nil {
			t.Errorf("errors %v", errs)
		}
		if m := good.manifests["2"]; m.Digest != root.Digest {
			t.Errorf("the other target has %q", m.Digest)
		}
	}
}

func TestCopyAllContinuesWithoutAFailedTarget(t *testing.T) {
	for _, jobs := range []int{1, 6} {
		src, root := threePlatforms(t)
		good, full, down := newRepo("good"), newRepo("full"), newRepo("down")
		noSpace := errors.New("no space")
		full.putErr = func(d manifest.Descriptor) error {
			if d.Digest == blob.FromBytes([]byte("b1")) {
				return noSpace
			}
			return nil
		}
		down.headErr = errors.New("down")
		e := transfer.Engine{Jobs: jobs}
		_, errs, _ := e.CopyAll(t.Context(), src, "t", to(full, good, down)...)
		if !errors.Is(errs[0], noSpace) || errs[1] != nil || !errors.Is(errs[2], down.headErr) {
			t.Errorf("jobs %d: got errors %v", jobs, errs)
		}
		if good.manifests["t"].Digest != root.Digest || full.count("put t") != 0 {
			t.Errorf("jobs %d: calls %v to good, %v to full", jobs, good.log, full.log)
		}
	}
}

func TestCopyAllIfEveryTargetFails(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	noSpace := errors.New("no space")
	dst.putErr = func(manifest.Descriptor) error { return noSpace }
	one, two := transfer.Destination{Target: dst, As: "1"}, transfer.Destination{Target: dst, As: "2"}
	for _, err := range copyAll(t, src, one, two) {
		if !errors.Is(err, noSpace) {
			t.Errorf("got error %v", err)
		}
	}
}

// Only an error of the source is common to all targets, not one that each of them has by itself.
func TestCopyAllReturnsTheCommonError(t *testing.T) {
	copyAll := func(change func(src, a, b *repo)) error {
		src, _ := threePlatforms(t)
		a, b := newRepo("a"), newRepo("b")
		change(src, a, b)
		_, _, common := new(transfer.Engine).CopyAll(t.Context(), src, "t", to(a, b)...)
		return common
	}
	damage := func(src *repo) { delete(src.manifests, "t") }
	full := func(manifest.Descriptor) error { return errors.New("no space") }
	for name, c := range map[string]struct {
		change func(src, a, b *repo)
		common bool
	}{
		"nothing fails":                {func(_, _, _ *repo) {}, false},
		"the source":                   {func(src, _, _ *repo) { damage(src) }, true},
		"each target with equal words": {func(_, a, b *repo) { a.putErr, b.putErr = full, full }, false},
		"a target, then the source":    {func(src, a, _ *repo) { a.headErr = errors.New("down"); damage(src) }, false},
	} {
		if err := copyAll(c.change); (err != nil) != c.common {
			t.Errorf("%s: the common error is %v", name, err)
		}
	}
}

func TestErrorOfTheSourceIsThatOfEveryTarget(t *testing.T) {
	src, _ := threePlatforms(t)
	src.corrupt = blob.FromBytes([]byte("b2"))
	a, b := newRepo("a"), newRepo("b")
	for i, err := range copyAll(t, src, to(a, b)...) {
		var mismatch *blob.MismatchError
		if !errors.As(err, &mismatch) {
			t.Errorf("target %d: error %v", i, err)
		}
	}
	if _, errs, _ := new(transfer.Engine).CopyAll(t.Context(), src, "unknown", to(a)...); errs[0] == nil {
		t.Error("an image that does not exist: no error")
	}
}

func TestCopyAllWithReferrers(t *testing.T) {
	src, root := threePlatforms(t)
	signature := src.addReferrer(t, root, "signature")
	a, b := newRepo("a"), newRepo("b")
	e := transfer.Engine{Referrers: true}
	if _, errs, _ := e.CopyAll(t.Context(), src, "t", to(a, b)...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	for _, r := range []*repo{a, b} {
		if _, ok := r.manifests[string(signature.Digest)]; !ok {
			t.Errorf("%s lacks the signature", r)
		}
	}
}

func TestCopyAllPutsReferrersBeforeTheTags(t *testing.T) {
	src, root := threePlatforms(t)
	src.addReferrer(t, root, "signature")
	src.tagsErr = errors.New("broken")
	a, b := newRepo("a"), newRepo("b")
	e := transfer.Engine{Referrers: true}
	_, errs, _ := e.CopyAll(t.Context(), src, "t", to(a, b)...)
	for i, r := range []*repo{a, b} {
		if !errors.Is(errs[i], src.tagsErr) || r.count("put t") != 0 {
			t.Errorf("%s: error %v, calls %v", r, errs[i], r.log)
		}
	}
}

// Each destination may have a digest of its own algorithm, or a wrong one.
func TestCopyAllUnderDigests(t *testing.T) {
	src, root := threePlatforms(t)
	errs := copyAll(t, src,
		transfer.Destination{Target: newRepo("a"), As: string(root.Digest)},
		transfer.Destination{Target: newRepo("b"), As: string(blob.SHA512.Digest(src.manifests["t"].Raw))},
		transfer.Destination{Target: newRepo("c"), As: string(blob.FromBytes(nil))})
	if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], transfer.ErrTargetDigest) {
		t.Errorf("got errors %v", errs)
	}
}

func TestCopyAllOfAChangedImageReadsOnlyItsNewParts(t *testing.T) {
	src, _ := threePlatforms(t)
	list := to(newRepo("a"), newRepo("b"))
	if errs := copyAll(t, src, list...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	src.addIndex(t, "t", append(src.entries(t, "t")[:2:2], src.addImage(t, "linux/arm64", "new"))...)
	src.log = nil
	if errs := copyAll(t, src, list...); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if n := src.count("get"); n != 2 {
		t.Errorf("%d manifests were read, want the root and the new one: %v", n, src.log)
	}
}
