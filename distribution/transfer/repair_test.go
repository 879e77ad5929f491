package transfer_test

import (
	"testing"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
)

// With Repair the target is asked for all of an image that it has, and gets what it lacks; without
// it nothing is asked.
func TestRepair(t *testing.T) {
	src, list := threePlatforms(t)
	dst := newRepo("dst")
	if err := copyImage(t, src, dst, "t"); err != nil {
		t.Fatal(err)
	}
	child, layer := src.entries(t, "t")[1].Digest, blob.FromBytes([]byte("shared"))
	delete(dst.manifests, string(child))
	delete(dst.blobs, layer)
	dst.log = nil
	if err := copyImage(t, src, dst, "t"); err != nil || len(dst.log) != 1 {
		t.Errorf("without Repair: %v, %v", err, dst.log)
	}
	var outcomes []blob.Outcome
	for _, uploads := range []int{1, 0} {
		dst.log = nil
		e := &transfer.Engine{Repair: true, OnEvent: func(ev transfer.Event) {
			if ev.Kind == transfer.ImageDone {
				outcomes = append(outcomes, ev.Outcome)
			}
		}}
		d, err := e.Copy(t.Context(), src, "t", dst, "t")
		if err != nil || d.Digest != list.Digest {
			t.Fatal(d, err)
		}
		if puts, sent := dst.count("put "), dst.count("upload "); puts != uploads || sent != uploads {
			t.Errorf("%d manifests and %d blobs were put, want %d of each: %v", puts, sent, uploads, dst.log)
		}
	}
	if outcomes[0] != blob.Uploaded || outcomes[1] != blob.Exists {
		t.Errorf("the outcomes are %v", outcomes)
	}
}

// Of several targets each gets what it lacks itself.
func TestRepairOfSeveral(t *testing.T) {
	src, _ := threePlatforms(t)
	whole, lacking, empty := newRepo("whole"), newRepo("lacking"), newRepo("empty")
	for _, dst := range []*repo{whole, lacking} {
		if err := copyImage(t, src, dst, "t"); err != nil {
			t.Fatal(err)
		}
		dst.log = nil
	}
	layer, child := blob.FromBytes([]byte("shared")), src.entries(t, "t")[0].Digest
	delete(lacking.blobs, layer)
	delete(lacking.manifests, string(child))
	_, errs, common := (&transfer.Engine{Repair: true}).CopyAll(t.Context(), src, "t", to(whole, lacking, empty)...)
	for _, err := range append(errs, common) {
		if err != nil {
			t.Error(err)
		}
	}
	if whole.count("upload ") != 0 || lacking.count("upload ") != 1 || whole.count("put t") != 0 || lacking.count("put t") != 0 {
		t.Errorf("the whole one got %v, the other %v", whole.log, lacking.log)
	}
	for _, dst := range []*repo{lacking, empty} {
		if _, ok := dst.manifests[string(child)]; !ok || dst.blobs[layer] == nil || dst.manifests["t"].Raw == nil {
			t.Errorf("%s is not whole", dst)
		}
	}
}
