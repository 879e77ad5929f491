package transfer_test

import (
	"errors"
	"testing"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// nest adds an image below so many indexes, each in the next one, under tag t.
func (r *repo) nest(t testing.TB, indexes int) {
	t.Helper()
	d := r.addImage(t, "linux/amd64", "layer")
	for range indexes {
		d = r.addIndex(t, "t", d)
	}
}

// The limit is the same whichever way the indexes are followed, and what lies beyond is not read.
func TestDepthOfNestedIndexesIsLimited(t *testing.T) {
	for name, run := range map[string]func(src, dst *repo) error{
		"Copy":    func(src, dst *repo) error { return copyImage(t, src, dst, "t") },
		"CopyAll": func(src, dst *repo) error { return errors.Join(copyAll(t, src, to(dst, newRepo("other"))...)...) },
		"Collect": func(src, _ *repo) error {
			_, err := new(transfer.Engine).Collect(t.Context(), src, "t")
			return err
		},
		"Flatten": func(src, dst *repo) error {
			_, err := (&transfer.Engine{Flatten: true}).Copy(t.Context(), src, "t", dst, "t")
			return err
		},
		"Referrers": func(src, dst *repo) error {
			dst.manifests["t"] = src.manifests["t"] // only what refers to the image is lacking
			_, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t")
			return err
		},
	} {
		src := newRepo("src")
		src.nest(t, manifest.MaxDepth)
		if err := run(src, newRepo("dst")); err != nil {
			t.Errorf("%s at the limit: %v", name, err)
		}
		src, dst := newRepo("src"), newRepo("dst")
		src.nest(t, 2*manifest.MaxDepth)
		err := run(src, dst)
		var unsafe *manifest.DocumentError
		if !errors.Is(err, manifest.ErrTooDeep) || !errors.As(err, &unsafe) {
			t.Errorf("%s: got error %v", name, err)
		}
		if n := src.count("get"); n > manifest.MaxDepth+1 || dst.count("put") != 0 {
			t.Errorf("%s: %d manifests were read, %d put", name, n, dst.count("put"))
		}
	}
}

// A million paths through twenty levels of two indexes each are not all followed for referrers.
func TestReferrersOfNestedIndexesAreListedOnce(t *testing.T) {
	src, dst := newRepo("src"), newRepo("dst")
	below := []manifest.Descriptor{src.addImage(t, "linux/amd64", "1"), src.addImage(t, "linux/arm64", "2")}
	for range 20 {
		a, b := src.addIndex(t, "", below...), src.addIndex(t, "", below[1], below[0])
		below = []manifest.Descriptor{a, b}
	}
	src.addIndex(t, "t", below...)
	if _, err := (&transfer.Engine{Referrers: true}).Copy(t.Context(), src, "t", dst, "t"); err != nil {
		t.Fatal(err)
	}
	if n := src.count("get"); n > 100 {
		t.Errorf("%d manifests were read", n)
	}
}
