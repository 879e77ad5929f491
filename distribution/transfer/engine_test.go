package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// three is an image of three platforms with a shared layer, under tag t of a fresh registry.
func three(t testing.TB) (*repo, manifest.Descriptor) {
	src := newHub("from").repo("halo")
	return src, src.addIndex(t, "t",
		src.addImage(t, "linux/amd64", "shared", "a1", "a2"),
		src.addImage(t, "linux/arm/v7", "shared", "b1", "b2"),
		src.addImage(t, "linux/arm64", "shared", "c1", "c2"))
}

func TestCopyKeepsEverything(t *testing.T) {
	src, root := three(t)
	dst := newHub("to").repo("halo")
	var e transfer.Engine
	got, err := e.Copy(t.Context(), src, "t", dst, "t")
	if err != nil || got.Digest != root.Digest {
		t.Fatalf("got %s, error %v", got.Digest, err)
	}
	for ref, want := range src.hub.manifests["halo"] {
		if m := dst.hub.manifests["halo"][ref]; string(m.Raw) != string(want.Raw) {
			t.Errorf("manifest %s differs", ref)
		}
	}
	if len(dst.hub.blobs["halo"]) != 10 {
		t.Errorf("the target has %d blobs, want 10", len(dst.hub.blobs["halo"]))
	}
	if last := dst.hub.log[len(dst.hub.log)-1]; last != "put t" {
		t.Errorf("the last thing was %q, want the tag", last)
	}
	if n := src.hub.count("read"); n != 10 {
		t.Errorf("%d blobs were read, want each once", n)
	}
	if n := src.hub.count("get"); n != 4 {
		t.Errorf("%d manifests were read, want 4", n)
	}
}

func TestCopyAgainMovesNothing(t *testing.T) {
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	for range 2 {
		src.hub.log, dst.hub.log = nil, nil
		if _, err := (&transfer.Engine{}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(src.hub.log, dst.hub.log) != "[head t] [head t]" {
		t.Errorf("the second copy did %v and %v", src.hub.log, dst.hub.log)
	}
}

// By its digest an image is known to be there without a question to the source, and what cannot be told by a digest is
// looked at.
func TestCopyAgainAsksNoMoreThanItMust(t *testing.T) {
	src, root := three(t)
	dst := newHub("to").repo("halo")
	arm := []manifest.Platform{platform(t, "linux/arm64")}
	for _, step := range []struct {
		engine *transfer.Engine
		ref    string
		want   string
	}{
		{&transfer.Engine{}, string(root.Digest), "[]"},
		{&transfer.Engine{}, "t", "[head t]"},
		{&transfer.Engine{Platforms: arm}, "t", "[get t]"},
	} {
		if _, err := step.engine.Copy(t.Context(), src, step.ref, dst, "t"); err != nil {
			t.Fatal(err)
		}
		src.hub.log = nil
		if _, err := step.engine.Copy(t.Context(), src, step.ref, dst, "t"); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(src.hub.log); got != step.want {
			t.Errorf("%s again: did %v, want %s", step.ref, got, step.want)
		}
	}
	src.addIndex(t, "t", src.addImage(t, "linux/amd64", "new"))
	src.headErr = errors.New("on fire")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); !errors.Is(err, src.headErr) {
		t.Errorf("a source that fails: error %v", err)
	}
	src.headErr = fs.ErrPermission
	if d, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil || d.Digest == root.Digest {
		t.Errorf("a source that does not let itself be asked: %s, error %v", d.Digest, err)
	}
}

func TestCopyOfAChangedImageAsksForItsParts(t *testing.T) {
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	var e transfer.Engine
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	ix, _ := src.hub.manifests["halo"]["t"].Index()
	src.addIndex(t, "t", append(slices.Clone(ix.Manifests[1:]), src.addImage(t, "linux/amd64", "shared", "new"))...)
	src.hub.log = nil
	there := make(chan manifest.Descriptor, 10)
	again := &transfer.Engine{OnEvent: func(ev transfer.Event) {
		if ev.Kind == transfer.ManifestDone && ev.Outcome == blob.Exists {
			there <- ev.Descriptor
		}
	}}
	if _, err := again.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if len(there) != 2 {
		t.Errorf("%d manifests are said to be there, want 2", len(there))
	}
	if n := src.hub.count("get"); n != 2 {
		t.Errorf("%d manifests were read, want the root and the new one: %v", n, src.hub.log)
	}
	if n := src.hub.count("read"); n != 1 {
		t.Errorf("%d blobs were read, want the new layer: %v", n, src.hub.log)
	}
}

func TestCopyWithinARegistryMounts(t *testing.T) {
	src, _ := three(t)
	dst := src.hub.repo("other")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if n := src.hub.count("mount"); n != 10 || src.hub.count("read") != 0 {
		t.Errorf("%d blobs were mounted, want 10: %v", n, src.hub.log)
	}
}

// Many images that share layers, to many repositories of one registry at once: each blob is read once.
func TestConcurrentCopiesMoveEachBlobOnce(t *testing.T) {
	src := newHub("from")
	to := newHub("to")
	const images = 20
	for i := range images {
		r := src.repo(fmt.Sprintf("r%d", i))
		r.addIndex(t, "t", r.addImage(t, "linux/amd64", "base", "runtime", fmt.Sprint("own", i)))
	}
	e := &transfer.Engine{Jobs: 4}
	var group sync.WaitGroup
	for i := range images {
		group.Go(func() {
			name := fmt.Sprintf("r%d", i)
			if _, err := e.Copy(t.Context(), src.repo(name), "t", to.repo(name), "t"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	// One config and two layers are shared, each image has one layer of its own.
	if n := to.count("upload"); n != 3+images {
		t.Errorf("%d uploads, want %d", n, 3+images)
	}
	if n := src.count("read"); n != 3+images {
		t.Errorf("%d reads, want %d", n, 3+images)
	}
	if to.most > 4 {
		t.Errorf("%d uploads at once, want at most 4", to.most)
	}
}

func TestTheSameBlobAgainAfterAFailure(t *testing.T) {
	src, _ := three(t)
	to := newHub("to")
	bad := to.repo("bad")
	bad.putErr = func(d manifest.Descriptor) error { return errors.New("no room") }
	var e transfer.Engine
	if _, err := e.Copy(t.Context(), src, "t", bad, "t"); err == nil || !strings.Contains(err.Error(), "no room") {
		t.Fatalf("got error %v", err)
	}
	if _, err := e.Copy(t.Context(), src, "t", to.repo("good"), "t"); err != nil {
		t.Errorf("a failure elsewhere stays: %v", err)
	}
}

func TestOneJobCannotDeadlock(t *testing.T) {
	src := newHub("from").repo("halo")
	inner := src.addIndex(t, "", src.addImage(t, "linux/amd64", "1", "2", "3"), src.addImage(t, "linux/arm64", "2", "3", "4"))
	outer := src.addIndex(t, "", inner, src.addImage(t, "linux/s390x", "3", "4", "5"))
	src.addIndex(t, "t", outer, inner)
	dst := newHub("to").repo("halo")
	if _, err := (&transfer.Engine{Jobs: 1}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if len(dst.hub.blobs["halo"]) != 8 {
		t.Errorf("the target has %d blobs, want 8", len(dst.hub.blobs["halo"]))
	}
}

func TestCorruptBlobLeavesNoTag(t *testing.T) {
	src, _ := three(t)
	src.corrupt = blob.FromBytes([]byte("b2"))
	dst := newHub("to").repo("halo")
	_, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t")
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Want != src.corrupt {
		t.Errorf("got error %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), "from from/halo to to/halo") {
		t.Errorf("error %q does not say where", err)
	}
	if _, ok := dst.hub.manifests["halo"]["t"]; ok {
		t.Error("the tag is there")
	}
}

func TestMissingBlobLeavesNoTag(t *testing.T) {
	src, _ := three(t)
	delete(src.hub.blobs["halo"], blob.FromBytes([]byte("a1")))
	dst := newHub("to").repo("halo")
	_, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t")
	if !errors.Is(err, fs.ErrNotExist) || dst.hub.count("put t") != 0 {
		t.Errorf("got error %v", err)
	}
}

func TestChildOfAnotherSizeIsRefused(t *testing.T) {
	src := newHub("from").repo("halo")
	d := src.addImage(t, "linux/amd64", "1")
	d.Size++
	src.addIndex(t, "t", d)
	_, err := new(transfer.Engine).Copy(t.Context(), src, "t", newHub("to").repo("halo"), "t")
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("got error %v", err)
	}
}

func TestTargetThatHidesWhatItHas(t *testing.T) {
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	dst.headErr = fs.ErrPermission
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Errorf("no permission to look is no reason to stop: %v", err)
	}
	dst.headErr = errors.New("on fire")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); !errors.Is(err, dst.headErr) {
		t.Errorf("got error %v", err)
	}
}

func TestTargetDigestMustBeTheImages(t *testing.T) {
	src, root := three(t)
	dst := newHub("to").repo("halo")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, string(root.Digest)); err != nil {
		t.Error(err)
	}
	_, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, string(blob.FromBytes(nil)))
	if !errors.Is(err, transfer.ErrTargetDigest) || !strings.Contains(err.Error(), string(root.Digest)) {
		t.Errorf("got error %v", err)
	}
}

func platform(t testing.TB, s string) manifest.Platform {
	t.Helper()
	p, err := manifest.ParsePlatform(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlatforms(t *testing.T) {
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	e := &transfer.Engine{Platforms: []manifest.Platform{platform(t, "linux/arm64/v8")}}
	got, err := e.Copy(t.Context(), src, "t", dst, "t")
	if err != nil {
		t.Fatal(err)
	}
	ix, err := dst.hub.manifests["halo"]["t"].Index()
	if err != nil || len(ix.Manifests) != 1 || ix.Manifests[0].Platform.Architecture != "arm64" {
		t.Errorf("got %+v, error %v", ix, err)
	}
	if len(dst.hub.blobs["halo"]) != 4 {
		t.Errorf("%d blobs, want the four of one image", len(dst.hub.blobs["halo"]))
	}
	e.Flatten = true
	if got, err = e.Copy(t.Context(), src, "t", dst, "flat"); err != nil || got.MediaType != manifest.MediaTypeOCIManifest || got.Digest != ix.Manifests[0].Digest {
		t.Errorf("flattened: got %+v, error %v", got, err)
	}
	e.Platforms = append(e.Platforms, platform(t, "linux/amd64"))
	if _, err = e.Copy(t.Context(), src, "t", dst, "two"); !errors.Is(err, transfer.ErrSeveral) {
		t.Errorf("two flattened: got error %v", err)
	}
	e.Platforms = []manifest.Platform{platform(t, "linux/s390x")}
	_, err = e.Copy(t.Context(), src, "t", dst, "none")
	var missing *manifest.PlatformError
	if !errors.As(err, &missing) || len(missing.Have) != 3 {
		t.Errorf("a platform that is not there: got error %v", err)
	}
}

func TestPlatformOfASingleImage(t *testing.T) {
	src := newHub("from").repo("halo")
	d := src.addImage(t, "linux/arm64", "1")
	dst := newHub("to").repo("halo")
	e := &transfer.Engine{Platforms: []manifest.Platform{platform(t, "linux/arm64")}}
	if _, err := e.Copy(t.Context(), src, string(d.Digest), dst, "t"); err != nil {
		t.Error(err)
	}
	e = &transfer.Engine{Platforms: []manifest.Platform{platform(t, "linux/amd64")}}
	_, err := e.Copy(t.Context(), src, string(d.Digest), dst, "t2")
	var missing *manifest.PlatformError
	if !errors.As(err, &missing) || dst.hub.count("put t2") != 0 {
		t.Errorf("got error %v", err)
	}
}

func TestForeignLayersStayWhereTheyAre(t *testing.T) {
	src := newHub("from").repo("windows")
	config := src.addBlob(manifest.MediaTypeOCIConfig, "{}")
	foreign := manifest.Descriptor{MediaType: manifest.MediaTypeDockerForeign, Digest: blob.FromBytes([]byte("x")), Size: 1, URLs: []string{"https://example.com"}}
	d := src.addDocument(t, manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &config, Layers: []manifest.Descriptor{foreign}})
	if _, err := new(transfer.Engine).Copy(t.Context(), src, string(d.Digest), newHub("to").repo("w"), "t"); err != nil {
		t.Error(err)
	}
}

func TestReferrers(t *testing.T) {
	src, root := three(t)
	ix, _ := src.hub.manifests["halo"]["t"].Index()
	refer := func(subject manifest.Descriptor, layer string) manifest.Descriptor {
		config := src.addBlob(manifest.MediaTypeOCIEmpty, "{}")
		s := manifest.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
		return src.addDocument(t, manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &config,
			Layers: []manifest.Descriptor{src.addBlob("text/plain", layer)}, Subject: &s})
	}
	sbom := refer(ix.Manifests[0], "sbom")
	signature := refer(sbom, "signature of the sbom")
	onRoot := refer(root, "signature")
	src.referrers = map[blob.Digest][]manifest.Descriptor{root.Digest: {onRoot}, ix.Manifests[0].Digest: {sbom}, sbom.Digest: {signature}}
	cosign := strings.Replace(string(root.Digest), ":", "-", 1) + ".sig"
	src.hub.manifests["halo"][cosign] = src.hub.manifests["halo"][string(ix.Manifests[2].Digest)]
	src.hub.manifests["halo"]["unrelated"] = src.hub.manifests["halo"]["t"]

	dst := newHub("to").repo("halo")
	e := &transfer.Engine{Referrers: true}
	for range 2 { // the second time the image itself is there already
		if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
			t.Fatal(err)
		}
	}
	have := dst.hub.manifests["halo"]
	for _, ref := range []string{"t", cosign, string(sbom.Digest), string(signature.Digest), string(onRoot.Digest)} {
		if _, ok := have[ref]; !ok {
			t.Errorf("%s was not copied", ref)
		}
	}
	if _, ok := have["unrelated"]; ok {
		t.Error("a tag that has nothing to do with the image was copied")
	}
}

func TestCancelStops(t *testing.T) {
	src, _ := three(t)
	dst := newHub("to").repo("halo")
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("told to stop")
	dst.putErr = func(manifest.Descriptor) error { cancel(cause); return nil }
	if _, err := (&transfer.Engine{Jobs: 1}).Copy(ctx, src, "t", dst, "t"); !errors.Is(err, cause) {
		t.Errorf("got error %v", err)
	}
	if dst.hub.count("put t") != 0 {
		t.Error("the tag was put")
	}
}

func TestEvents(t *testing.T) {
	src, root := three(t)
	dst := newHub("to").repo("halo")
	var mu sync.Mutex
	var got []transfer.Event
	e := &transfer.Engine{OnEvent: func(ev transfer.Event) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, ev)
	}}
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	count := map[transfer.Kind]int{}
	for _, ev := range got {
		count[ev.Kind]++
		if ev.Target != "to/halo" {
			t.Errorf("event %+v names no target", ev)
		}
		if ev.Kind == transfer.ManifestDone && ev.Ref != "t" && (ev.Descriptor.Platform == nil || ev.Outcome != blob.Uploaded) {
			t.Errorf("manifest %s: %s, platform %v", ev.Ref, ev.Outcome, ev.Descriptor.Platform)
		}
		if ev.Kind == transfer.BlobDone && (ev.Outcome != blob.Uploaded || ev.Meter.Position() != ev.Descriptor.Size) {
			t.Errorf("blob %s: %s, at %d of %d", ev.Descriptor.Digest, ev.Outcome, ev.Meter.Position(), ev.Descriptor.Size)
		}
	}
	if count[transfer.BlobFound] != 10 || count[transfer.BlobStarted] != 10 || count[transfer.BlobDone] != 10 || count[transfer.ManifestDone] != 4 {
		t.Errorf("got %v", count)
	}
	if last := got[len(got)-1]; last.Kind != transfer.ImageDone || last.Descriptor.Digest != root.Digest || last.Outcome != blob.Uploaded {
		t.Errorf("the last event is %+v", last)
	}
}
