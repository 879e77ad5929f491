package transfer_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// refer gives the repository a manifest with a subject, and lists it.
func refer(t *testing.T, r *repo, subject manifest.Descriptor, layer string) manifest.Descriptor {
	t.Helper()
	config := r.addBlob(manifest.MediaTypeOCIEmpty, "{}")
	s := manifest.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
	d := r.addDocument(t, manifest.Image{SchemaVersion: 2, MediaType: manifest.MediaTypeOCIManifest, Config: &config,
		Layers: []manifest.Descriptor{r.addBlob("text/plain", layer)}, Subject: &s})
	if r.referrers == nil {
		r.referrers = map[blob.Digest][]manifest.Descriptor{}
	}
	r.referrers[subject.Digest] = append(r.referrers[subject.Digest], d)
	return d
}

func TestReferrersComeBeforeTheTag(t *testing.T) {
	src, root := three(t)
	signature := refer(t, src, root, "signature")
	dst := newHub("to").repo("halo")
	if _, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, line := range dst.hub.log {
		for name, ref := range map[string]string{"image": string(root.Digest), "signature": string(signature.Digest), "tag": "t"} {
			if line == "put "+ref {
				order = append(order, name)
			}
		}
	}
	if fmt.Sprint(order) != "[image signature tag]" {
		t.Errorf("put in the order %v", order)
	}
}

func TestReferrersThatFailLeaveNoTag(t *testing.T) {
	broken := errors.New("on fire")
	for name, spoil := range map[string]func(src *repo, root manifest.Descriptor){
		"the list":     func(src *repo, _ manifest.Descriptor) { src.listErr = broken },
		"the tags":     func(src *repo, _ manifest.Descriptor) { src.tagsErr = broken },
		"a lost entry": func(src *repo, root manifest.Descriptor) { src.referrers[root.Digest][0].Digest = blob.FromBytes(nil) },
		"another size": func(src *repo, root manifest.Descriptor) { src.referrers[root.Digest][0].Size++ },
		"a lost blob": func(src *repo, _ manifest.Descriptor) {
			delete(src.hub.blobs["halo"], blob.FromBytes([]byte("signature")))
		},
		"a cosign tag": func(src *repo, root manifest.Descriptor) {
			src.hub.manifests["halo"]["sha256-"+root.Digest.Hex()+".sig"] = manifest.Manifest{Raw: []byte("{")}
		},
	} {
		src, root := three(t)
		refer(t, src, root, "signature")
		spoil(src, root)
		dst := newHub("to").repo("halo")
		_, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t")
		if err == nil || dst.hub.count("put t") != 0 {
			t.Errorf("%s: error %v, did %v", name, err, dst.hub.log)
		}
	}
}

func TestReferrersOfAllThatIsCopied(t *testing.T) {
	src := newHub("from").repo("halo")
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	nested := src.addIndex(t, "", amd64)
	root := src.addIndex(t, "t", nested, arm64)
	var want []manifest.Descriptor
	for i, subject := range []manifest.Descriptor{amd64, arm64, nested, root} {
		want = append(want, refer(t, src, subject, fmt.Sprint("on ", i)))
	}
	// Lists kept by hand may say anything: the subject itself, something twice, a circle.
	src.referrers[root.Digest] = append(src.referrers[root.Digest], src.referrers[root.Digest][0], amd64)
	src.referrers[want[3].Digest] = []manifest.Descriptor{want[0], want[3]}
	src.referrers[want[0].Digest] = []manifest.Descriptor{want[3]}
	src.tagsErr = fs.ErrNotExist // a registry may say so of a repository without tags
	dst := newHub("to").repo("halo")
	if _, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	for i, d := range want {
		if _, ok := dst.hub.manifests["halo"][string(d.Digest)]; !ok {
			t.Errorf("what refers to %d was not copied", i)
		}
		if n := dst.hub.count("put " + string(d.Digest)); n != 1 {
			t.Errorf("what refers to %d was put %d times", i, n)
		}
	}
}

// A chain of signatures of signatures ends somewhere.
func TestReferrersAreNotFollowedForever(t *testing.T) {
	src := newHub("from").repo("halo")
	subject := src.addImage(t, "linux/amd64", "1")
	src.hub.manifests["halo"]["t"] = src.hub.manifests["halo"][string(subject.Digest)]
	var chain []manifest.Descriptor
	for i := range 20 {
		subject = refer(t, src, subject, fmt.Sprint(i))
		chain = append(chain, subject)
	}
	dst := newHub("to").repo("halo")
	if _, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	copied := 0
	for _, d := range chain {
		if _, ok := dst.hub.manifests["halo"][string(d.Digest)]; ok {
			copied++
		}
	}
	if copied != 8 {
		t.Errorf("%d of %d were copied, want 8", copied, len(chain))
	}
}

// Interrupted between a referrer and its entry in the subject's list, a registry has the one and not the other: referrers
// are put again, although they are there.
func TestReferrersArePutAgain(t *testing.T) {
	src, root := three(t)
	signature := refer(t, src, root, "signature")
	dst := newHub("to").repo("halo")
	for range 2 {
		dst.hub.log = nil
		if _, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
			t.Fatal(err)
		}
		if n := dst.hub.count("put " + string(signature.Digest)); n != 1 {
			t.Errorf("the signature was put %d times", n)
		}
	}
	if n := dst.hub.count("put t"); n != 0 {
		t.Errorf("the image was put again: %v", dst.hub.log)
	}
}

func TestCosignTags(t *testing.T) {
	src, root := three(t)
	hex := root.Digest.Hex()
	for i, tag := range []string{"sha256-" + hex + ".sig", "sha256-" + hex + ".att", "sha256-" + hex + ".sbom",
		"sha256-" + hex + ".txt", "sha256-" + hex, "sha512-" + hex + ".sig", "sha256-" + strings.Repeat("0", 64) + ".sig", "sha256" + hex + ".sig", "x.sig"} {
		src.hub.manifests["halo"][tag] = src.hub.manifests["halo"][string(src.addImage(t, "linux/amd64", fmt.Sprint(i)).Digest)]
	}
	dst := newHub("to").repo("halo")
	if _, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if n := dst.hub.count("put sha256-"); n != 3 {
		t.Errorf("%d tags of cosign's were put, want 3: %v", n, dst.hub.log)
	}
}
