package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

func TestCopyCopiesEverythingAndTheTagLast(t *testing.T) {
	src, root := threePlatforms(t)
	dst := newRepo("dst")
	var e transfer.Engine
	got, err := e.Copy(t.Context(), src, "t", dst, "t")
	if err != nil || got.Digest != root.Digest {
		t.Fatalf("got %s, error %v", got.Digest, err)
	}
	for ref, want := range src.manifests {
		if m := dst.manifests[ref]; string(m.Raw) != string(want.Raw) {
			t.Errorf("manifest %s differs", ref)
		}
	}
	if len(dst.blobs) != 10 {
		t.Errorf("the target has %d blobs, want 10", len(dst.blobs))
	}
	if last := dst.log[len(dst.log)-1]; last != "put t" {
		t.Errorf("the last call is %q, want the tag", last)
	}
	if n := src.count("read"); n != 10 {
		t.Errorf("%d blobs were read, want each once", n)
	}
	if n := src.count("get"); n != 4 {
		t.Errorf("%d manifests were read, want 4", n)
	}
}

func TestCopyAgainSendsOneHeadPerSide(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	for range 2 {
		src.log, dst.log = nil, nil
		if err := copyImage(t, src, dst, "t"); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(src.log, dst.log) != "[head t] [head t]" {
		t.Errorf("the second copy made the calls %v and %v", src.log, dst.log)
	}
}

func TestCopyAgainCallsToTheSource(t *testing.T) {
	src, root := threePlatforms(t)
	dst := newRepo("dst")
	for _, step := range []struct {
		engine *transfer.Engine
		ref    string
		want   string
	}{
		{&transfer.Engine{}, string(root.Digest), "[]"},
		{&transfer.Engine{}, "t", "[head t]"},
		{platforms(t, "linux/arm64"), "t", "[get t]"},
	} {
		if _, err := step.engine.Copy(t.Context(), src, step.ref, dst, "t"); err != nil {
			t.Fatal(err)
		}
		src.log = nil
		if _, err := step.engine.Copy(t.Context(), src, step.ref, dst, "t"); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(src.log); got != step.want {
			t.Errorf("%s again: calls %v, want %s", step.ref, got, step.want)
		}
	}
	src.addIndex(t, "t", src.addImage(t, "linux/amd64", "new"))
	src.headErr = errors.New("broken")
	if err := copyImage(t, src, dst, "t"); !errors.Is(err, src.headErr) {
		t.Errorf("a source that fails: error %v", err)
	}
	src.headErr = fs.ErrPermission
	d, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t")
	if err != nil || d.Digest == root.Digest {
		t.Errorf("a source that denies HEAD: %s, error %v", d.Digest, err)
	}
}

func TestCopyOfAChangedImageReadsOnlyItsNewParts(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
	changed := append(slices.Clone(src.entries(t, "t")[1:]), src.addImage(t, "linux/amd64", "shared", "new"))
	src.addIndex(t, "t", changed...)
	src.log = nil
	existing := make(chan manifest.Descriptor, 10)
	e := &transfer.Engine{OnEvent: func(ev transfer.Event) {
		if ev.Kind == transfer.ManifestDone && ev.Outcome == blob.Exists {
			existing <- ev.Descriptor
		}
	}}
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if len(existing) != 2 {
		t.Errorf("%d manifests are reported as existing, want 2", len(existing))
	}
	if n := src.count("get"); n != 2 {
		t.Errorf("%d manifests were read, want the root and the new one: %v", n, src.log)
	}
	if n := src.count("read"); n != 1 {
		t.Errorf("%d blobs were read, want the new layer: %v", n, src.log)
	}
}

func TestCopyWithinARegistryMounts(t *testing.T) {
	src, _ := threePlatforms(t)
	if err := copyImage(t, src, src.repo("other"), "t"); err != nil {
		t.Fatal(err)
	}
	if n := src.count("mount"); n != 10 || src.count("read") != 0 {
		t.Errorf("%d blobs were mounted, want 10: %v", n, src.log)
	}
}

// Many images that share layers are copied to many repositories of one registry.
func TestConcurrentCopiesReadEachBlobOnce(t *testing.T) {
	from, to := newRegistry("src"), newRegistry("dst")
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
			if _, err := e.Copy(t.Context(), from.repo(name), "t", to.repo(name), "t"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	// One config and two layers are shared, each image has one layer of its own.
	if n := to.count("upload"); n != 3+images {
		t.Errorf("%d uploads, want %d", n, 3+images)
	}
	if n := from.count("read"); n != 3+images {
		t.Errorf("%d reads, want %d", n, 3+images)
	}
	if to.maxUploads > 4 {
		t.Errorf("%d uploads at once, want at most 4", to.maxUploads)
	}
}

// An image whose layer another copy is bringing puts its other blobs meanwhile, and waits with one
// goroutine, not with one for each blob.
func TestImagesThatWaitForAnotherCopy(t *testing.T) {
	const images, shared = 30, 20
	synctest.Test(t, func(t *testing.T) {
		src, dst := newRepo("src"), newRepo("dst")
		for i := range images {
			layers := []string{fmt.Sprint("own", i)}
			for j := range shared {
				layers = append(layers, fmt.Sprint("shared", j))
			}
			src.addIndex(t, fmt.Sprint(i), src.addImage(t, "linux/amd64", layers...))
		}
		sharedBytes := int64(len("shared0"))
		release := make(chan struct{})
		dst.putErr = func(d manifest.Descriptor) error {
			if d.MediaType == manifest.MediaTypeOCILayer && d.Size >= sharedBytes {
				<-release
			}
			return nil
		}
		e := &transfer.Engine{}
		before := runtime.NumGoroutine()
		var group errgroup.Group
		for i := range images {
			group.Go(func() error {
				_, err := e.Copy(t.Context(), src, fmt.Sprint(i), dst, fmt.Sprint(i))
				return err
			})
		}
		synctest.Wait()
		if n := dst.count("upload"); n != images+1 { // their own layers, and the config
			t.Errorf("%d uploads while others wait, want %d", n, images+1)
		}
		if n := runtime.NumGoroutine() - before; n > shared+3*images {
			t.Errorf("%d goroutines for %d images", n, images)
		}
		close(release)
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestCopyAfterAFailedCopyOfTheSameBlobs(t *testing.T) {
	src, _ := threePlatforms(t)
	to := newRegistry("dst")
	bad := to.repo("bad")
	bad.putErr = func(d manifest.Descriptor) error { return errors.New("no space") }
	var e transfer.Engine
	if _, err := e.Copy(t.Context(), src, "t", bad, "t"); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Fatalf("got error %v", err)
	}
	if _, err := e.Copy(t.Context(), src, "t", to.repo("good"), "t"); err != nil {
		t.Errorf("the next copy fails too: %v", err)
	}
}

func TestOneJobDoesNotDeadlockOnNestedIndexes(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	inner := src.addIndex(t, "",
		src.addImage(t, "linux/amd64", "1", "2", "3"), src.addImage(t, "linux/arm64", "2", "3", "4"))
	outer := src.addIndex(t, "", inner, src.addImage(t, "linux/s390x", "3", "4", "5"))
	src.addIndex(t, "t", outer, inner)
	if _, err := (&transfer.Engine{Jobs: 1}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if len(dst.blobs) != 8 {
		t.Errorf("the target has %d blobs, want 8", len(dst.blobs))
	}
}

func TestCorruptBlobLeavesNoTag(t *testing.T) {
	src, _ := threePlatforms(t)
	src.corrupt = blob.FromBytes([]byte("b2"))
	dst := newRepo("dst")
	err := copyImage(t, src, dst, "t")
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) || mismatch.Want != src.corrupt {
		t.Errorf("got error %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), "from src/repo to dst/repo") {
		t.Errorf("error %q does not name source and target", err)
	}
	if _, ok := dst.manifests["t"]; ok {
		t.Error("the target has the tag")
	}
}

func TestMissingBlobLeavesNoTag(t *testing.T) {
	src, _ := threePlatforms(t)
	delete(src.blobs, blob.FromBytes([]byte("a1")))
	dst := newRepo("dst")
	if err := copyImage(t, src, dst, "t"); !errors.Is(err, fs.ErrNotExist) || dst.count("put t") != 0 {
		t.Errorf("got error %v", err)
	}
}

func TestChildOfAnotherSizeIsAnError(t *testing.T) {
	src := newRepo("src")
	d := src.addImage(t, "linux/amd64", "1")
	d.Size++
	src.addIndex(t, "t", d)
	var mismatch *blob.MismatchError
	if err := copyImage(t, src, newRepo("dst"), "t"); !errors.As(err, &mismatch) {
		t.Errorf("got error %v", err)
	}
}

func TestTargetMayDenyHead(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	dst.headErr = fs.ErrPermission
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Errorf("got error %v", err)
	}
	dst.headErr = errors.New("broken")
	if err := copyImage(t, src, dst, "t"); !errors.Is(err, dst.headErr) {
		t.Errorf("another error: got %v", err)
	}
}

func TestTargetDigestMustBeTheImages(t *testing.T) {
	src, root := threePlatforms(t)
	dst := newRepo("dst")
	if err := copyImage(t, src, dst, string(root.Digest)); err != nil {
		t.Error(err)
	}
	err := copyImage(t, src, dst, string(blob.FromBytes(nil)))
	if !errors.Is(err, transfer.ErrTargetDigest) || !strings.Contains(err.Error(), string(root.Digest)) {
		t.Errorf("got error %v", err)
	}
}

func TestPlatforms(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	e := platforms(t, "linux/arm64/v8")
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	entries := dst.entries(t, "t")
	if len(entries) != 1 || entries[0].Platform.Architecture != "arm64" {
		t.Errorf("got %+v", entries)
	}
	if len(dst.blobs) != 4 {
		t.Errorf("the target has %d blobs, want the four of one image", len(dst.blobs))
	}
	e.Flatten = true
	got, err := e.Copy(t.Context(), src, "t", dst, "flat")
	if err != nil || got.MediaType != manifest.MediaTypeOCIManifest || got.Digest != entries[0].Digest {
		t.Errorf("flattened: got %+v, error %v", got, err)
	}
	e.Platforms = append(e.Platforms, parsePlatform(t, "linux/amd64"))
	if _, err := e.Copy(t.Context(), src, "t", dst, "two"); !errors.Is(err, transfer.ErrSeveralImages) {
		t.Errorf("two flattened: got error %v", err)
	}
	var missing *manifest.PlatformError
	_, err = platforms(t, "linux/s390x").Copy(t.Context(), src, "t", dst, "none")
	if !errors.As(err, &missing) || len(missing.Have) != 3 {
		t.Errorf("a platform that the image lacks: got error %v", err)
	}
}

func TestPlatformOfASingleImage(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	d := src.addImage(t, "linux/arm64", "1")
	if _, err := platforms(t, "linux/arm64").Copy(t.Context(), src, string(d.Digest), dst, "t"); err != nil {
		t.Error(err)
	}
	_, err := platforms(t, "linux/amd64").Copy(t.Context(), src, string(d.Digest), dst, "t2")
	var missing *manifest.PlatformError
	if !errors.As(err, &missing) || dst.count("put t2") != 0 {
		t.Errorf("got error %v", err)
	}
}

func TestForeignLayersAreNotCopied(t *testing.T) {
	src := newRepo("src")
	config := src.addBlob(manifest.MediaTypeOCIConfig, "{}")
	foreign := manifest.Descriptor{
		MediaType: manifest.MediaTypeDockerForeignLayer, Digest: blob.FromBytes([]byte("x")), Size: 1,
		URLs: []string{"https://example.com"},
	}
	d := src.addManifest(t, manifest.Image{Config: &config, Layers: []manifest.Descriptor{foreign}})
	if _, err := new(transfer.Engine).Copy(t.Context(), src, string(d.Digest), newRepo("dst"), "t"); err != nil {
		t.Error(err)
	}
}

func TestCanceledCopyLeavesNoTag(t *testing.T) {
	src, _ := threePlatforms(t)
	dst := newRepo("dst")
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("canceled")
	dst.putErr = func(manifest.Descriptor) error { cancel(cause); return nil }
	if _, err := (&transfer.Engine{Jobs: 1}).Copy(ctx, src, "t", dst, "t"); !errors.Is(err, cause) {
		t.Errorf("got error %v", err)
	}
	if dst.count("put t") != 0 {
		t.Error("the tag was put")
	}
}

func TestEvents(t *testing.T) {
	src, root := threePlatforms(t)
	dst := newRepo("dst")
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
	count := map[transfer.EventKind]int{}
	for _, ev := range got {
		count[ev.Kind]++
		d := ev.Descriptor
		if ev.Target != "dst/repo" {
			t.Errorf("event %+v has no target", ev)
		}
		if ev.Kind == transfer.ManifestDone && ev.Ref != "t" && (d.Platform == nil || ev.Outcome != blob.Uploaded) {
			t.Errorf("manifest %s: %s, platform %v", ev.Ref, ev.Outcome, d.Platform)
		}
		if ev.Kind == transfer.BlobDone && (ev.Outcome != blob.Uploaded || ev.Meter.Position() != d.Size) {
			t.Errorf("blob %s: %s, at %d of %d", d.Digest, ev.Outcome, ev.Meter.Position(), d.Size)
		}
	}
	want := map[transfer.EventKind]int{
		transfer.BlobFound: 10, transfer.BlobStarted: 10, transfer.BlobDone: 10,
		transfer.ManifestDone: 4, transfer.ImageDone: 1,
	}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", count, want)
	}
	last := got[len(got)-1]
	if last.Kind != transfer.ImageDone || last.Descriptor.Digest != root.Digest || last.Outcome != blob.Uploaded {
		t.Errorf("the last event is %+v", last)
	}
}
