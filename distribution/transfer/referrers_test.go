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

// copyWithReferrers copies tag t of src with a new engine.
func copyWithReferrers(t testing.TB, src, dst *repo) error {
	t.Helper()
	_, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t")
	return err
}

func TestReferrers(t *testing.T) {
	src, root := threePlatforms(t)
	entries := src.entries(t, "t")
	sbom := src.addReferrer(t, entries[0], "sbom")
	ofSBOM := src.addReferrer(t, sbom, "signature of the sbom")
	ofRoot := src.addReferrer(t, root, "signature")
	cosign := strings.Replace(string(root.Digest), ":", "-", 1) + ".sig"
	src.manifests[cosign] = src.manifests[string(entries[2].Digest)]
	src.manifests["unrelated"] = src.manifests["t"]

	dst := newRepo("dst")
	for range 2 { // the second time the target already has the image itself
		if err := copyWithReferrers(t, src, dst); err != nil {
			t.Fatal(err)
		}
	}
	for _, ref := range []string{"t", cosign, string(sbom.Digest), string(ofSBOM.Digest), string(ofRoot.Digest)} {
		if _, ok := dst.manifests[ref]; !ok {
			t.Errorf("%s was not copied", ref)
		}
	}
	if _, ok := dst.manifests["unrelated"]; ok {
		t.Error("an unrelated tag was copied")
	}
}

func TestReferrersComeBeforeTheTag(t *testing.T) {
	src, root := threePlatforms(t)
	signature := src.addReferrer(t, root, "signature")
	dst := newRepo("dst")
	if err := copyWithReferrers(t, src, dst); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, line := range dst.log {
		for name, ref := range map[string]string{
			"image": string(root.Digest), "signature": string(signature.Digest), "tag": "t",
		} {
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
	broken := errors.New("broken")
	for name, spoil := range map[string]func(src *repo, root manifest.Descriptor){
		"the list fails": func(src *repo, _ manifest.Descriptor) { src.listErr = broken },
		"the tags fail":  func(src *repo, _ manifest.Descriptor) { src.tagsErr = broken },
		"another size":   func(src *repo, root manifest.Descriptor) { src.referrers[root.Digest][0].Size++ },
		"missing blob": func(src *repo, _ manifest.Descriptor) {
			delete(src.blobs, blob.FromBytes([]byte("signature")))
		},
		"broken cosign tag": func(src *repo, root manifest.Descriptor) {
			src.manifests["sha256-"+root.Digest.Hex()+".sig"] = manifest.Manifest{Raw: []byte("{")}
		},
	} {
		src, root := threePlatforms(t)
		src.addReferrer(t, root, "signature")
		spoil(src, root)
		dst := newRepo("dst")
		if err := copyWithReferrers(t, src, dst); err == nil || dst.count("put t") != 0 {
			t.Errorf("%s: error %v, calls %v", name, err, dst.log)
		}
	}
}

func TestReferrersOfAllManifestsAreCopiedOnce(t *testing.T) {
	src := newRepo("src")
	amd64, arm64 := src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")
	nested := src.addIndex(t, "", amd64)
	root := src.addIndex(t, "t", nested, arm64)
	var want []manifest.Descriptor
	for i, subject := range []manifest.Descriptor{amd64, arm64, nested, root} {
		want = append(want, src.addReferrer(t, subject, fmt.Sprint("of ", i)))
	}
	// A list may have anything in it: the subject itself, an entry twice, a cycle.
	src.referrers[root.Digest] = append(src.referrers[root.Digest], src.referrers[root.Digest][0], amd64)
	src.referrers[want[3].Digest] = []manifest.Descriptor{want[0], want[3]}
	src.referrers[want[0].Digest] = []manifest.Descriptor{want[3]}
	src.tagsErr = fs.ErrNotExist // a registry may answer so for a repository without tags
	dst := newRepo("dst")
	if err := copyWithReferrers(t, src, dst); err != nil {
		t.Fatal(err)
	}
	for i, d := range want {
		if _, ok := dst.manifests[string(d.Digest)]; !ok {
			t.Errorf("the referrer of %d was not copied", i)
		}
		if n := dst.count("put " + string(d.Digest)); n != 1 {
			t.Errorf("the referrer of %d was put %d times", i, n)
		}
	}
}

func TestReferrersAreCopiedToALimitedDepth(t *testing.T) {
	src := newRepo("src")
	subject := src.addImage(t, "linux/amd64", "1")
	src.manifests["t"] = src.manifests[string(subject.Digest)]
	var chain []manifest.Descriptor
	for i := range 20 {
		subject = src.addReferrer(t, subject, fmt.Sprint(i))
		chain = append(chain, subject)
	}
	dst := newRepo("dst")
	if err := copyWithReferrers(t, src, dst); err != nil {
		t.Fatal(err)
	}
	copied := 0
	for _, d := range chain {
		if _, ok := dst.manifests[string(d.Digest)]; ok {
			copied++
		}
	}
	if copied != 8 {
		t.Errorf("%d of %d were copied, want 8", copied, len(chain))
	}
}

// After an interruption a registry may have a referrer, but not its entry in the list of the
// subject's referrers.
func TestReferrersThatTheTargetHasArePutAgain(t *testing.T) {
	src, root := threePlatforms(t)
	signature := src.addReferrer(t, root, "signature")
	dst := newRepo("dst")
	for range 2 {
		dst.log = nil
		if err := copyWithReferrers(t, src, dst); err != nil {
			t.Fatal(err)
		}
		if n := dst.count("put " + string(signature.Digest)); n != 1 {
			t.Errorf("the signature was put %d times", n)
		}
	}
	if n := dst.count("put t"); n != 0 {
		t.Errorf("the image was put again: %v", dst.log)
	}
}

func TestCosignTags(t *testing.T) {
	src, root := threePlatforms(t)
	hex := root.Digest.Hex()
	for i, tag := range []string{
		"sha256-" + hex + ".sig", "sha256-" + hex + ".att", "sha256-" + hex + ".sbom", // these three are cosign's
		"sha256-" + hex + ".txt", "sha256-" + hex, "sha512-" + hex + ".sig",
		"sha256-" + strings.Repeat("0", 64) + ".sig", "sha256" + hex + ".sig", "x.sig",
	} {
		src.manifests[tag] = src.manifests[string(src.addImage(t, "linux/amd64", fmt.Sprint(i)).Digest)]
	}
	dst := newRepo("dst")
	if err := copyWithReferrers(t, src, dst); err != nil {
		t.Fatal(err)
	}
	if n := dst.count("put sha256-"); n != 3 {
		t.Errorf("%d tags of cosign were put, want 3: %v", n, dst.log)
	}
}
