package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// goroutineCounter is a source that records the largest number of goroutines.
type goroutineCounter struct {
	*repo
	max atomic.Int64
}

func (c *goroutineCounter) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	c.max.Store(max(c.max.Load(), int64(runtime.NumGoroutine())))
	return c.repo.Manifest(ctx, ref)
}

func TestLargeIndexTakesFewGoroutines(t *testing.T) {
	src := &goroutineCounter{repo: newRepo("src")}
	dst := newRepo("dst")
	list := make([]manifest.Descriptor, 600)
	for i := range list {
		list[i] = src.addImage(t, "linux/amd64", "shared", fmt.Sprint(i))
	}
	root := src.addIndex(t, "t", list...)
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
	if n := len(dst.manifests); n != len(list)+2 || dst.manifests["t"].Digest != root.Digest {
		t.Errorf("the target has %d manifests", n)
	}
	if n := src.max.Load(); n > 300 {
		t.Errorf("%d goroutines at once", n)
	}
}

// Each of twenty levels lists both indexes of the next level: a million paths lead to the same few
// documents.
func TestNestedIndexesAreCopiedOnce(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	below := []manifest.Descriptor{src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")}
	const levels = 20
	for level := range levels {
		a := src.addIndex(t, "", below...)
		b := src.addIndex(t, "", below[1], below[0])
		below = []manifest.Descriptor{a, b}
		if level == levels-1 {
			src.addIndex(t, "t", a, b)
		}
	}
	var e transfer.Engine
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if gets, puts := src.count("get"), dst.count("put"); gets != 2*levels+3 || puts != 2*levels+3 {
		t.Errorf("%d manifests were read and %d put, want %d", gets, puts, 2*levels+3)
	}
	if _, err := e.Collect(t.Context(), src, "t"); err != nil {
		t.Error(err)
	}
}

// Indexes that list the same images in different orders are copied at once.
func TestSharedImagesArePutOnce(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	const images, indexes = 40, 8
	entries := make([]manifest.Descriptor, images)
	for i := range entries {
		entries[i] = src.addImage(t, "linux/amd64", "shared", fmt.Sprint(i))
	}
	for i := range indexes {
		order := slices.Concat(entries[i:], entries[:i])
		if i%2 == 1 {
			slices.Reverse(order)
		}
		src.addIndex(t, fmt.Sprint("t", i), order...)
	}
	e := &transfer.Engine{Jobs: 2}
	var group sync.WaitGroup
	for i := range indexes {
		group.Go(func() {
			if _, err := e.Copy(t.Context(), src, fmt.Sprint("t", i), dst, fmt.Sprint("t", i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := dst.count("put sha256"); n != images {
		t.Errorf("%d manifests were put by digest, want each of %d once", n, images)
	}
}

// One copy fails in the middle of a blob that another one waits for. The other then uploads it
// itself.
func TestFailedCopyDoesNotFailAnother(t *testing.T) {
	src := newRepo("src")
	shared := src.addBlob(manifest.MediaTypeOCILayer, "shared")
	d := src.addImage(t, "linux/amd64", "shared")
	to := newRegistry("dst")
	started, noSpace := make(chan struct{}), errors.New("no space")
	bad := to.repo("bad")
	bad.putErr = func(d manifest.Descriptor) error {
		if d.Digest == shared.Digest {
			close(started)
			for to.count("head") < 2 { // until the other copy has started
				runtime.Gosched()
			}
			return noSpace
		}
		return nil
	}
	var e transfer.Engine
	done := make(chan error)
	go func() {
		_, err := e.Copy(t.Context(), src, string(d.Digest), bad, "t")
		done <- err
	}()
	<-started
	if _, err := e.Copy(t.Context(), src, string(d.Digest), to.repo("good"), "t"); err != nil {
		t.Errorf("the good copy: %v", err)
	}
	if err := <-done; !errors.Is(err, noSpace) {
		t.Errorf("the bad copy: %v", err)
	}
}

func TestFailureStopsFurtherReads(t *testing.T) {
	src := newRepo("src")
	var list []manifest.Descriptor
	for i := range 1000 {
		digest := blob.FromBytes(fmt.Append(nil, i))
		list = append(list, manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Digest: digest, Size: 1})
	}
	src.addIndex(t, "t", list...)
	if err := copyImage(t, src, newRepo("dst"), "t"); err == nil {
		t.Fatal("no error")
	}
	if n := src.count("get"); n > 200 {
		t.Errorf("%d manifests were read after the first was missing", n)
	}
}

// Of two descriptors with the same digest and different sizes at least one is wrong.
func TestContradictingSizesAreAnError(t *testing.T) {
	src := newRepo("src")
	config := src.addBlob(manifest.MediaTypeOCIConfig, "{}")
	layer := src.addBlob(manifest.MediaTypeOCILayer, "layer")
	wrong := layer
	wrong.Size++
	image := func(layers ...manifest.Descriptor) string {
		return string(src.addManifest(t, manifest.Image{Config: &config, Layers: layers}).Digest)
	}
	var mismatch *blob.MismatchError
	_, err := new(transfer.Engine).Copy(t.Context(), src, image(layer, wrong), newRepo("dst"), "both")
	if !errors.As(err, &mismatch) {
		t.Errorf("in one image: got error %v", err)
	}
	var e transfer.Engine
	if _, err := e.Copy(t.Context(), src, image(wrong), newRepo("a"), "first"); !errors.As(err, &mismatch) {
		t.Errorf("the wrong one first: got error %v", err)
	}
	dst := newRepo("b")
	if _, err := e.Copy(t.Context(), src, image(layer), dst, "right"); err != nil {
		t.Errorf("the right one: %v", err)
	}
	_, err = e.Copy(t.Context(), src, image(wrong), dst, "wrong")
	if !errors.As(err, &mismatch) || dst.count("put wrong") != 0 {
		t.Errorf("in another image: got error %v", err)
	}
}

func TestUntypedEntryIsCopied(t *testing.T) {
	src := newRepo("src")
	nested := src.addIndex(t, "", src.addImage(t, "linux/amd64", "1"))
	nested.MediaType = ""
	src.addIndex(t, "t", nested)
	if err := copyImage(t, src, newRepo("dst"), "t"); err != nil {
		t.Error(err)
	}
}

func TestMislabeledEntryIsAnError(t *testing.T) {
	src := newRepo("src")
	nested := src.addIndex(t, "", src.addImage(t, "linux/amd64", "1"))
	nested.MediaType = manifest.MediaTypeOCIManifest
	src.addIndex(t, "t", nested)
	if err := copyImage(t, src, newRepo("dst"), "t"); !errors.Is(err, manifest.ErrAmbiguous) {
		t.Errorf("Copy: got error %v", err)
	}
	if _, err := new(transfer.Engine).Collect(t.Context(), src, "t"); !errors.Is(err, manifest.ErrAmbiguous) {
		t.Errorf("Collect: got error %v", err)
	}
}

// The source returns another manifest than the one it was asked for, with the right digest in its
// descriptor.
func TestChildManifestsAreVerified(t *testing.T) {
	src := newRepo("src")
	wanted, other := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	src.addIndex(t, "t", wanted)
	wrong := src.manifests[string(other.Digest)]
	wrong.Digest, wrong.Size = wanted.Digest, wanted.Size
	src.manifests[string(wanted.Digest)] = wrong
	err := copyImage(t, src, newRepo("dst"), "t")
	var mismatch *blob.MismatchError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "manifest on src/repo") {
		t.Errorf("got error %v", err)
	}
}

// The target has an index and lacks one of its images. A copy of a list with that index completes
// it.
func TestIncompleteIndexAtTheTargetIsCompleted(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	nested := src.addIndex(t, "", amd64, arm64)
	src.addIndex(t, "t", nested)
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
	delete(dst.manifests, string(arm64.Digest))
	src.addIndex(t, "t", nested, src.addImage(t, "linux/s390x", "3"))
	dst.log = nil
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
	if _, ok := dst.manifests[string(arm64.Digest)]; !ok || dst.count("put "+string(amd64.Digest)) != 0 {
		t.Errorf("calls to the target: %v", dst.log)
	}
}

// The target has the manifest of an entry, but the entry has another size.
func TestKnownChildOfAnotherSizeIsAnError(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	d := src.addImage(t, "linux/amd64", "1")
	src.addIndex(t, "t", d)
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
	d.Size++
	src.addIndex(t, "t", d)
	var mismatch *blob.MismatchError
	if err := copyImage(t, src, dst, "t"); !errors.As(err, &mismatch) {
		t.Errorf("got error %v", err)
	}
}

func TestDigestsOfAnotherAlgorithm(t *testing.T) {
	src, root := threePlatforms(t)
	m := src.manifests["t"]
	sha512 := blob.SHA512.Digest(m.Raw)
	dst := newRepo("dst")
	got, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, string(sha512))
	if err != nil || got.Digest != sha512 {
		t.Fatalf("got %s, error %v", got.Digest, err)
	}
	wrong := blob.SHA512.Digest(nil)
	if err := copyImage(t, src, dst, string(wrong)); !errors.Is(err, transfer.ErrTargetDigest) {
		t.Errorf("another digest: got error %v", err)
	}
	// The target has the image by its sha256 digest, and the source is asked for it by sha512.
	if _, err := new(transfer.Engine).Copy(t.Context(), src, string(root.Digest), dst, "t"); err != nil {
		t.Fatal(err)
	}
	m.Digest = sha512
	src.manifests[string(sha512)] = m
	dst.log = nil
	_, err = new(transfer.Engine).Copy(t.Context(), src, string(sha512), dst, "t")
	if err != nil || dst.count("put") != 0 {
		t.Errorf("calls to the target: %v, error %v", dst.log, err)
	}
}

func TestUnreadableManifestAtTheTargetIsOverwritten(t *testing.T) {
	src, root := threePlatforms(t)
	dst := newRepo("dst")
	dst.headErr = fmt.Errorf("dst/repo:t: %w", &manifest.DocumentError{Err: manifest.ErrSchema1})
	if err := copyImage(t, src, dst, "t"); err != nil || dst.manifests["t"].Digest != root.Digest {
		t.Errorf("got error %v", err)
	}
}

func TestFewRepositoriesAreOfferedForAMount(t *testing.T) {
	src := newRepo("hub")
	src.addIndex(t, "t", src.addImage(t, "linux/amd64", "1"))
	var e transfer.Engine
	for i := range 20 {
		if _, err := e.Copy(t.Context(), src, "t", src.repo(fmt.Sprint("r", i)), "t"); err != nil {
			t.Fatal(err)
		}
	}
	if src.maxMountFrom > 4 || src.maxMountFrom < 2 {
		t.Errorf("up to %d repositories were offered, want the source's and a few", src.maxMountFrom)
	}
}

func TestEmptyIndex(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	src.addIndex(t, "t")
	if err := copyImage(t, src, dst, "t"); err != nil || dst.count("put t") != 1 {
		t.Errorf("calls to the target: %v, error %v", dst.log, err)
	}
	for _, e := range []*transfer.Engine{{Flatten: true}, platforms(t, "linux/amd64")} {
		if _, err := e.Copy(t.Context(), src, "t", dst, "x"); err == nil || dst.count("put x") != 0 {
			t.Errorf("platforms %v: error %v", e.Platforms, err)
		}
	}
}

func TestArtifacts(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	withBlobs := src.addManifest(t, manifest.Image{
		MediaType: manifest.MediaTypeOCIArtifact, ArtifactType: "a/b",
		Blobs: []manifest.Descriptor{src.addBlob("c/d", "content")},
	})
	empty := src.addBlob(manifest.MediaTypeOCIEmpty, "")
	withoutLayers := src.addManifest(t, manifest.Image{ArtifactType: "a/b", Config: &empty})
	for _, d := range []manifest.Descriptor{withBlobs, withoutLayers} {
		if _, err := new(transfer.Engine).Copy(t.Context(), src, string(d.Digest), dst, string(d.Digest)); err != nil {
			t.Errorf("%s: %v", d.MediaType, err)
		}
		if _, ok := dst.manifests[string(d.Digest)]; !ok {
			t.Errorf("%s was not copied", d.MediaType)
		}
	}
	if len(dst.blobs) != 2 {
		t.Errorf("the target has %d blobs, want 2", len(dst.blobs))
	}
	_, err := platforms(t, "linux/amd64").Copy(t.Context(), src, string(withBlobs.Digest), dst, "t")
	if err == nil || !strings.Contains(err.Error(), "src/repo: "+withBlobs.Digest.Short()+" has no config") {
		t.Errorf("an artifact for a platform: got error %v", err)
	}
}

func TestAttestationsAreKeptWithTheirImage(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	attest := func(of manifest.Descriptor) manifest.Descriptor {
		d := src.addImage(t, "linux/amd64", "attestation of "+string(of.Digest))
		d.Platform = &manifest.Platform{OS: "unknown", Architecture: "unknown"}
		d.Annotations = map[string]string{
			"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": string(of.Digest),
		}
		return d
	}
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	ofAMD64, ofARM64 := attest(amd64), attest(arm64)
	src.addIndex(t, "t", amd64, arm64, ofAMD64, ofARM64)
	e := platforms(t, "linux/arm64")
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		d    manifest.Descriptor
		want bool
	}{"amd64": {amd64, false}, "arm64": {arm64, true}, "of amd64": {ofAMD64, false}, "of arm64": {ofARM64, true}} {
		if _, ok := dst.manifests[string(test.d.Digest)]; ok != test.want {
			t.Errorf("%s: exists %v, want %v", name, ok, test.want)
		}
	}
	e = &transfer.Engine{Platforms: e.Platforms, Flatten: true}
	if got, err := e.Copy(t.Context(), src, "t", dst, "flat"); err != nil || got.Digest != arm64.Digest {
		t.Errorf("flattened: got %s, error %v", got.Digest, err)
	}
}

func TestFlattenOfNestedIndexes(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	src.addIndex(t, "one", src.addIndex(t, "", amd64))
	src.addIndex(t, "two", src.addIndex(t, "", amd64, arm64))
	e := &transfer.Engine{Flatten: true}
	if got, err := e.Copy(t.Context(), src, "one", dst, "t"); err != nil || got.Digest != amd64.Digest {
		t.Errorf("got %s, error %v", got.Digest, err)
	}
	if _, err := e.Copy(t.Context(), src, "two", dst, "t2"); !errors.Is(err, transfer.ErrSeveralImages) {
		t.Errorf("two images: got error %v", err)
	}
	if got, err := e.Copy(t.Context(), src, string(arm64.Digest), dst, "t3"); err != nil || got.Digest != arm64.Digest {
		t.Errorf("a single image: got %s, error %v", got.Digest, err)
	}
}

func TestImagePlatform(t *testing.T) {
	src := newRepo("src")
	image := func(config manifest.Descriptor) manifest.Manifest {
		return src.manifests[string(src.addManifest(t, manifest.Image{Config: &config}).Digest)]
	}
	config := func(content string) manifest.Descriptor { return src.addBlob(manifest.MediaTypeOCIConfig, content) }
	huge := manifest.Descriptor{MediaType: manifest.MediaTypeOCIConfig, Digest: blob.FromBytes(nil), Size: 5 << 20}
	short := config(`{"os":"linux"}`)
	short.Size++
	for want, m := range map[string]manifest.Manifest{
		"more than the 4 MiB": image(huge),
		"is cut short":        image(short),
		"config sha256:":      image(config("[]")),
		"is an index":         src.manifests[string(src.addIndex(t, "").Digest)],
	} {
		if p, err := transfer.ImagePlatform(t.Context(), src, m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %s, error %v, want one with %q", p, err, want)
		}
	}
	m := image(config(`{"os":"linux","architecture":"arm","variant":"v6"}`))
	if p, err := transfer.ImagePlatform(t.Context(), src, m); err != nil || p.String() != "linux/arm/v6" {
		t.Errorf("got %s, error %v", p, err)
	}
	if p, err := transfer.ImagePlatform(t.Context(), src, image(config(`{}`))); err != nil || p.OS != "" {
		t.Errorf("an empty config: got %s, error %v", p, err)
	}
}

// plain is a store that is no repository of a registry and has no name.
type plain struct{ repo *repo }

func (p *plain) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	return p.repo.Manifest(ctx, ref)
}

func (p *plain) Blob(ctx context.Context, d manifest.Descriptor, offset int64) (io.ReadCloser, error) {
	return p.repo.Blob(ctx, d, offset)
}

func (p *plain) HeadManifest(ctx context.Context, ref string) (manifest.Descriptor, error) {
	return p.repo.HeadManifest(ctx, ref)
}

func (p *plain) PutBlob(
	ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string,
) (blob.Outcome, error) {
	return p.repo.PutBlob(ctx, d, open, from...)
}

func (p *plain) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	return p.repo.PutManifest(ctx, ref, m)
}

func TestPlainStores(t *testing.T) {
	src, _ := threePlatforms(t)
	var e transfer.Engine
	for _, dst := range []*repo{newRepo("a"), newRepo("b")} {
		if _, err := e.Copy(t.Context(), &plain{src}, "t", &plain{dst}, "t"); err != nil {
			t.Error(err)
		}
		if n := dst.count("upload"); n != 10 || dst.maxMountFrom != 0 {
			t.Errorf("%d blobs were uploaded, want 10", n)
		}
	}
	src.corrupt = blob.FromBytes([]byte("b2"))
	err := copyImage(t, &plain{src}, &plain{newRepo("c")}, "t")
	if err == nil || !strings.Contains(err.Error(), "from the store to the store") {
		t.Errorf("got error %v", err)
	}
	e = transfer.Engine{Referrers: true}
	if _, err := e.Copy(t.Context(), &plain{src}, "t", newRepo("d"), "t"); err == nil {
		t.Error("a source that cannot list referrers: no error")
	}
}

// uncomparable is a store that panics if it is compared with == or used as the key of a map.
type uncomparable struct {
	*plain
	_ []int
}

// RangedBlob makes it a source that the engine remembers something of.
func (u uncomparable) RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	open := func(ctx context.Context, offset int64) (io.ReadCloser, error) { return u.Blob(ctx, d, offset) }
	return open, func(context.Context, blob.Range) (io.ReadCloser, bool, error) {
		return nil, false, errors.ErrUnsupported
	}
}

func TestStoresNeedNotBeComparable(t *testing.T) {
	store := func(r *repo) uncomparable { return uncomparable{plain: &plain{r}} }
	from, root := threePlatforms(t)
	src := store(from)
	a, b := newRepo("a"), newRepo("b")
	var e transfer.Engine
	for range 2 {
		if d, err := e.Copy(t.Context(), src, "t", store(a), "1"); err != nil || d.Digest != root.Digest {
			t.Errorf("got %s, error %v", d.Digest, err)
		}
	}
	if _, errs, _ := e.CopyAll(t.Context(), src, "t", to(store(a), store(b))...); errors.Join(errs...) != nil {
		t.Errorf("got errors %v", errs)
	}
	for _, r := range []*repo{a, b} {
		if n := r.count("upload"); n != 10 || r.manifests["t"].Digest != root.Digest {
			t.Errorf("%s: %d uploads, want each of the 10 blobs once", r, n)
		}
	}
}
