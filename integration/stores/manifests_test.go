package stores

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/integration/fixture"
	"github.com/hczjl/transship/manifest"
)

// parse parses a fixture's manifest with the product's code.
func parse(t *testing.T, m fixture.Manifest) manifest.Manifest {
	t.Helper()
	got, err := manifest.Parse(m.MediaType, m.Raw)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// putImage puts all of an image, its root under ref.
func putImage(t *testing.T, s store, im fixture.Image, ref string) {
	t.Helper()
	putBlobs(t, s, im)
	for i, m := range im.Manifests {
		under := string(m.Digest)
		if i == len(im.Manifests)-1 {
			under = ref
		}
		if err := s.PutManifest(t.Context(), under, parse(t, m)); err != nil {
			t.Fatal(err)
		}
	}
}

func putBlobs(t *testing.T, s store, im fixture.Image) {
	t.Helper()
	for _, b := range im.Blobs {
		r := b.Open()
		raw := new(bytes.Buffer)
		if _, err := raw.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
		d := manifest.Descriptor{MediaType: b.MediaType, Digest: blob.Digest(b.Digest), Size: b.Size}
		if _, err := s.PutBlob(t.Context(), d, (&recordingSource{raw: raw.Bytes()}).open); err != nil {
			t.Fatal(err)
		}
	}
}

// wantManifest checks the descriptor and the bytes of a manifest.
func wantManifest(t *testing.T, s store, ref string, want fixture.Manifest) {
	t.Helper()
	d := manifest.Descriptor{MediaType: want.MediaType, Digest: blob.Digest(want.Digest), Size: want.Size}
	got, err := s.Manifest(t.Context(), ref)
	if err != nil || !bytes.Equal(got.Raw, want.Raw) {
		t.Fatalf("%s is %s, error %v\nwant %s", ref, got.Raw, err, want.Raw)
	}
	if diff := cmp.Diff(d, got.Descriptor); diff != "" {
		t.Errorf("Manifest %s: %s", ref, diff)
	}
	head, err := s.HeadManifest(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, head); diff != "" {
		t.Errorf("HeadManifest %s: %s", ref, diff)
	}
}

// Manifests keep their bytes and media types, under tags and digests.
func testManifests(t *testing.T, h storeSet) {
	for name, im := range map[string]fixture.Image{"docker": fixture.Real(), "oci": fixture.Real().OCI()} {
		s := h("manifests/" + name)
		putImage(t, s, im, "1.6")
		wantManifest(t, s, "1.6", im.Root())
		for _, m := range im.Manifests {
			wantManifest(t, s, string(m.Digest), m)
		}
	}
}

// A tag that is put again names the new manifest, and the old one is kept.
func testTagMoves(t *testing.T, h storeSet) {
	s := h("manifests/moving")
	before, after := fixture.Real().Only("linux/amd64"), fixture.Real().Only("linux/arm64")
	for _, im := range []fixture.Image{before, after} {
		putImage(t, s, im, "latest")
		wantManifest(t, s, "latest", im.Root())
	}
	wantManifest(t, s, string(before.Root().Digest), before.Root())
	var tags []string
	for tag, err := range s.TagNames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, tag)
	}
	if !slices.Equal(tags, []string{"latest"}) {
		t.Errorf("tags %q", tags)
	}
}

// Referrers are found by subject and type, with the referrers API and with referrers tags, also
// when several are put at the same time.
func testReferrers(t *testing.T, h storeSet) {
	s := h("manifests/referred")
	subject := fixture.Real().OCI().Only("linux/amd64")
	putImage(t, s, subject, "1.6")
	want := map[blob.Digest]string{}
	var all []fixture.Image
	for i := range 6 {
		kind := fmt.Sprintf("application/vnd.example.%d", i%2)
		r := fixture.Referrer(subject.Root().Descriptor, kind, fmt.Sprint(i))
		want[blob.Digest(r.Root().Digest)] = kind
		all = append(all, r)
	}
	group, ctx := errgroup.WithContext(t.Context())
	for _, r := range all {
		putBlobs(t, s, r)
	}
	for _, r := range all {
		m := parse(t, r.Root())
		group.Go(func() error { return s.PutManifest(ctx, string(m.Digest), m) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"", "application/vnd.example.0", "application/vnd.example.1",
		"application/vnd.example.2"} {
		list, err := s.Referrers(t.Context(), blob.Digest(subject.Root().Digest), kind)
		if err != nil {
			t.Fatal(err)
		}
		got, expected := map[blob.Digest]string{}, map[blob.Digest]string{}
		for _, d := range list {
			got[d.Digest] = d.ArtifactType
		}
		for d, k := range want {
			if kind == "" || kind == k {
				expected[d] = k
			}
		}
		if diff := cmp.Diff(expected, got); diff != "" || len(list) != len(got) {
			t.Errorf("referrers of type %q: %d, %s", kind, len(list), diff)
		}
	}
}
