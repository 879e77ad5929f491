package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// counting is a source that notes the most goroutines there were.
type counting struct {
	*repo
	most atomic.Int64
}

func (c *counting) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	c.most.Store(max(c.most.Load(), int64(runtime.NumGoroutine())))
	return c.repo.Manifest(ctx, ref)
}

func TestAnIndexOfManyEntries(t *testing.T) {
	src := newHub("from").repo("halo")
	const entries = 600
	list := make([]manifest.Descriptor, entries)
	for i := range list {
		list[i] = src.addImage(t, "linux/amd64", "shared", fmt.Sprint(i))
	}
	root := src.addIndex(t, "t", list...)
	dst := newHub("to").repo("halo")
	from := &counting{repo: src}
	if _, err := new(transfer.Engine).Copy(t.Context(), from, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if n := len(dst.hub.manifests["halo"]); n != entries+2 || dst.hub.manifests["halo"]["t"].Digest != root.Digest {
		t.Errorf("the target has %d manifests", n)
	}
	if n := from.most.Load(); n > 300 {
		t.Errorf("%d goroutines at once", n)
	}
}

// Twenty levels, each index listing both of the next level: a million ways lead to the same few documents.
func TestAnIndexByManyWays(t *testing.T) {
	src := newHub("from").repo("halo")
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
	dst := newHub("to").repo("halo")
	var e transfer.Engine
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if gets, puts := src.hub.count("get"), dst.hub.count("put"); gets != 2*levels+3 || puts != 2*levels+3 {
		t.Errorf("%d manifests were read and %d put, want %d", gets, puts, 2*levels+3)
	}
	if _, err := e.Collect(t.Context(), src, "t"); err != nil {
		t.Error(err)
	}
}

// Lists that share images are copied at once, the one in the other's order.
func TestSharedImagesArePutOnce(t *testing.T) {
	src := newHub("from").repo("halo")
	const images, lists = 40, 8
	entries := make([]manifest.Descriptor, images)
	for i := range entries {
		entries[i] = src.addImage(t, "linux/amd64", "shared", fmt.Sprint(i))
	}
	for i := range lists {
		order := append(entries[i:len(entries):len(entries)], entries[:i]...)
		if i%2 == 1 {
			for a, b := 0, len(order)-1; a < b; a, b = a+1, b-1 {
				order[a], order[b] = order[b], order[a]
			}
		}
		src.addIndex(t, fmt.Sprint("t", i), order...)
	}
	dst := newHub("to").repo("halo")
	e := &transfer.Engine{Jobs: 2}
	var group sync.WaitGroup
	for i := range lists {
		group.Go(func() {
			if _, err := e.Copy(t.Context(), src, fmt.Sprint("t", i), dst, fmt.Sprint("t", i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := dst.hub.count("put sha256"); n != images {
		t.Errorf("%d manifests were put by digest, want each of %d once", n, images)
	}
}

// One of two copies fails in the middle of a blob that the other waits for: the other brings it itself.
func TestOneCopyFailsTheOtherDoesNot(t *testing.T) {
	src := newHub("from").repo("halo")
	shared := src.addBlob(manifest.MediaTypeOCILayer, "shared")
	d := src.addImage(t, "linux/amd64", "shared")
	to := newHub("to")
	started, broken := make(chan struct{}), errors.New("no room")
	bad := to.repo("bad")
	bad.putErr = func(d manifest.Descriptor) error {
		if d.Digest == shared.Digest {
			close(started)
			for to.count("head") < 2 { // until the other copy is on its way
				runtime.Gosched()
			}
			return broken
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
	if err := <-done; !errors.Is(err, broken) {
		t.Errorf("the bad copy: %v", err)
	}
}

func TestAfterAFailureNothingNewIsBegun(t *testing.T) {
	src := newHub("from").repo("halo")
	var list []manifest.Descriptor
	for i := range 1000 {
		list = append(list, manifest.Descriptor{MediaType: manifest.MediaTypeOCIManifest, Digest: blob.FromBytes(fmt.Append(nil, i)), Size: 1})
	}
	src.addIndex(t, "t", list...)
	var found atomic.Int64
	e := &transfer.Engine{OnEvent: func(transfer.Event) { found.Add(1) }}
	if _, err := e.Copy(t.Context(), src, "t", newHub("to").repo("halo"), "t"); err == nil {
		t.Fatal("no error")
	}
	if n := src.hub.count("get"); n > 200 {
		t.Errorf("%d manifests were asked for after the first was missing", n)
	}
}

// Two descriptors of one digest cannot both be right when their sizes differ.
func TestSizesThatContradict(t *testing.T) {
	src := newHub("from").repo("halo")
	config := src.addBlob(manifest.MediaTypeOCIConfig, "{}")
	layer := src.addBlob(manifest.MediaTypeOCILayer, "layer")
	wrong := layer
	wrong.Size++
	image := func(layers ...manifest.Descriptor) string {
		return string(src.addDocument(t, manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &config, Layers: layers}).Digest)
	}
	dst := newHub("to").repo("halo")
	var mismatch *blob.MismatchError
	if _, err := new(transfer.Engine).Copy(t.Context(), src, image(layer, wrong), dst, "both"); !errors.As(err, &mismatch) {
		t.Errorf("in one image: got error %v", err)
	}
	var e transfer.Engine
	if _, err := e.Copy(t.Context(), src, image(wrong), newHub("other").repo("halo"), "first"); !errors.As(err, &mismatch) {
		t.Errorf("the wrong one first: got error %v", err)
	}
	other := newHub("third").repo("halo")
	if _, err := e.Copy(t.Context(), src, image(layer), other, "right"); err != nil {
		t.Errorf("the right one: %v", err)
	}
	if _, err := e.Copy(t.Context(), src, image(wrong), other, "wrong"); !errors.As(err, &mismatch) || other.hub.count("put wrong") != 0 {
		t.Errorf("in another image: got error %v", err)
	}
}

// A source need not be honest.
func TestChildrenAreVerified(t *testing.T) {
	src := newHub("from").repo("halo")
	good := src.addImage(t, "linux/amd64", "1")
	other := src.addImage(t, "linux/arm64", "2")
	nested := src.addIndex(t, "", good)
	src.addIndex(t, "t", good)
	mislabelled := nested
	mislabelled.MediaType = manifest.MediaTypeOCIManifest
	src.addIndex(t, "mislabelled", mislabelled)
	untyped := nested
	untyped.MediaType = ""
	src.addIndex(t, "untyped", untyped)
	dst := newHub("to").repo("halo")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "untyped", dst, "untyped"); err != nil {
		t.Errorf("an entry without a type: %v", err)
	}
	for _, copy := range []func(ref string) error{
		func(ref string) error {
			_, err := new(transfer.Engine).Copy(t.Context(), src, ref, newHub("to").repo("halo"), ref)
			return err
		},
		func(ref string) error { _, err := new(transfer.Engine).Collect(t.Context(), src, ref); return err },
	} {
		if err := copy("mislabelled"); !errors.Is(err, manifest.ErrAmbiguous) {
			t.Errorf("an index that is called an image: got error %v", err)
		}
	}
	swapped := src.hub.manifests["halo"][string(other.Digest)]
	swapped.Digest, swapped.Size = good.Digest, good.Size // it claims to be what was asked for
	src.hub.manifests["halo"][string(good.Digest)] = swapped
	var mismatch *blob.MismatchError
	_, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t")
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "manifest on from/halo") {
		t.Errorf("got error %v", err)
	}
}

// The target has an index of which it lacks an image. A list of the same images finds that out.
func TestSparseIndexAtTheTarget(t *testing.T) {
	src := newHub("from").repo("halo")
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	nested := src.addIndex(t, "", amd64, arm64)
	src.addIndex(t, "t", nested)
	dst := newHub("to").repo("halo")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	delete(dst.hub.manifests["halo"], string(arm64.Digest))
	src.addIndex(t, "t", nested, src.addImage(t, "linux/s390x", "3"))
	dst.hub.log = nil
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if _, ok := dst.hub.manifests["halo"][string(arm64.Digest)]; !ok || dst.hub.count("put "+string(amd64.Digest)) != 0 {
		t.Errorf("did %v", dst.hub.log)
	}
}

// An entry that says another size than the manifest at the target has is not taken for that.
func TestKnownChildOfAnotherSize(t *testing.T) {
	src := newHub("from").repo("halo")
	d := src.addImage(t, "linux/amd64", "1")
	src.addIndex(t, "t", d)
	dst := newHub("to").repo("halo")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	d.Size++
	src.addIndex(t, "t", d)
	var mismatch *blob.MismatchError
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); !errors.As(err, &mismatch) {
		t.Errorf("got error %v", err)
	}
}

func TestDigestsOfAnotherAlgorithm(t *testing.T) {
	src, root := three(t)
	m := src.hub.manifests["halo"]["t"]
	sha512 := blob.SHA512.Digest(m.Raw)
	dst := newHub("to").repo("halo")
	got, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, string(sha512))
	if err != nil || got.Digest != sha512 {
		t.Fatalf("got %s, error %v", got.Digest, err)
	}
	wrong := blob.SHA512.Digest(nil)
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, string(wrong)); !errors.Is(err, transfer.ErrTargetDigest) {
		t.Errorf("another digest: got error %v", err)
	}
	// Asked for by sha512, there under its sha256.
	if _, err := new(transfer.Engine).Copy(t.Context(), src, string(root.Digest), dst, "t"); err != nil {
		t.Fatal(err)
	}
	m.Digest = sha512
	src.hub.manifests["halo"][string(sha512)] = m
	dst.hub.log = nil
	if _, err := new(transfer.Engine).Copy(t.Context(), src, string(sha512), dst, "t"); err != nil || dst.hub.count("put") != 0 {
		t.Errorf("did %v, error %v", dst.hub.log, err)
	}
}

// The target's tag names something that cannot be read: it is replaced.
func TestTargetThatCannotBeRead(t *testing.T) {
	src, root := three(t)
	dst := newHub("to").repo("halo")
	dst.headErr = fmt.Errorf("to/halo:t: %w", &manifest.DocumentError{Err: manifest.ErrSchema1})
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil || dst.hub.manifests["halo"]["t"].Digest != root.Digest {
		t.Errorf("got error %v", err)
	}
}

func TestFewRepositoriesAreNamedForAMount(t *testing.T) {
	src := newHub("hub").repo("halo")
	src.addImage(t, "linux/amd64", "1")
	src.addIndex(t, "t", src.addImage(t, "linux/amd64", "1"))
	var e transfer.Engine
	for i := range 20 {
		if _, err := e.Copy(t.Context(), src, "t", src.hub.repo(fmt.Sprint("r", i)), "t"); err != nil {
			t.Fatal(err)
		}
	}
	if src.hub.named > 4 || src.hub.named < 2 {
		t.Errorf("up to %d repositories were named, want the source's and a few", src.hub.named)
	}
}

func TestEmptyIndex(t *testing.T) {
	src := newHub("from").repo("halo")
	src.addIndex(t, "t")
	dst := newHub("to").repo("halo")
	if _, err := new(transfer.Engine).Copy(t.Context(), src, "t", dst, "t"); err != nil || dst.hub.count("put t") != 1 {
		t.Errorf("did %v, error %v", dst.hub.log, err)
	}
	for _, e := range []*transfer.Engine{{Flatten: true}, {Platforms: []manifest.Platform{platform(t, "linux/amd64")}}} {
		if _, err := e.Copy(t.Context(), src, "t", dst, "x"); err == nil || dst.hub.count("put x") != 0 {
			t.Errorf("%+v: error %v", e.Platforms, err)
		}
	}
}

func TestArtifacts(t *testing.T) {
	src := newHub("from").repo("halo")
	withBlobs := src.addDocument(t, manifest.Image{MediaType: manifest.MediaTypeOCIArtifact, ArtifactType: "a/b", Blobs: []manifest.Descriptor{src.addBlob("c/d", "content")}})
	empty := src.addBlob(manifest.MediaTypeOCIEmpty, "")
	bare := src.addDocument(t, manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, ArtifactType: "a/b", Config: &empty})
	dst := newHub("to").repo("halo")
	for _, d := range []manifest.Descriptor{withBlobs, bare} {
		if _, err := new(transfer.Engine).Copy(t.Context(), src, string(d.Digest), dst, string(d.Digest)); err != nil {
			t.Errorf("%s: %v", d.MediaType, err)
		}
		if _, ok := dst.hub.manifests["halo"][string(d.Digest)]; !ok {
			t.Errorf("%s is not there", d.MediaType)
		}
	}
	if len(dst.hub.blobs["halo"]) != 2 {
		t.Errorf("the target has %d blobs, want 2", len(dst.hub.blobs["halo"]))
	}
	e := &transfer.Engine{Platforms: []manifest.Platform{platform(t, "linux/amd64")}}
	if _, err := e.Copy(t.Context(), src, string(withBlobs.Digest), dst, "t"); err == nil || !strings.Contains(err.Error(), "from/halo: "+withBlobs.Digest.Short()+" has no config") {
		t.Errorf("an artifact for a platform: got error %v", err)
	}
}

func TestAttestationsGoWithTheirImage(t *testing.T) {
	src := newHub("from").repo("halo")
	attest := func(of manifest.Descriptor) manifest.Descriptor {
		d := src.addImage(t, "linux/amd64", "attestation of "+string(of.Digest))
		d.Platform = &manifest.Platform{OS: "unknown", Architecture: "unknown"}
		d.Annotations = map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": string(of.Digest)}
		return d
	}
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	ofAMD64, ofARM64 := attest(amd64), attest(arm64)
	src.addIndex(t, "t", amd64, arm64, ofAMD64, ofARM64)
	dst := newHub("to").repo("halo")
	e := &transfer.Engine{Platforms: []manifest.Platform{platform(t, "linux/arm64")}}
	if _, err := e.Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	have := dst.hub.manifests["halo"]
	for name, c := range map[string]struct {
		d    manifest.Descriptor
		want bool
	}{"amd64": {amd64, false}, "arm64": {arm64, true}, "of amd64": {ofAMD64, false}, "of arm64": {ofARM64, true}} {
		if _, ok := have[string(c.d.Digest)]; ok != c.want {
			t.Errorf("%s: there %v, want %v", name, ok, c.want)
		}
	}
	flat := &transfer.Engine{Platforms: e.Platforms, Flatten: true}
	if got, err := flat.Copy(t.Context(), src, "t", dst, "flat"); err != nil || got.Digest != arm64.Digest {
		t.Errorf("flattened: got %s, error %v", got.Digest, err)
	}
}

func TestFlattenLooksIntoNestedLists(t *testing.T) {
	src := newHub("from").repo("halo")
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	one, two := src.addIndex(t, "", amd64), src.addIndex(t, "", amd64, arm64)
	for _, d := range []*manifest.Descriptor{&one, &two} {
		d.Platform = nil
	}
	src.addIndex(t, "one", one)
	src.addIndex(t, "two", two)
	dst := newHub("to").repo("halo")
	flat := &transfer.Engine{Flatten: true}
	if got, err := flat.Copy(t.Context(), src, "one", dst, "t"); err != nil || got.Digest != amd64.Digest {
		t.Errorf("got %s, error %v", got.Digest, err)
	}
	if _, err := flat.Copy(t.Context(), src, "two", dst, "t2"); !errors.Is(err, transfer.ErrSeveral) {
		t.Errorf("got error %v", err)
	}
	single := string(arm64.Digest)
	if got, err := flat.Copy(t.Context(), src, single, dst, "t3"); err != nil || string(got.Digest) != single {
		t.Errorf("a single image: got %s, error %v", got.Digest, err)
	}
}

func TestImagePlatform(t *testing.T) {
	src := newHub("from").repo("halo")
	image := func(config manifest.Descriptor) manifest.Manifest {
		d := src.addDocument(t, manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &config})
		return src.hub.manifests["halo"][string(d.Digest)]
	}
	huge := manifest.Descriptor{MediaType: manifest.MediaTypeOCIConfig, Digest: blob.FromBytes(nil), Size: 5 << 20}
	short := src.addBlob(manifest.MediaTypeOCIConfig, `{"os":"linux"}`)
	short.Size++
	for says, m := range map[string]manifest.Manifest{
		"more than the 4 MiB": image(huge),
		"is cut short":        image(short),
		"config sha256:":      image(src.addBlob(manifest.MediaTypeOCIConfig, "[]")),
		"is an index":         src.hub.manifests["halo"][string(src.addIndex(t, "").Digest)],
	} {
		if p, err := transfer.ImagePlatform(t.Context(), src, m); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %s, error %v, want one that says %q", p, err, says)
		}
	}
	p, err := transfer.ImagePlatform(t.Context(), src, image(src.addBlob(manifest.MediaTypeOCIConfig, `{"os":"linux","architecture":"arm","variant":"v6"}`)))
	if err != nil || p.String() != "linux/arm/v6" {
		t.Errorf("got %s, error %v", p, err)
	}
	if p, err := transfer.ImagePlatform(t.Context(), src, image(src.addBlob(manifest.MediaTypeOCIEmpty, `{}`))); err != nil || p.OS != "" {
		t.Errorf("a config that says nothing: got %s, error %v", p, err)
	}
}

// A store that is no repository of a registry and has no name: files in a folder, say.
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

func (p *plain) PutBlob(ctx context.Context, d manifest.Descriptor, open blob.Open, from ...string) (blob.Outcome, error) {
	return p.repo.PutBlob(ctx, d, open, from...)
}

func (p *plain) PutManifest(ctx context.Context, ref string, m manifest.Manifest) error {
	return p.repo.PutManifest(ctx, ref, m)
}

func TestPlainStores(t *testing.T) {
	src, _ := three(t)
	var e transfer.Engine
	for _, to := range []*plain{{newHub("a").repo("x")}, {newHub("b").repo("x")}} {
		if _, err := e.Copy(t.Context(), &plain{src}, "t", to, "t"); err != nil {
			t.Error(err)
		}
		if n := to.repo.hub.count("upload"); n != 10 || to.repo.hub.named != 0 {
			t.Errorf("%d blobs were uploaded, want 10", n)
		}
	}
	src.corrupt = blob.FromBytes([]byte("b2"))
	if _, err := new(transfer.Engine).Copy(t.Context(), &plain{src}, "t", &plain{newHub("c").repo("x")}, "t"); err == nil || !strings.Contains(err.Error(), "from the store to the store") {
		t.Errorf("got error %v", err)
	}
	if _, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), &plain{src}, "t", newHub("d").repo("x"), "t"); err == nil {
		t.Error("referrers of a store that cannot tell: no error")
	}
}

// uncomparable is a store that panics where it is compared with == or is the key of a map.
type uncomparable struct {
	*plain
	_ []int
}

// RangedBlob makes it a source that the engine remembers something of.
func (u uncomparable) RangedBlob(d manifest.Descriptor) (blob.Open, blob.OpenRange) {
	open := func(ctx context.Context, offset int64) (io.ReadCloser, error) { return u.Blob(ctx, d, offset) }
	return open, func(context.Context, int64, int64) (io.ReadCloser, bool, error) {
		return nil, false, errors.ErrUnsupported
	}
}

func TestStoresNeedNotBeComparable(t *testing.T) {
	from, root := three(t)
	src := uncomparable{plain: &plain{from}}
	a, b := newHub("a").repo("x"), newHub("b").repo("x")
	var e transfer.Engine
	for range 2 {
		if d, err := e.Copy(t.Context(), src, "t", uncomparable{plain: &plain{a}}, "t"); err != nil || d.Digest != root.Digest {
			t.Errorf("got %s, error %v", d.Digest, err)
		}
	}
	to := []transfer.Destination{
		{Target: uncomparable{plain: &plain{a}}, As: "t2"}, {Target: uncomparable{plain: &plain{b}}, As: "t2"},
	}
	if _, errs := e.CopyAll(t.Context(), src, "t", to...); errors.Join(errs...) != nil {
		t.Errorf("got errors %v", errs)
	}
	for _, r := range []*repo{a, b} {
		if n := r.hub.count("upload"); n != 10 || r.hub.manifests["x"]["t2"].Digest != root.Digest {
			t.Errorf("%s: %d uploads, want each of the 10 blobs once", r, n)
		}
	}
}
