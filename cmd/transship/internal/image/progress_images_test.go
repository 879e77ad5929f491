package image

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// Of several images, a blob's status line names the one that it is copied for.
func TestStatusLinesNameTheImage(t *testing.T) {
	for _, several := range []bool{true, false} {
		p, began := newTerminalProgress()
		p.PerImage = several
		d := manifest.Descriptor{Digest: emptySHA256, Size: 10}
		for _, kind := range []transfer.EventKind{transfer.BlobFound, transfer.BlobStarted} {
			p.Event(transfer.Event{Kind: kind, Descriptor: d, Image: "dst/repo:1.6", Meter: &blob.Meter{}})
		}
		want := []string{"  sha256:e3b0c44298fc  [                    ]  0 B of 10 B", "  total 0 B of 10 B"}
		if several {
			want[0] += "  dst/repo:1.6"
		}
		if diff := cmp.Diff(want, p.statusLines(began)); diff != "" {
			t.Error(diff)
		}
	}
}
