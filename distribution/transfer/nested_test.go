package transfer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/hczjl/transship/distribution/transfer"
	"github.com/hczjl/transship/manifest"
)

// countedLocal is a localRepo that counts how often manifests are read, and fails when that has no end.
type countedLocal struct {
	localRepo
	reads atomic.Int64
}

func (c *countedLocal) Manifest(ctx context.Context, ref string) (manifest.Manifest, error) {
	if c.reads.Add(1) > 5000 {
		return manifest.Manifest{}, errors.New("manifests are read without end")
	}
	return c.localRepo.Manifest(ctx, ref)
}

// Two indexes of each level that list both of the next one are a million paths after twenty levels. Each document is
// read a few times, and not once for each path: neither before a copy from what knows its content, nor when the target
// has the image.
func TestNestedIndexesWithManyPaths(t *testing.T) {
	r := newRepo("source")
	level := []manifest.Descriptor{r.addImage(t, "linux/amd64", "a"), r.addImage(t, "linux/arm64", "b")}
	const levels = 20
	for i := range levels {
		entries, err := json.Marshal(level)
		if err != nil {
			t.Fatal(err)
		}
		var next []manifest.Descriptor
		for j := range 2 {
			raw := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"annotations":{"n":"%d.%d"},"manifests":%s}`,
				manifest.MediaTypeOCIIndex, i, j, entries)
			next = append(next, r.addRaw(t, raw, fmt.Sprintf("n%d.%d", i, j)))
		}
		level = next
	}
	top := fmt.Sprintf("n%d.0", levels-1)
	dst := newRepo("target")
	for _, what := range []string{"new", "at the target"} {
		src := &countedLocal{localRepo: localRepo{r}}
		_, err := new(transfer.Engine).Copy(t.Context(), src, top, dst, "x")
		if n := src.reads.Load(); err != nil || n > 10*levels {
			t.Errorf("%s: %d reads of %d manifests, error %v", what, n, 2*levels+2, err)
		}
		dst.manifests["x"] = r.manifests[top]
	}
}
